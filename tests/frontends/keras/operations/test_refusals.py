"""What no rule covers, and what makes no sense: one sentence each, never anything else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers, ops

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, refusal_of, with_config

REFUSED: dict[str, Callable[[Any], Any]] = {
    r"\(Median, layer 2\) is .* that ovprep cannot convert": ops.median,
    "removes all axes of size one, the batch too": lambda x: ops.squeeze(x[:, :1]),
    "reshapes to .*, which fixes the size of an open axis": lambda x: ops.reshape(ops.ravel(x), (2, 12)),
    "works in the type 'float16'": lambda x: ops.cast(x, "float16"),
    "raises integers to a power": lambda x: ops.power(ops.cast(x, "int32"), 2),
    "computes with truth values": lambda x: ops.add(x > 0, x < 1),
    "divides integers without a remainder": lambda x: ops.cast(x, "int32") // 2,
    "averages with weights": lambda x: ops.average(x, axis=-1, weights=np.arange(4.0, dtype=np.float32)),
    "needs the size of axis 0": lambda x: ops.repeat(x, 2, axis=0),
    "takes from all axes at once": lambda x: ops.take(x, [0]),
    "is called with an array of type uint8": lambda x: x * np.ones(4, np.uint8),
    "multiplies matrices of integers": lambda x: ops.matmul(ops.cast(x, "int32"), np.ones((4, 2), np.int32)),
}

REFUSED_OF_TENSORFLOW: dict[str, Callable[[Any], Any]] = {
    "is the function tf.nn.dropout": lambda x: tf.nn.dropout(x, 0.5),
    "computes with integers": lambda x: tf.reduce_mean(tf.cast(x, tf.int32), axis=1),
    "gathers for each sample": lambda x: tf.gather(x, tf.zeros((2, 1), tf.int32), axis=1, batch_dims=1),
    "computes a shape": lambda x: tf.reshape(x, [tf.shape(x)[0] * tf.shape(x)[1], -1]),
}


@pytest.mark.parametrize("sentence", REFUSED)
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_refused(sentence: str, suffix: str, tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    path = tmp_path / f"model{suffix}"
    keras.Model(x, REFUSED[sentence](x)).save(path)
    with pytest.raises(UnsupportedError, match=sentence):
        read_keras(path)


@pytest.mark.parametrize("sentence", REFUSED_OF_TENSORFLOW)
def test_refused_of_tensorflow(sentence: str, tmp_path: Path) -> None:
    x = tf_keras.Input((6, 4), batch_size=None, name="x")
    path = tmp_path / "model.h5"
    tf_keras.Model(x, REFUSED_OF_TENSORFLOW[sentence](x)).save(path)
    with pytest.raises(UnsupportedError, match=sentence):
        read_keras(path)


def test_an_operation_without_its_argument(tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    path = tmp_path / "model.keras"
    keras.Model(x, x + 1).save(path)
    config = config_of(path)
    config["config"]["layers"][1]["inbound_nodes"][0]["args"].pop()
    with pytest.raises(ModelError, match=r"\(Add, layer 2\) is called with arguments that do not fit it: missing"):
        read_keras(with_config(path, config))


def test_a_layer_and_an_operation_of_one_name(tmp_path: Path) -> None:
    """An `.h5` file says `Add` for both; an operation is given two tensors, a layer a list of them."""
    x = keras.Input((6, 4), name="x")
    path = tmp_path / "model.h5"
    keras.Model(x, layers.Add(name="layer")([ops.add(x, x), x])).save(path)
    graph = read_keras(path).graph.graph
    assert [node.op_type for node in graph] == ["Add", "Add"]
    assert [str(node.name).split("/")[0].split("_")[0] for node in graph] == ["add", "layer"]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.sampled_from([0.5, float("inf"), float("nan"), 2**31, -(2**63), 10**30, "", "same", "x", "float32", "bij,bjk"]),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


def every_family(x: Any) -> list[Any]:
    matrix = np.ones((4, 3), np.float32)
    return [
        *(x * 2 + matrix[:, 0], ops.clip(x, 0, 1), ops.where(x > 0, x, 0.0), ops.one_hot(ops.argmax(x, axis=1), 6)),
        *(ops.mean(x, axis=1), ops.norm(x, ord=1, axis=-1), ops.top_k(x, 2)[0], ops.cumsum(x, axis=1), ops.diff(x)),
        *(ops.reshape(x, (-1, 24)), ops.transpose(x, (0, 2, 1)), ops.pad(x, ((0, 0), (1, 1), (0, 0)))),
        *(ops.squeeze(x[:, :1], 1), ops.moveaxis(x, 1, 2), ops.tile(x, (1, 2, 1)), ops.repeat(x, 2, axis=1)),
        *(ops.flip(x, axis=1), ops.roll(x, 1, axis=1), ops.concatenate([x, x], axis=1), ops.stack([x, x], axis=1)),
        *(ops.split(x, 2, axis=1)[0], ops.take(x, [1], axis=1), x[:, 1:4, None], ops.unstack(x, axis=1)[0]),
        *(ops.matmul(x, matrix), ops.einsum("btc,cd->btd", x, matrix), ops.tensordot(x, matrix, axes=1)),
        *(ops.softmax(x, axis=1), ops.leaky_relu(x), ops.glu(x), ops.max_pool(x, 2), ops.conv(x, matrix[None])),
        *(ops.layer_normalization(x), ops.normalize(x, axis=1), ops.cast(x, "int32"), ops.expand_dims(x, 1)),
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = keras.Input((6, 4), name="x")
    path = tmp_path_factory.mktemp("sound") / "model.keras"
    keras.Model(x, every_family(x)).save(path)
    read_keras(path)
    return path


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_tampered_arguments(sound: Path, data: st.DataObject) -> None:
    """One argument of one operation is another value: read, or refused with a sentence."""
    config = config_of(sound)
    entry = data.draw(st.sampled_from(config["config"]["layers"][1:]))
    places = [(entry["config"], key) for key in entry["config"] if key != "name"]
    arguments = entry["inbound_nodes"][0]["args"]
    places += [(arguments, index) for index in range(len(arguments))]
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(VALUES)
    sentence = refusal_of(with_config(sound, config))
    assert sentence is None or (sentence.endswith(".") and "\n" not in sentence)


def test_a_reshape_that_swaps_two_open_axes(tmp_path: Path) -> None:
    x = tf_keras.Input((None, None, 3), name="x")
    sizes = tf.shape(x)
    path = tmp_path / "model.h5"
    tf_keras.Model(x, tf.reshape(x, [sizes[0], sizes[2], sizes[1], 3])).save(path)
    with pytest.raises(UnsupportedError, match="reshapes to several open sizes"):
        read_keras(path)
