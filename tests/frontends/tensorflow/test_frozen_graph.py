"""Frozen graphs in `.pb` files, against a session of TensorFlow 1."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ovprep.errors import ModelError, OvprepError
from ovprep.frontends.open import read_model
from tests.frontends.tensorflow.support import check

pytestmark = pytest.mark.usefixtures("in_this_process")
v1 = tf.compat.v1


def graph_of(build: Callable[[], object]) -> tf.Graph:
    with tf.Graph().as_default() as graph:
        build()
    return graph


def save(graph: tf.Graph, folder: Path) -> Path:
    path = folder / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def weights(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=shape).astype(np.float32))


def two_of_each() -> None:
    """Two inputs, one placeholder that nothing takes, a batch normalisation at one end, a split at the other."""
    signal = v1.placeholder(tf.float32, [None, 17, 3], name="in/signal")
    bias = v1.placeholder(tf.float32, [None, 4], name="bias")
    v1.placeholder(tf.bool, [], name="training")
    hidden = tf.nn.conv1d(signal, weights(3, 3, 4), 1, "SAME")
    scale, offset, mean, variance = (tf.abs(weights(4)) + number for number in range(4))
    v1.nn.fused_batch_norm(hidden[:, None], scale, offset, mean, variance, is_training=False, name="normal")
    tf.split(tf.reduce_mean(hidden, 1) + bias, [1, 3], axis=1, name="parts")


def test_placeholders_in_and_what_nothing_takes_out(tmp_path: Path) -> None:
    graph = graph_of(two_of_each)
    source = read_model(save(graph, tmp_path))
    names = ["normal", "parts", "parts:1"]
    assert [port.name for port in source.interface.inputs] == ["in/signal", "bias"]
    assert [port.name for port in source.interface.outputs] == names
    assert (source.format, source.runtime) == ("frozen-pb", "tensorflow")
    fetches = [name if ":" in name else f"{name}:0" for name in names]

    def reference(feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        with v1.Session(graph=graph) as session:
            return list(session.run(fetches, {f"{name}:0": value for name, value in feeds.items()}))

    check(source, reference)


def only_constants() -> None:
    tf.nn.relu(weights(2, 3))


def no_results() -> None:
    v1.placeholder(tf.float32, [None, 3])


def not_frozen() -> None:
    kernel = v1.get_variable("kernel", initializer=np.ones((3, 4), np.float32))
    tf.matmul(v1.placeholder(tf.float32, [None, 3]), kernel)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (only_constants, r"has no placeholders that could be its inputs\.$"),
        (no_results, r"has no placeholders that could be its inputs\.$"),
        (
            not_frozen,
            r"is not frozen: its weights, such as 'kernel', are in a checkpoint elsewhere\. Save a",
        ),
    ],
)
def test_graphs_that_are_no_model(build: Callable[[], None], sentence: str, tmp_path: Path) -> None:
    path = save(graph_of(build), tmp_path)
    with pytest.raises(ModelError, match=sentence) as caught:
        read_model(path)
    assert str(caught.value).startswith(str(path))


def test_files_that_are_no_graph(tmp_path: Path) -> None:
    whole = graph_of(two_of_each).as_graph_def().SerializeToString()
    path = tmp_path / "frozen.pb"
    unknown = whole.replace(b"Split", b"Splat")
    for content, sentence in (
        (b"", "is empty"),
        (b"a note about a model, and no model", "does not parse as a GraphDef"),
        (whole[: len(whole) // 2], "does not parse as a GraphDef"),
        (unknown, "is no graph that TensorFlow can load: .*Splat"),
    ):
        path.write_bytes(content)
        with pytest.raises(OvprepError, match=sentence) as caught:
            read_model(path)
        assert "\n" not in str(caught.value)
