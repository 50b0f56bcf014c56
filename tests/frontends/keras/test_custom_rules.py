"""Rules that users register, among them the one that docs/plugins.md shows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import ovprep
from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.layers.registry import CUSTOM, rule_for
from ovprep.frontends.keras.network import LayerConfig
from ovprep.frontends.open import read_model
from ovprep.options import ReadOptions
from tests.frontends.keras.support import check_against_keras

DOCUMENT = Path(__file__).parents[3] / "docs" / "plugins.md"


@keras.saving.register_keras_serializable("my_package")
class Scale(layers.Layer):
    """The layer that the document's rule is about."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")
        self.built = True

    def call(self, x: Any) -> Any:
        return x * self.scale


@pytest.fixture(autouse=True)
def no_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers ends with it."""
    before = dict(CUSTOM)
    CUSTOM.clear()
    yield
    CUSTOM.clear()
    CUSTOM.update(before)


def scaled() -> keras.Model:
    x = keras.Input((17, 4), name="x")
    return keras.Model(x, layers.Conv1D(3, 2)(Scale(name="scale")(x)), name="model")


def test_the_example_of_the_document(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert len(program.strip().splitlines()) <= 10
    plugin = tmp_path / "my_rules.py"
    plugin.write_text(program)
    path = tmp_path / "model.keras"
    scaled().save(path)
    with pytest.raises(UnsupportedError, match="--plugin"):
        read_model(path)
    source = read_model(path, ReadOptions(plugins=(str(plugin),)))
    assert source.warnings == ()
    check_against_keras(scaled(), tmp_path)


@pytest.mark.parametrize("name", ["Scale", "my_package>Scale"])
def test_with_the_package_and_without(name: str, tmp_path: Path) -> None:
    @ovprep.keras_layer(name)
    def rule(layer: Any, x: Any) -> Any:
        return layer.build.op("Mul", x, layer.constant(layer.take(scale=(4,))["scale"][None, None], "scale"))

    check_against_keras(scaled(), tmp_path)


def test_the_rule_of_another_package_is_not_taken() -> None:
    ovprep.keras_layer("theirs>Scale")(lambda layer, x: x)
    with pytest.raises(UnsupportedError, match="of a class that ovprep cannot convert"):
        rule_for(LayerConfig("scale", "my_package>Scale", {}, 1))
    with pytest.raises(UnsupportedError, match="of a class that ovprep cannot convert"):
        rule_for(LayerConfig("scale", "Scale", {}, 1, "somewhere", "my_package>Scale"))


def test_a_rule_of_a_user_is_for_custom_classes_alone() -> None:
    def mine(layer: Any, x: Any) -> Any:
        return x

    ovprep.keras_layer("Dense")(mine)
    assert rule_for(LayerConfig("dense", "Dense", {}, 1, "keras.layers")) is not mine
    assert rule_for(LayerConfig("dense", "Dense", {}, 1)) is not mine
    assert rule_for(LayerConfig("dense", "Dense", {}, 1, "somewhere")) is mine
    assert rule_for(LayerConfig("dense", "my_package>Dense", {}, 1)) is mine
    assert rule_for(LayerConfig("dense", "Dense", {}, 1, "", "my_package>Dense")) is mine


def test_a_rule_that_leaves_weights_behind_is_told(tmp_path: Path) -> None:
    ovprep.keras_layer("Scale")(lambda layer, x: layer.build.op("Identity", x))
    path = tmp_path / "model.keras"
    scaled().save(path)
    with pytest.raises(ovprep.ModelError, match="'scale'"):
        read_model(path)


def test_a_rule_sees_the_configuration(tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("my_package")
    class Shift(layers.Layer):
        def __init__(self, by: float = 0.0, **options: Any) -> None:
            super().__init__(**options)
            self.by = by

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "by": self.by}

        def call(self, x: Any) -> Any:
            return x + self.by

    @ovprep.keras_layer("Shift")
    def shift(layer: Any, x: Any) -> Any:
        return layer.build.op("Add", x, layer.constant(np.full((1, 1, 1), layer.number("by")), "by"))

    x = keras.Input((17, 4), name="x")
    check_against_keras(keras.Model(x, Shift(1.5, name="shift")(x), name="model"), tmp_path)
