"""An architecture in JSON with its weights beside it, from Keras 1, 2 and 3."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import keras
import onnx_ir as ir
import pytest
import tf_keras

import ovprep
from ovprep.errors import ModelError, OvprepError, UnsupportedError
from ovprep.frontends.open import read_model
from ovprep.frontends.source import Source
from ovprep.options import ReadOptions
from tests.frontends.keras.keras_1 import architecture_of, write_weights
from tests.frontends.keras.keras_2 import compare_with_keras_2, randomise_keras_2
from tests.frontends.keras.support import randomise


def network(framework: Any, prefix: str = "") -> Any:
    """Two layers have weights of the same shapes; one model is inside another."""
    layers = framework.layers
    inner = framework.Sequential([framework.Input((9, 3)), layers.Conv1D(3, 3, name="conv")], name=f"{prefix}inner")
    x = framework.Input((9, 3), name="x")
    y = layers.Conv1D(3, 1, name=f"{prefix}second")(layers.Conv1D(3, 1, name=f"{prefix}first")(x))
    y = layers.BatchNormalization(name=f"{prefix}norm")(inner(y))
    y = layers.GlobalAveragePooling1D(name=f"{prefix}pool")(y)
    return framework.Model(x, layers.Dense(2, name=f"{prefix}scores")(y), name="net")


def read(path: Path, weights: Path | None) -> Source:
    return read_model(path, ReadOptions(weights))


def graph_of(source: Source) -> bytes:
    return ir.to_proto(source.graph).SerializeToString()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Keras 2 and Keras 3 write of one model each."""
    path = tmp_path_factory.mktemp("architecture")
    old, new = network(tf_keras), network(keras)
    randomise_keras_2(old)
    randomise(new)
    for name, model in (("keras_2", old), ("keras_3", new)):
        (path / f"{name}.json").write_text(model.to_json())
        model.save_weights(path / f"{name}.weights.h5")
        model.save(path / f"{name}.h5")
        model.save(path / f"{name}.keras")
    old.save_weights(path / "keras_2_layers.h5")
    return path


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
@pytest.mark.parametrize("name", ["keras_2", "keras_3"])
def test_the_same_graph_as_from_the_whole_model(name: str, suffix: str, folder: Path) -> None:
    source = read(folder / f"{name}.json", folder / f"{name}{suffix}")
    assert source.format == "keras-json"
    assert source.framework == {"keras_2": f"keras {tf_keras.__version__}", "keras_3": "keras 3"}[name]
    assert graph_of(source) == graph_of(read(folder / f"{name}.h5", None))


def test_weights_of_keras_2_layer_by_layer(folder: Path) -> None:
    with h5py.File(folder / "keras_2_layers.h5") as file:
        assert "layer_names" in file.attrs
    source = read(folder / "keras_2.json", folder / "keras_2_layers.h5")
    assert graph_of(source) == graph_of(read(folder / "keras_2.h5", None))


def test_weights_as_keras_2_13_called_the_folder(folder: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(folder / "keras_2.weights.h5", tmp_path / "old.weights.h5"))
    with h5py.File(path, "r+") as file:
        file.move("layers/sequential/layers", "layers/sequential/_layer_checkpoint_dependencies")
        file.move("layers", "_layer_checkpoint_dependencies")
    assert graph_of(read(folder / "keras_2.json", path)) == graph_of(read(folder / "keras_2.h5", None))


@pytest.mark.parametrize("version", ["1.2.2", None])
def test_keras_1(version: str | None, tmp_path: Path) -> None:
    layers = tf_keras.layers
    stack = [tf_keras.Input((9, 3)), layers.Conv1D(4, 3), layers.LSTM(3), layers.Dense(2)]
    model = tf_keras.Sequential(stack)
    randomise_keras_2(model)
    architecture = architecture_of(model) | ({"keras_version": version} if version else {})
    (tmp_path / "old.json").write_text(json.dumps(architecture))
    with h5py.File(tmp_path / "old.h5", "w") as file:
        write_weights(file, model.layers)
        if version is None:
            del file.attrs["keras_version"]
    source = read(tmp_path / "old.json", tmp_path / "old.h5")
    assert source.framework == f"keras {version or 1}"
    compare_with_keras_2(source, model)


