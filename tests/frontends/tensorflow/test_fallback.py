"""Layers that no rule covers: what is needed, what is said, and what comes of it."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import ModelError, OptionError, UnsupportedError
from ovprep.frontends.keras.layers.registry import RULES
from ovprep.frontends.open import read_model
from ovprep.options import ReadOptions
from tests.frontends.keras.support import keras_outputs, randomise
from tests.frontends.tensorflow.support import check

pytestmark = pytest.mark.usefixtures("in_this_process")

CUSTOM = """
import keras

@keras.saving.register_keras_serializable("fallback_tests")
class Centre(keras.layers.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=1, keepdims=True)
"""


def model_with(*between: layers.Layer) -> keras.Model:
    """Two inputs in another order than their names have, and two outputs of one layer."""
    x = keras.Input((17, 3), name="signal")
    bias = keras.Input((4,), name="bias")
    y = layers.Conv1D(4, 3, name="first")(x)
    for layer in between:
        y = layer(y)
    pooled = layers.GlobalAveragePooling1D(name="pooled")(y)
    model = keras.Model([x, bias], [layers.Add(name="sum")([pooled, bias]), y], name="model")
    randomise(model)
    return model


def save(model: keras.Model, folder: Path, suffix: str = ".keras") -> Path:
    path = folder / f"model{suffix}"
    model.save(path)
    return path


@pytest.fixture
def custom(tmp_path: Path) -> tuple[Path, Any]:
    """A module with a custom layer, and an instance of it."""
    from ovprep.loading.plugins import load_plugins

    path = tmp_path / "my_layers.py"
    path.write_text(CUSTOM)
    load_plugins([str(path)])
    return path, keras.saving.get_registered_object("fallback_tests>Centre")(name="centre")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_layer_of_keras_without_a_rule(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, "ELU")
    model = model_with(layers.ELU(0.7, name="bend"))
    source = read_model(save(model, tmp_path, suffix))
    assert [port.name for port in source.interface.inputs] == ["signal", "bias"]
    assert [port.name for port in source.interface.outputs] == ["sum", "bend"]
    assert (source.runtime, source.framework) == ("keras", f"keras {keras.__version__}")
    assert source.parameters == model.count_params()
    (warning,) = source.warnings
    assert warning == (
        "No rule covers the model, so that Keras loaded it and tf2onnx exported it whole: "
        "Layer 'bend' (ELU, layer 3) is of a class that ovprep cannot convert."
    )
    check(source, lambda feeds: keras_outputs(model, feeds))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_code_in_the_file_needs_a_permission(suffix: str, tmp_path: Path) -> None:
    model = model_with(layers.Lambda(lambda x: x * x + 1, name="square"))
    path = save(model, tmp_path, suffix)
    with pytest.raises(UnsupportedError) as caught:
        read_model(path)
    assert str(caught.value) == (
        f"Layer 'square' of {path} is Python code that the file carries, and that Keras would run. "
        "If you trust the file, and only then, allow that with --allow-code."
    )
    check(read_model(path, ReadOptions(allow_code=True)), lambda feeds: keras_outputs(model, feeds))


def test_a_grouped_convolution_beside_what_has_no_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras computes it in a function for XLA, which tf2onnx would leave as a call."""
    monkeypatch.delitem(RULES, "ELU")
    model = model_with(layers.ELU(0.7), layers.Conv1D(4, 3, groups=2))
    check(read_model(save(model, tmp_path)), lambda feeds: keras_outputs(model, feeds))


def test_code_as_keras_2_packed_it_needs_a_permission(tmp_path: Path) -> None:
    """A list that begins with bytecode, in any layer of any model inside."""
    import h5py

    inner = keras.Sequential([layers.Input((4,)), layers.Dense(2), layers.ReLU(name="code")], name="inner")
    path = save(keras.Sequential([layers.Input((4,)), inner, layers.ReLU(name="code_too")]), tmp_path, ".h5")
    with h5py.File(path, "r+") as file:
        config = str(file.attrs["model_config"]).replace('"ReLU"', '"Lambda"')
        code = '"function_type": "lambda", "function": ["4wEAAAA=", null, null], "name": "code'
        file.attrs["model_config"] = config.replace('"name": "code', code)
    with pytest.raises(UnsupportedError, match=r"Layer 'code' of .* is Python code that the file carries"):
        read_model(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_custom_layer_needs_its_module(suffix: str, tmp_path: Path, custom: tuple[Path, Any]) -> None:
    plugin, layer = custom
    model = model_with(layer)
    path = save(model, tmp_path, suffix)
    with pytest.raises(UnsupportedError, match=r"Layer 'centre' of .* is not one of Keras'. Name the Python module"):
        read_model(path)
    check(read_model(path, ReadOptions(plugins=(str(plugin),))), lambda feeds: keras_outputs(model, feeds))


def test_a_class_that_the_module_does_not_have(tmp_path: Path, custom: tuple[Path, Any]) -> None:
    class Unregistered(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    path = save(model_with(Unregistered(name="mine")), tmp_path)
    with pytest.raises(UnsupportedError, match=r"did not convert the model either: .*Could not locate class") as caught:
        read_model(path, ReadOptions(plugins=(str(custom[0]),)))
    assert "Layer 'mine' (Unregistered, layer 3)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_of_another_module_is_not_taken_for_one_of_keras(tmp_path: Path) -> None:
    """A custom class may have the name of a layer of Keras; the rule of that one would be wrong."""

    @keras.saving.register_keras_serializable("fallback_tests")
    class ReLU(layers.Layer):
        def call(self, x: Any) -> Any:
            return -x

    path = save(model_with(ReLU(name="not_relu")), tmp_path)
    with pytest.raises(UnsupportedError, match=r"Layer 'not_relu' of .* of the class ReLU, which is not one of Keras"):
        read_model(path)


def test_a_subclassed_model_is_told_the_way(tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("fallback_tests")
    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    model = Own()
    model(keras.ops.zeros((1, 4)))
    with pytest.raises(UnsupportedError, match=r"The model is a Own, .*export this one with model\.export\(folder\)"):
        read_model(save(model, tmp_path))


def test_a_damaged_file_is_not_given_to_keras(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match="is not a Keras file"):
        read_model(path, ReadOptions(allow_code=True))


def test_a_plugin_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"plugin no_such\.py cannot be imported"):
        read_model(save(model_with(), tmp_path), ReadOptions(plugins=("no_such.py",)))
