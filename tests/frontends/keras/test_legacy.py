"""Configurations of Keras 1 and 2."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.legacy import HARD_SIGMOID, modernize
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config, with_weights
from tests.frontends.keras.support import randomise

MODELS = Path(__file__).parents[4] / "shared" / "models"


def modern(class_name: str, config: dict[str, Any], version: str = "1.2.2") -> dict[str, Any]:
    return modernize({"class_name": class_name, "config": config}, version)


@pytest.mark.parametrize(
    ("class_name", "old", "name", "new"),
    [
        (
            "AtrousConvolution1D",
            {"nb_filter": 4, "filter_length": 3, "subsample_length": 2, "atrous_rate": 2, "bias": False},
            "Conv1D",
            {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2, "use_bias": False},
        ),
        ("Convolution1D", {"border_mode": "same"}, "Conv1D", {"padding": "same"}),
        ("MaxPooling1D", {"pool_length": 2, "stride": 3}, "MaxPooling1D", {"pool_size": 2, "strides": 3}),
        ("Dense", {"output_dim": 5}, "Dense", {"units": 5}),
        ("Dropout", {"p": 0.5}, "Dropout", {"rate": 0.5}),
        ("UpSampling1D", {"length": 2}, "UpSampling1D", {"size": 2}),
        ("LeakyReLU", {"alpha": 0.1}, "LeakyReLU", {"negative_slope": 0.1}),
        ("Merge", {"mode": "concat", "concat_axis": 1}, "Concatenate", {"mode": "concat", "axis": 1}),
        ("Merge", {"mode": "sum"}, "Add", {"mode": "sum", "axis": -1}),
        ("Activation", {"activation": "hard_sigmoid"}, "Activation", {"activation": HARD_SIGMOID}),
    ],
)
def test_old_words(class_name: str, old: dict[str, Any], name: str, new: dict[str, Any]) -> None:
    assert modern(class_name, old) == {"class_name": name, "config": new}
    assert modern(class_name, old, "3.1.0") == {"class_name": class_name, "config": old}


def test_layers_inside_are_translated() -> None:
    inner = {"class_name": "Dense", "config": {"output_dim": 5}}
    assert modern("Sequential", {"layers": [inner]})["config"]["layers"][0]["config"] == {"units": 5}


@pytest.mark.parametrize(
    ("class_name", "config"),
    [("BatchNormalization", {"mode": 1}), ("Merge", {"mode": "cos"}), ("Merge", {"mode": ["sum"]})],
)
def test_what_has_no_counterpart_is_refused(class_name: str, config: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match=r"ovprep reads .*\.$"):
        modern(class_name, config)


def test_a_file_of_keras_2_0_5() -> None:
    path = MODELS / "chemvae_zinc_encoder.h5"
    if not path.is_file():
        pytest.skip("../shared is not there")
    source = read_keras(path)
    reference = np.load(MODELS / "chemvae_zinc_encoder.reference.npz")
    session = onnxruntime.InferenceSession(ir.to_proto(source.graph).SerializeToString())
    outputs = session.run(None, {source.interface.inputs[0].name: reference["in0"]})
    for index, output in enumerate(outputs):
        wanted = reference[f"out{index}"]
        assert np.abs(output - wanted).max() <= 1e-5 * max(1.0, np.abs(wanted).max())


def test_weights_of_keras_1(tmp_path: Path) -> None:
    """A file of Keras 3, rewritten in the words and the layout of Keras 1, gives the same graph."""
    stack = [keras.Input((9, 3)), layers.Conv1D(4, 3, name="conv"), layers.BatchNormalization(name="norm")]
    model = keras.Sequential([*stack, layers.Dense(2, name="dense")], name="net")
    randomise(model)
    path = tmp_path / "model.h5"
    model.save(path)
    config = config_of(path)
    old = {"filters": "nb_filter", "kernel_size": "filter_length", "padding": "border_mode", "units": "output_dim"}
    for entry in config["config"]["layers"]:
        entry["config"] = {old.get(key, key): value for key, value in entry["config"].items()}
        entry["class_name"] = {"Conv1D": "Convolution1D"}.get(entry["class_name"], entry["class_name"])
    changed = with_weights(with_config(path, config).rename(tmp_path / "old.h5"), _as_keras_1)
    with h5py.File(changed, "r+") as file:
        file.attrs["keras_version"] = "1.2.2"
        del file["model_weights"].attrs["keras_version"]
    graphs = [ir.to_proto(read_keras(file).graph).SerializeToString() for file in (path, changed)]
    assert graphs[0] == graphs[1]


def _as_keras_1(weights: h5py.Group) -> None:
    words = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
    for layer in ("conv", "norm", "dense"):
        group, names = weights[layer], []
        for path in list(group.attrs["weight_names"]):
            word = str(path).rpartition("/")[2]
            array = group[path][()]
            names.append(f"{layer}_{words.get(word, word)}:0")
            group[names[-1]] = array[:, None] if array.ndim == 3 else array
        group.attrs["weight_names"] = [name.encode() for name in names]
