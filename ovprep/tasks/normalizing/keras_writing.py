"""From a model file to a live, channel-last Keras model, proven equal to the original."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from ovprep.errors import OptionError
from ovprep.frontends.source import Source
from ovprep.options import InterfaceOptions, ReadOptions
from ovprep.passes.folding import fold_shapes
from ovprep.passes.group_norm import name_group_norms
from ovprep.passes.pipeline import ANY_RUNTIME, LAYERS, Normalization, normalize
from ovprep.tasks.arguments import checked_threads
from ovprep.tasks.examine import Candidate, examine
from ovprep.tasks.reading import read_opened

if TYPE_CHECKING:
    import keras  # noqa: TID251  (imported for good by emit.keras alone)


def to_keras(
    model: str | os.PathLike[str] | Any,
    *,
    dynamic: Sequence[str] = (),
    interface: InterfaceOptions | None = None,
    verify: bool = True,
    threads: int | None = None,
    seed: int = 0,
) -> "keras.Model":
    """A Functional Keras model, channel-last throughout, that computes what an ONNX model does.

    model       path of a model file, or an `onnx.ModelProto`
    dynamic     fixed axes to open where the ops let them be: "batch", "time", or an input as `x[?,?,1]`
    interface   layouts and fixed sizes of inputs and outputs; channel-last and as open as the model by default
    verify      save the Keras model, load it in a process of its own, and compare it with the original at float32
    threads     threads that either may use; all cores of the process by default
    seed        of the signals

    Layers have the names of the PyTorch modules where the file tells them, inputs and outputs those of the file. The
    model has native layers, and `keras.ops` where there is no layer; it can be saved, loaded and trained.

    Raises ModelError or UnsupportedError, naming the node, where Keras has no exact equal; MissingDependencyError
    without Keras; VerificationError where the result is not equal to the original.
    """
    count = checked_threads(threads)
    with _as_file(model) as path:
        source = read_opened(path, ReadOptions(), dynamic, interface)
        made, done = written_anew(source, interface, path.stem)
        if verify:
            _verify(made, source, done, interface, count, seed)
        return made


def written_anew(source: Source, interface: InterfaceOptions | None, name: str) -> tuple["keras.Model", Normalization]:
    """The Keras model that a graph says, and what was done to the graph before. The source is left as it was."""
    from ovprep.emit.keras import write_keras

    graph = source.graph.clone()
    _name_early(graph)
    done = normalize(graph, interface, purpose=LAYERS)
    return write_keras(graph, name), done


def measured_graph(source: Source, interface: InterfaceOptions | None) -> ir.Model:
    """The canonical graph with the interface of the Keras model: float32's own noise is measured on it."""
    graph = source.graph.clone()
    _name_early(graph)
    normalize(graph, interface, purpose=ANY_RUNTIME)
    return graph


def _name_early(graph: ir.Model) -> None:
    """Lets ops say what axes are where only Reshapes would stand at the interface."""
    fold_shapes(graph)
    name_group_norms(graph)


def _verify(
    model: "keras.Model",
    source: Source,
    done: Normalization,
    interface: InterfaceOptions | None,
    threads: int,
    seed: int,
) -> None:
    """Compares what comes out of a file with the original."""
    with tempfile.TemporaryDirectory(prefix="ovprep.") as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        examine(
            Candidate(source, done.original, measured_graph(source, interface), done.interface, file, "keras"),
            verifying=True,
            seconds=None,
            threads=threads,
            seed=seed,
            on_stage=lambda stage: None,
        )


@contextmanager
def _as_file(model: Any) -> Iterator[Path]:
    """The path of a model; a model in memory is saved to a temporary file first."""
    if isinstance(model, (str, os.PathLike)):
        yield Path(model)
        return
    import onnx

    if not isinstance(model, onnx.ModelProto):
        raise OptionError(f"A model is a path or an onnx.ModelProto, not a {type(model).__name__}.")
    with tempfile.TemporaryDirectory(prefix="ovprep.") as folder:
        path = Path(folder) / f"{model.graph.name or 'model'}.onnx".replace("/", "_")
        onnx.save(model, path)
        yield path
