"""The one check that every layer rule goes through: real Keras writes the files, and real Keras says what is right."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import openvino
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from ovprep.emit.openvino import to_openvino
from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from ovprep.interface import Interface, Port
from ovprep.passes.pipeline import normalize

Array = NDArray[Any]
Feeds = Mapping[str, Array]
Runner = Callable[[Feeds], list[Array]]

_CORE = openvino.Core()

TOLERANCE = 2e-6
"""Largest error allowed, in parts of the output's own size (or of one, where that is less): some 16 ULP of float32."""

FORMATS = ("channels_last", "channels_first")


def shaped(data_format: str, length: int, channels: int) -> tuple[int, int]:
    """The shape of one sample in either format."""
    return (channels, length) if data_format == "channels_first" else (length, channels)


def time_axis(data_format: str) -> int:
    """Which axis is time, counting the batch."""
    return 2 if data_format == "channels_first" else 1


def check_layer(
    layer: keras.Layer,
    shape: Sequence[int],
    tmp_path: Path,
    *,
    open_time: int | None = None,
    spread: float = 1.0,
    shapes: bool = True,
) -> None:
    """Checks a model of this one layer on tensors `[N, *shape]`.

    Where `open_time` gives the place of the time axis (counting the batch), also checks a copy of the model that
    leaves this axis open, at two lengths.
    """
    name = layer.name
    config = layer.get_config()
    check_against_keras(_model_of(layer, shape), tmp_path, spread=spread, shapes=shapes)
    if open_time is not None:
        dims: list[int | None] = list(shape)
        dims[open_time - 1] = None
        copy = type(layer).from_config({**config, "name": name})
        lengths = (shape[open_time - 1], shape[open_time - 1] + 4)
        check_against_keras(_model_of(copy, dims), tmp_path, lengths=lengths, spread=spread, shapes=shapes)


def check_against_keras(
    model: keras.Model,
    tmp_path: Path,
    *,
    batches: Sequence[int] = (1, 3),
    lengths: Sequence[int] = (17,),
    spread: float = 1.0,
    shapes: bool = True,
    output_names: bool = True,
    suffixes: Sequence[str] = (".h5", ".keras"),
    edit: Callable[[Array], None] | None = None,
) -> Source:
    """Saves the model in both formats, reads it, and compares with Keras: the graph as read in ONNX Runtime, and the
    normalised one in OpenVINO at f32.

    Open axes other than the batch take each of the `lengths`; inputs are normal noise with the standard deviation
    `spread`; `shapes` is False where Keras states a shape that it does not keep. `output_names` where two outputs come
    from one layer, and need names that Keras does not give them. `edit` changes each input first.
    Returns what was read, for further questions.
    """
    randomise(model)
    source = read_both(model, tmp_path, suffixes)
    if shapes:
        _check_shapes(source, model)
    _check_names(source, model, output_names)
    runners = {"as read, in ONNX Runtime": onnx_runner(source), "normalised, in OpenVINO": openvino_runner(source)}
    for length in lengths if _has_open_axes(model) else lengths[:1]:
        for batch in batches:
            feeds = feeds_for(source.interface, batch, length, spread)
            for array in feeds.values() if edit else ():
                edit(array)
            wanted = keras_outputs(model, feeds)
            for name, run in runners.items():
                compare(f"{name}, batch {batch}, length {length}", run(feeds), wanted)
    return source