@pytest.mark.parametrize("name", ["keras_2", "keras_3"])
def test_it_converts_and_verifies(name: str, folder: Path, tmp_path: Path) -> None:
    weights = folder / f"{name}.weights.h5"
    done = ovprep.convert(folder / f"{name}.json", tmp_path / "out", weights=weights, benchmark=False)
    assert done.verification is not None
    assert done.verification.reference.startswith("tf_keras 2." if name == "keras_2" else "Keras 3.")


def refuse(path: Path, weights: Path | None, sentence: str, error: type[OvprepError] = ModelError) -> None:
    with pytest.raises(error, match=sentence) as caught:
        read(path, weights)
    assert str(caught.value).endswith(".")


def test_an_architecture_alone(folder: Path) -> None:
    refuse(folder / "keras_3.json", None, "architecture without weights; name their file with --weights FILE")


def test_weights_for_a_model_that_has_its_own(folder: Path) -> None:
    for suffix in (".h5", ".keras"):
        refuse(folder / f"keras_3{suffix}", folder / "keras_3.weights.h5", "has weights of its own")


def test_weights_alone_name_the_way_out(folder: Path) -> None:
    for name in ("keras_3.weights.h5", "keras_2_layers.h5"):
        refuse(folder / name, None, r"holds weights but no architecture.*model\.to_json\(\) gives, with --weights")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{not json", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"modelTopology": {}, "weightsManifest": []}', "no Keras architecture: it has no class_name"),
        ('{"class_name": "Functional", "config": {}}', "is a Functional"),
        ("", "not JSON"),
    ],
)
def test_json_that_is_no_architecture(content: str, sentence: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(content)
    refuse(tmp_path / "model.json", folder / "keras_3.weights.h5", sentence, OvprepError)


def test_json_of_an_absurd_size(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(" " * 2**25 + "{}")
    refuse(tmp_path / "model.json", folder / "keras_3.weights.h5", "too large for an architecture", UnsupportedError)


def test_files_that_hold_no_weights(folder: Path, tmp_path: Path) -> None:
    path = folder / "keras_3.json"
    refuse(path, tmp_path / "none.h5", "There is no file")
    refuse(path, path, "is not a file of weights")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["samples"] = [1.0]
    refuse(path, tmp_path / "data.h5", "holds no weights of Keras")


def renamed(config: dict[str, Any], old: str, new: str) -> str:
    return json.dumps(config).replace(f'"{old}"', f'"{new}"')


@pytest.mark.parametrize("name", ["keras_2_layers.h5", "keras_3.weights.h5"])
def test_a_layer_of_another_name_is_an_error_that_names_both(name: str, folder: Path, tmp_path: Path) -> None:
    """By shape the weights would fit."""
    stem = name[:7]
    config = json.loads((folder / f"{stem}.json").read_text())
    (tmp_path / "model.json").write_text(renamed(config, "first", "premier"))
    with pytest.raises(ModelError) as caught:
        read(tmp_path / "model.json", folder / name)
    assert "'first'" in str(caught.value)
    assert "'premier'" in str(caught.value)


def test_layers_that_changed_names_are_an_error_that_names_both(folder: Path, tmp_path: Path) -> None:
    """Keras would go by the order, and their names say otherwise."""
    config = json.loads((folder / "keras_2.json").read_text())
    swapped = renamed(json.loads(renamed(json.loads(renamed(config, "first", "?")), "second", "first")), "?", "second")
    (tmp_path / "model.json").write_text(swapped)
    sentence = "weights of 'first' in the place where the model has the layer 'second'"
    refuse(tmp_path / "model.json", folder / "keras_2_layers.h5", sentence)
