"""From a model file to a live, channel-last Keras model, proven equal to the original."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from ovprep.api import checked_threads, read_source
from ovprep.errors import OptionError
from ovprep.examine import Candidate, examine
from ovprep.frontends.source import Source
from ovprep.interface import Interface
from ovprep.layout.letters import infer_interface
from ovprep.options import InterfaceOptions, ReadOptions
from ovprep.passes.folding import fold_shapes
from ovprep.passes.group_norm import name_group_norms
from ovprep.passes.pipeline import FOR_LAYERS, normalize

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
    from ovprep.emit.keras import write_keras

    count = checked_threads(threads)
    with _as_file(model) as path:
        source = read_source(path, ReadOptions(), dynamic, interface)
        graph = source.graph.clone()
        options = _prepared(graph, interface)
        done = normalize(graph, options, defects=(), around_layout=FOR_LAYERS)
        made = write_keras(graph, path.stem)
        if verify:
            _verify(made, source, done.original, options, count, seed)
        return made


def _prepared(graph: ir.Model, interface: InterfaceOptions | None) -> InterfaceOptions:
    """The options for a graph whose ops say by now what axes are, where only Reshapes stand at the interface."""
    fold_shapes(graph)
    name_group_norms(graph)
    return with_images(interface or InterfaceOptions(), infer_interface(graph))


def _verify(
    model: "keras.Model", source: Source, original: Interface, options: InterfaceOptions, threads: int, seed: int
) -> None:
    """Compares what comes out of a file with the original; float32's own noise is measured on the canonical graph."""
    canonical = source.graph.clone()
    _prepared(canonical, options)
    interface = normalize(canonical, options, defects=()).interface
    with tempfile.TemporaryDirectory(prefix="ovprep.") as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        examine(
            Candidate(source, original, canonical, interface, file, "keras"),
            verifying=True,
            seconds=None,
            threads=threads,
            seed=seed,
            on_stage=lambda stage: None,
        )


def with_images(options: InterfaceOptions, interface: Interface) -> InterfaceOptions:
    """The options, with tensors that have several spatial axes channel-last too: here nothing else is."""
    images = {
        port.name: options.layout_of(port.name)
        for port in (*interface.inputs, *interface.outputs)
        if len(port.layout) > 3 and "?" not in port.layout
    }
    return replace(options, layouts={**images, **options.layouts})


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
