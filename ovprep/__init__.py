"""Trained 1D CNNs to OpenVINO IR: channel-last at the interface, proven equal to the original, timed against it."""

from typing import TYPE_CHECKING, Any

from ovprep.errors import (
    MissingDependencyError,
    ModelError,
    OptionError,
    OutputError,
    OvprepError,
    RuntimeFailure,
    UnsupportedError,
    VerificationError,
)

if TYPE_CHECKING:
    from ovprep.api import convert, inspect, normalize
    from ovprep.benchmarking import benchmark
    from ovprep.emit.torch_state import torch_state
    from ovprep.frontends.keras.layers.registry import keras_layer
    from ovprep.inspection import Inspection
    from ovprep.keras_writing import to_keras
    from ovprep.options import InterfaceOptions
    from ovprep.recheck import verify_certificate
    from ovprep.relayout.convert import convert_channels_first_to_last, convert_channels_last_to_first
    from ovprep.report.benched import Benchmarked
    from ovprep.report.document import Conversion, Normalized
    from ovprep.report.verified import Verified
    from ovprep.reporting import report_page
    from ovprep.verifying import verify

__version__ = "0.1.0"

__all__ = [
    "Benchmarked",
    "Conversion",
    "Inspection",
    "InterfaceOptions",
    "MissingDependencyError",
    "ModelError",
    "Normalized",
    "OptionError",
    "OutputError",
    "OvprepError",
    "RuntimeFailure",
    "UnsupportedError",
    "VerificationError",
    "Verified",
    "__version__",
    "benchmark",
    "convert",
    "convert_channels_first_to_last",
    "convert_channels_last_to_first",
    "inspect",
    "keras_layer",
    "normalize",
    "report_page",
    "to_keras",
    "torch_state",
    "verify",
    "verify_certificate",
]

# These bring NumPy and ONNX with them, which `ovprep --help` does without.
_LAZY = {
    "Benchmarked": "ovprep.report.benched",
    "Conversion": "ovprep.report.document",
    "Inspection": "ovprep.inspection",
    "Normalized": "ovprep.report.document",
    "Verified": "ovprep.report.verified",
    "InterfaceOptions": "ovprep.options",
    "benchmark": "ovprep.benchmarking",
    "convert": "ovprep.api",
    "convert_channels_first_to_last": "ovprep.relayout.convert",
    "convert_channels_last_to_first": "ovprep.relayout.convert",
    "inspect": "ovprep.api",
    "normalize": "ovprep.api",
    "report_page": "ovprep.reporting",
    "to_keras": "ovprep.keras_writing",
    "torch_state": "ovprep.emit.torch_state",
    "verify": "ovprep.verifying",
    "verify_certificate": "ovprep.recheck",
    "keras_layer": "ovprep.frontends.keras.layers.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'ovprep' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
