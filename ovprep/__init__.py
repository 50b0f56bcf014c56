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
    from ovprep.emit.torch_state import torch_state
    from ovprep.frontends.keras.layers.registry import keras_layer
    from ovprep.options import InterfaceOptions
    from ovprep.relayout.convert import convert_channels_first_to_last, convert_channels_last_to_first
    from ovprep.report.benched import Benchmarked
    from ovprep.report.document import Conversion, Normalized
    from ovprep.report.verified import Verified
    from ovprep.tasks.benchmarking.benchmark import benchmark
    from ovprep.tasks.converting.convert import convert
    from ovprep.tasks.inspection import Inspection, inspect
    from ovprep.tasks.normalizing.keras_writing import to_keras
    from ovprep.tasks.normalizing.normalize import normalize
    from ovprep.tasks.reporting import report_page
    from ovprep.tasks.verifying.recheck import verify_certificate
    from ovprep.tasks.verifying.verify import verify

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
    "Inspection": "ovprep.tasks.inspection",
    "Normalized": "ovprep.report.document",
    "Verified": "ovprep.report.verified",
    "InterfaceOptions": "ovprep.options",
    "benchmark": "ovprep.tasks.benchmarking.benchmark",
    "convert": "ovprep.tasks.converting.convert",
    "convert_channels_first_to_last": "ovprep.relayout.convert",
    "convert_channels_last_to_first": "ovprep.relayout.convert",
    "inspect": "ovprep.tasks.inspection",
    "normalize": "ovprep.tasks.normalizing.normalize",
    "report_page": "ovprep.tasks.reporting",
    "to_keras": "ovprep.tasks.normalizing.keras_writing",
    "torch_state": "ovprep.emit.torch_state",
    "verify": "ovprep.tasks.verifying.verify",
    "verify_certificate": "ovprep.tasks.verifying.recheck",
    "keras_layer": "ovprep.frontends.keras.layers.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'ovprep' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
