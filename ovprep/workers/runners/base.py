"""What every runtime offers to the worker that hosts it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ovprep.options import ReadOptions
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Hint, Precision

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Options:
    """How a model is run.

    `shapes` fixes the shapes of all inputs, in their order, before the model is compiled, as one would on a device
    whose input never changes; None leaves open dimensions open. `reading` is for frameworks that load a model's file.
    `optimised` and `inner` are those of the contender. `taps` are names of inner tensors to give behind the outputs: of
    tensors for OpenVINO and ONNX Runtime, of layers for Keras, with `:1` behind the name for a second output. What the
    runtime does not know by its name is left out.
    `hint` is what the runtime shall be good at, where it knows the difference.
    """

    threads: int
    precision: Precision = "f32"
    shapes: Shapes | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    optimised: bool = True
    inner: tuple[int, ...] = ()
    taps: tuple[str, ...] = ()
    hint: Hint = "latency"


@dataclass(frozen=True)
class Loaded:
    """What is known of a model once a runtime has loaded it.

    `precision` is the type that the runtime computes in ("f32", "bf16", "f16"). `load_ms` is the time from the file to
    a model ready to run; `compile_ms` the part of it that went into compiling, where the runtime tells the two apart.
    `quantises` says that the runtime rounds floating-point values to 8 bits by itself, as TFLite's dynamic range does.
    `requests` are the inferences that it keeps under way at a time.
    `input_types` has the type and the sizes of each input, None for an open axis, where a runtime is asked for them.
    `taps` are the inner tensors that it gives behind the outputs.
    """

    version: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    precision: str
    load_ms: float
    compile_ms: float | None = None
    properties: dict[str, str] = field(default_factory=dict)
    quantises: bool = False
    requests: int = 1
    input_types: tuple[tuple[str, tuple[int | None, ...]], ...] = ()
    taps: tuple[str, ...] = ()


class Runner(Protocol):
    """A loaded model."""

    loaded: Loaded

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs in the model's own order for inputs in the model's own order."""

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """One inference as a function without arguments, for timing.

        The inputs are put into the runtime's own tensors beforehand, and the outputs are left in them: what is timed is
        the inference, not NumPy. The function returns once all outputs are computed.
        """


class Backend(Protocol):
    """A runtime that has been imported."""

    def load(self, path: Path, options: Options) -> Runner:
        """Loads a model file. Whatever the runtime raises is passed on."""


@runtime_checkable
class Converter(Protocol):
    """A runtime whose models other runtimes can convert."""

    def convert(self, path: Path, output: Path, options: Options) -> None:
        """Converts the model file by the other's own means: to an IR (`output`, .xml) with f32 weights, or TFLite."""


@runtime_checkable
class Pipelined(Protocol):
    """A loaded model that can have several inferences under way."""

    def pipeline(self, inputs: Sequence[Array]) -> tuple[Callable[[], object], Callable[[], object]]:
        """A function that starts one inference, waiting for a free place first, and one that waits for all of them."""


@runtime_checkable
class Anatomist(Protocol):
    """A runtime that tells how long each op takes, and what the machine can do at its best."""

    def op_times(self, path: Path, options: Options, inputs: Sequence[Array], seconds: float) -> list[dict[str, Any]]:
        """One object for each op that runs, in the order of running, with the fields of `ovprep.bench.results.OpTime`
        that were measured or counted."""

    def capability(self, threads: int) -> dict[str, Any]:
        """The fields of `ovprep.bench.results.Machine`, all but `threads`."""
