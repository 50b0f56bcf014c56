"""From a model file to a live, channel-last Keras model."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovprep.api import read_source
from ovprep.errors import MissingDependencyError, OptionError
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
) -> "keras.Model":
    """A Functional Keras model, channel-last throughout, that computes what an ONNX model does.

    model       path of a model file, or an `onnx.ModelProto`
    dynamic     fixed axes to open where the ops let them be: "batch", "time", or an input as `x[?,?,1]`
    interface   layouts and fixed sizes of inputs and outputs; channel-last and as open as the model by default

    Layers have the names of the PyTorch modules where the file tells them, inputs and outputs those of the file. The
    model has native layers, and `keras.ops` where there is no layer; it can be saved, loaded and trained.

    Raises ModelError or UnsupportedError, naming the node, where Keras has no exact equal; MissingDependencyError
    without Keras.
    """
    try:
        from ovprep.emit.keras import write_keras
    except ImportError as error:
        raise MissingDependencyError(f"A Keras model needs Keras 3: {error}. Install keras and tensorflow.") from error
    with _as_file(model) as path:
        source = read_source(path, ReadOptions(), dynamic, interface)
        graph = source.graph.clone()
        fold_shapes(graph)
        name_group_norms(graph)  # says what axes are, where only Reshapes stand at the interface
        options = with_images(interface or InterfaceOptions(), infer_interface(graph))
        normalize(graph, options, defects=(), around_layout=FOR_LAYERS)
        return write_keras(graph, path.stem)


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
