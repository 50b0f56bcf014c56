"""The check for files of Keras 2: tf_keras, which is its last version, writes them and says what is right."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
import tensorflow as tf
import tf_keras

from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from tests.frontends.keras.support import Array, Feeds, _compare, _onnx_runner, _openvino_runner, feeds_for


def check_against_tf_keras(
    model: tf_keras.Model,
    tmp_path: Path,
    *,
    batches: Sequence[int] = (1, 3),
    length: int = 17,
    suffixes: Sequence[str] = (".h5", ".keras"),
) -> Source:
    """Saves the model, reads it, and compares with tf_keras: as read in ONNX Runtime, normalised in OpenVINO at f32."""
    randomise_old(model)
    sources = []
    for suffix in suffixes:
        path = tmp_path / f"old{suffix}"
        model.save(path)
        sources.append(read_keras(path))
    source = sources[0]
    assert source.framework.startswith("keras 2.")
    assert source.parameters == model.count_params()
    assert len({ir.to_proto(each.graph).SerializeToString() for each in sources}) == 1, "the formats differ"
    compare_with_tf_keras(source, model, batches=batches, length=length)
    return source


def compare_with_tf_keras(
    source: Source, model: tf_keras.Model, *, batches: Sequence[int] = (1, 3), length: int = 17
) -> None:
    """Compares what was read, as it is in ONNX Runtime and normalised in OpenVINO at f32, with the live model."""
    for batch in batches:
        feeds = feeds_for(source.interface, batch, length, 1.0)
        wanted = tf_keras_outputs(model, feeds)
        _compare(f"as read, batch {batch}", _onnx_runner(source)(feeds), wanted)
        _compare(f"normalised, batch {batch}", _openvino_runner(source)(feeds), wanted)


def randomise_old(model: tf_keras.Model, seed: int = 0) -> None:
    """Gives all weights values that tell each of them apart; variances stay positive."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        positive = "variance" in variable.name
        value = random.uniform(0.5, 2.0, variable.shape) if positive else random.normal(0.0, 0.7, variable.shape)
        variable.assign(value.astype(variable.dtype.as_numpy_dtype))


def tf_keras_outputs(model: tf_keras.Model, feeds: Feeds) -> list[Array]:
    """The outputs as a flat list; recurrent layers begin with their initial state."""
    model.reset_states()
    structure = model.inputs[0] if len(feeds) == 1 else model._nested_inputs
    given = tf.nest.pack_sequence_as(structure, [tf.constant(feed) for feed in feeds.values()])
    return [np.asarray(value) for value in tf.nest.flatten(model(given, training=False))]