def randomise(model: keras.Model, seed: int = 0) -> None:
    """Gives all weights values that tell each of them apart; variances stay positive."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if "variance" in variable.name:
            value = random.uniform(0.5, 2.0, variable.shape)
        else:
            value = random.normal(0.0, 0.7, variable.shape)
        variable.assign(value.astype(np.float32))


def read_both(model: keras.Model, tmp_path: Path, suffixes: Sequence[str] = (".h5", ".keras")) -> Source:
    """Writes a file of each format, reads them, and asserts that they give one and the same graph."""
    sources = []
    for suffix in suffixes:
        path = tmp_path / f"model{suffix}"
        model.save(path)
        sources.append(read_keras(path))
    graphs = [ir.to_proto(source.graph) for source in sources]
    onnx.checker.check_model(graphs[0], full_check=True)
    assert len({graph.SerializeToString() for graph in graphs}) == 1, "the formats give different graphs"
    return sources[0]


def feeds_for(interface: Interface, batch: int, length: int, spread: float) -> dict[str, Array]:
    """Seeded normal noise for every input, by name; rows where an input points into a table."""
    random = np.random.default_rng(1)
    sizes = {name: batch if name == "batch" else length for name in interface.open_dims()}
    feeds = {}
    for port in interface.inputs:
        shape = port.shape(sizes)
        noise = random.normal(0, spread, shape) if port.rows is None else random.integers(0, port.rows, shape)
        feeds[port.name] = noise > 0 if port.dtype == "bool" else noise.astype(port.dtype)
    return feeds


def keras_outputs(model: keras.Model, feeds: Feeds) -> list[Array]:
    """The outputs of Keras, as a flat list: eager, or through XLA where TensorFlow has no other kernel for a CPU.

    Skips the test where neither computes the model.
    """
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model._inputs_struct
    arguments = tf.nest.pack_sequence_as(structure, [tf.constant(feed) for feed in feeds.values()])
    compiled = tf.function(lambda values: model(values, training=False), jit_compile=True)
    try:
        result = model(arguments, training=False)
    except tf.errors.OpError:
        try:
            result = compiled(arguments)
        except tf.errors.OpError as error:
            pytest.skip(f"Keras itself cannot compute this on a CPU: {str(error).splitlines()[0]}")
    return [np.asarray(value) for value in tf.nest.flatten(result)]


def _model_of(layer: keras.Layer, shape: Sequence[int | None]) -> keras.Model:
    x = keras.Input(tuple(shape), name="x")
    return keras.Model(x, layer(x), name="model")


def _has_open_axes(model: keras.Model) -> bool:
    return any(None in tensor.shape[1:] for tensor in model.inputs)


def _check_shapes(source: Source, model: keras.Model) -> None:
    for ports, tensors in ((source.interface.inputs, model.inputs), (source.interface.outputs, model.outputs)):
        stated = [tuple(dim if isinstance(dim, int) else None for dim in port.dims) for port in ports]
        assert stated == [tuple(tensor.shape) for tensor in tensors]


def _check_names(source: Source, model: keras.Model, output_names: bool) -> None:
    assert [port.name for port in source.interface.inputs] == _operations(model.inputs)
    if output_names:
        assert [port.name for port in source.interface.outputs] == _operations(model.outputs)


def _operations(tensors: Sequence[keras.KerasTensor]) -> list[str]:
    """Names of the layers that give the tensors, which are Keras' names of inputs and outputs."""
    return [tensor._keras_history.operation.name for tensor in tensors]


def onnx_runner(source: Source) -> Runner:
    """Runs the graph as it was read."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    data = ir.to_proto(source.graph).SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda feeds: list(session.run(None, dict(feeds)))


def openvino_runner(source: Source) -> Runner:
    """Runs the normalised model, with its inputs and outputs turned back to the layouts of the original."""
    graph = source.graph.clone()
    done = normalize(graph)
    before, after = done.original, done.interface
    onnx.checker.check_model(ir.to_proto(graph), full_check=True)
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    compiled = _CORE.compile_model(to_openvino(graph, after), "CPU", options)

    def run(feeds: Feeds) -> list[Array]:
        pairs = zip(before.inputs, after.inputs, strict=True)
        results = list(compiled({new.name: _turned(feeds[old.name], old, new) for old, new in pairs}).values())
        ports = zip(results, before.outputs, after.outputs, strict=True)
        return [_turned(value, new, old) for value, old, new in ports]

    return run


def _turned(array: Array, have: Port, want: Port) -> Array:
    """Brings the axes into the wanted order by their letters, never by their sizes."""
    if "?" in have.layout or have.layout == want.layout:
        assert "?" in want.layout or have.layout == want.layout
        return array
    return array.transpose([have.layout.index(letter) for letter in want.layout])


def compare(where: str, found: Sequence[Array], wanted: Sequence[Array]) -> None:
    """Asserts that all outputs have the wanted shapes and values."""
    assert len(found) == len(wanted), where
    for index, (mine, right) in enumerate(zip(found, wanted, strict=True)):
        assert mine.shape == right.shape, f"output {index}, {where}"
        assert np.isfinite(right).all(), "the reference is not finite"
        scale = max(1.0, float(np.abs(right).max(initial=0.0)))
        error = float(np.abs(mine.astype(np.float64) - right).max(initial=0.0))
        assert error <= TOLERANCE * scale, f"output {index}, {where}: off by {error:.2e}, outputs reach {scale:.1f}"
