"""The check for files of Keras 2: tf_keras, which is its last version, writes them and says what is right."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
import tensorflow as tf
import tf_keras

from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from tests.frontends.keras.support import Array, Feeds, compare, feeds_for, onnx_runner, openvino_runner

Edit = Callable[[Array], None]


def check_against_keras_2(
    model: tf_keras.Model,
    tmp_path: Path,
    *,
    batches: Sequence[int] = (1, 3),
    lengths: Sequence[int] = (17,),
    spread: float = 1.0,
    suffixes: Sequence[str] = (".h5",),
    edit: Edit | None = None,
    reload: bool = False,
) -> Source:
    """Saves the model, reads it, and compares with Keras 2: as read in ONNX Runtime, normalised in OpenVINO at f32.

    `edit` changes the inputs first. With `reload` the reference is what Keras 2 itself makes of the file.
    """
    randomise_keras_2(model)
    paths = [tmp_path / f"keras_2{suffix}" for suffix in suffixes]
    for path in paths:
        model.save(path)
    sources = [read_keras(path) for path in paths]
    source = sources[0]
    assert source.framework.startswith("keras 2.")
    assert len({ir.to_proto(each.graph).SerializeToString() for each in sources}) == 1, "the formats differ"
    reference = tf_keras.models.load_model(paths[0], compile=False) if reload else model
    for length in lengths:
        compare_with_keras_2(source, reference, batches=batches, length=length, spread=spread, edit=edit)
    return source


def compare_with_keras_2(
    source: Source,
    model: tf_keras.Model,
    *,
    batches: Sequence[int] = (1, 3),
    length: int = 17,
    spread: float = 1.0,
    edit: Edit | None = None,
) -> None:
    """Compares what was read with the live model, in values and in types."""
    runners = {"as read, in ONNX Runtime": onnx_runner(source), "normalised, in OpenVINO": openvino_runner(source)}
    for batch in batches:
        feeds = feeds_for(source.interface, batch, length, spread)
        for array in feeds.values() if edit else ():
            edit(array)
        wanted = keras_2_outputs(model, feeds)
        assert [np.dtype(port.dtype) for port in source.interface.outputs] == [value.dtype for value in wanted]
        for name, run in runners.items():
            compare(f"{name}, batch {batch}, length {length}", run(feeds), wanted)


def randomise_keras_2(model: tf_keras.Model, seed: int = 0) -> None:
    """Gives all weights values that tell each of them apart; variances stay positive."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        positive = "variance" in variable.name
        value = random.uniform(0.5, 2.0, variable.shape) if positive else random.normal(0.0, 0.7, variable.shape)
        variable.assign(value.astype(variable.dtype.as_numpy_dtype))


def keras_2_outputs(model: tf_keras.Model, feeds: Feeds) -> list[Array]:
    """The outputs as a flat list; recurrent layers begin with their initial state."""
    model.reset_states()
    structure = model.inputs[0] if len(feeds) == 1 else model._nested_inputs
    given = tf.nest.pack_sequence_as(structure, [tf.constant(feed) for feed in feeds.values()])
    return [np.asarray(value) for value in tf.nest.flatten(model(given, training=False))]
