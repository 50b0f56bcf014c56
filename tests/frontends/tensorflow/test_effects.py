"""Files that would do more than compute: write, delete, call Python."""

import os
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.harmless import harmful_call
from ovprep.frontends.open import read_model
from ovprep.loading.keras import CannotLoad, load_original
from ovprep.options import ReadOptions
from tests.frontends.keras.files import config_of, with_config

pytestmark = pytest.mark.usefixtures("in_this_process")


def file_with(tmp_path: Path, layer: dict[str, Any]) -> Path:
    """A sound model of Keras 2, but for one more layer, which nothing takes."""
    x = keras.Input((8, 2), name="x")
    keras.Model(x, layers.Conv1D(3, 3)(x)).save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["keras_version"] = "2.15.0"
    config = config_of(tmp_path / "model.h5")
    config["config"]["layers"].insert(1, layer)
    return with_config(tmp_path / "model.h5", config)


@pytest.mark.parametrize("kind", ["TFOpLambda", "TensorFlowOpLayer"])
def test_a_keras_file_that_writes_a_file(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "written"
    config = {"name": "op", "trainable": True, "dtype": "float32", "function": "io.write_file"}
    if kind == "TensorFlowOpLayer":
        config = {
            "name": "op",
            "node_def": {"name": "w", "op": "WriteFile", "input": ["f", "c"]},
            "constants": {"1": "x"},
        }
    nodes = [["_CONSTANT_VALUE", -1, str(target), {"contents": "evil"} if kind == "TFOpLambda" else {}]]
    path = file_with(tmp_path, {"class_name": kind, "name": "op", "config": config, "inbound_nodes": nodes})
    with pytest.raises(UnsupportedError, match=r"makes Keras call the .*(write_file|WriteFile).*--allow-code"):
        read_model(path, ReadOptions())
    with pytest.raises(CannotLoad):
        load_original(path, ReadOptions())
    assert not target.exists()


@pytest.mark.parametrize(
    ("entry", "harmful"),
    [
        ({"class_name": "TFOpLambda", "config": {"function": "math.multiply"}}, False),
        ({"class_name": "TFOpLambda", "config": {"function": "compat.v1.transpose"}}, False),
        ({"class_name": "TFOpLambda", "config": {"function": "io.gfile.rmtree"}}, True),
        ({"class_name": "TFOpLambda", "config": {"function": "mathematics"}}, True),
        ({"class_name": "TFOpLambda", "config": {}}, True),
        ({"class_name": "TensorFlowOpLayer", "config": {"node_def": 'name: "a" op: "Mul"'}}, False),
        ({"class_name": "TensorFlowOpLayer", "config": {"node_def": 'op: "Mul" op: "WriteFile"'}}, True),
        ({"class_name": "TensorFlowOpLayer", "config": {"node_def": ""}}, True),
        ({"class_name": "ClassMethod", "config": {"fn_name": "save"}}, True),
        ({"class_name": "Dense", "config": {"function": "io.write_file"}}, False),
    ],
    ids=str,
)
def test_what_is_known_to_be_harmless(entry: dict[str, Any], harmful: bool) -> None:
    assert (harmful_call(entry) is not None) == harmful


def test_a_saved_model_that_writes_a_file(tmp_path: Path) -> None:
    target = tmp_path / "written"

    class Writer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            tf.io.write_file(str(target), "evil")
            return 2.0 * x

    module = Writer()
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.__call__)
    with pytest.raises(UnsupportedError, match="holds the operation WriteFile"):
        read_model(tmp_path / "model", ReadOptions())
    assert not target.exists()


def test_a_frozen_graph_that_calls_python(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (1, 4), name="x")
        tf.identity(tf.py_function(np.negative, [x], tf.float32), name="y")
    tf.io.write_graph(graph, str(tmp_path), "model.pb", as_text=False)
    assert os.listdir(tmp_path) == ["model.pb"]
    with pytest.raises(UnsupportedError, match="holds the operation EagerPyFunc"):
        read_model(tmp_path / "model.pb", ReadOptions())
