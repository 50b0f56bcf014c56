"""What runs: a model file together with the runtime and the precision that it runs in."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ovprep.options import ReadOptions
from ovprep.workers.wiring import Wiring

Runtime = Literal["keras", "onnxruntime", "openvino", "tensorflow", "tflite"]
Precision = Literal["f32", "default", "f16 weights"]
Role = Literal["original", "direct", "ovprep", "control", "carried", "model"]
Hint = Literal["latency", "throughput"]

READ_BY_OPENVINO = frozenset({".xml", ".onnx", ".pb", ".tflite"})
"""Suffixes that OpenVINO loads by itself, as it does SavedModel folders; anything else needs a conversion by its own
framework first."""


@dataclass(frozen=True)
class Contender:
    """A model file as one runtime runs it.

    `precision` is "f32", "default" for what the device chooses by itself (bf16 on CPUs that have it), or "f16 weights"
    for f32 with weights that were rounded to float16; only OpenVINO knows the difference. `input_layouts` are the
    layouts of its inputs ("NWC") where they differ from the original's; None: the same as the original's. A contender
    of runtime "openvino" whose path is a Keras file stands for OpenVINO's own direct conversion of that file, as one of
    "tflite" does for TensorFlow's: see `ovprep.workers.conversion`. `options` are for the framework that loads it.
    `optimised` False keeps ONNX Runtime from rewriting the graph. `inner` are the numbers of outputs of an OpenVINO
    model of which the input of the final activation is given too, behind all outputs. `taps` are inner tensors that it
    gives besides its outputs: see `Options`. `wiring` says how the original's arrays reach it, where it names or orders
    its inputs and outputs otherwise. `hint` "throughput" keeps as many inferences under way as OpenVINO finds best;
    other runtimes make no difference.
    """

    label: str
    runtime: Runtime
    path: Path
    precision: Precision = "f32"
    role: Role = "original"
    input_layouts: tuple[str, ...] | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    optimised: bool = True
    inner: tuple[int, ...] = ()
    taps: tuple[str, ...] = ()
    wiring: Wiring | None = None
    hint: Hint = "latency"

    @property
    def needs_conversion(self) -> bool:
        """Whether its runtime cannot read the file, so that the file's framework must convert it first."""
        suffix = self.path.suffix.lower()
        if self.runtime == "tflite":
            return suffix != ".tflite"
        return self.runtime == "openvino" and not (suffix in READ_BY_OPENVINO or self.path.is_dir())

    @property
    def size_on_disk(self) -> int:
        """Bytes of the file, with the weights beside it, or of a folder's files."""
        if self.path.is_dir():
            return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())
        weights = self.path.with_suffix(".bin")
        beside = weights.stat().st_size if self.path.suffix.lower() == ".xml" and weights.exists() else 0
        if self.path.suffix.lower() == ".onnx":
            from ovprep.graph.storage import data_bytes

            beside = data_bytes(self.path)
        stored = self.options.weights.stat().st_size if self.options.weights is not None else 0
        return self.path.stat().st_size + beside + stored
