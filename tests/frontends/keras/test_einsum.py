"""EinsumDense in the forms that Keras takes."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import check_against_keras, check_layer, randomise

EQUATIONS: list[tuple[str, Any, str | None]] = [
    ("abc,cd->abd", (None, 5), "d"),
    ("abc,cde->abde", (None, 5, 2), "de"),
    ("abc,cde->abed", (None, 2, 5), "d"),
    ("abc,bcd->ad", 6, "d"),
    ("abc,cbd->ad", 6, None),
    ("abc,c->ab", (None,), None),
    ("abc,bd->adc", (6, 4), "d"),
    ("abc,bd->acd", (4, 6), "cd"),
    ("...x,xy->...y", 3, "y"),
    ("...bc,cd->...bd", (None, 3), "d"),
    ("ab...,bd->ad...", (6,), "d"),
    ("abc,de->abcde", (None, 4, 2, 3), "ce"),
    ("abc,bcd->abd", (9, 5), "bd"),
    ("abc,bc->abc", (9, 4), "c"),
    ("abc,bd->abd", (9, 5), None),
]


@pytest.mark.parametrize(("equation", "output_shape", "bias_axes"), EQUATIONS)
def test_equations(equation: str, output_shape: Any, bias_axes: str | None, tmp_path: Path) -> None:
    layer = layers.EinsumDense(equation, output_shape, bias_axes=bias_axes, activation="tanh")
    # Keras states an open axis where the configuration does, also where the input's is fixed.
    stated = isinstance(output_shape, int) or None not in output_shape
    check_layer(layer, (9, 4), tmp_path, shapes=stated)


@pytest.mark.parametrize("equation", ["abc,cd->abd", "...x,xd->...d", "abc,cde->aebd"])
def test_an_open_axis(equation: str, tmp_path: Path) -> None:
    shape = (2, None, 5) if equation.endswith("aebd") else (None, 5)
    layer = layers.EinsumDense(equation, 5 if "..." in equation else shape, bias_axes="d")
    check_layer(layer, (9, 4), tmp_path, open_time=1, shapes="..." in equation)


def test_an_open_axis_that_the_kernel_shares(tmp_path: Path) -> None:
    x = keras.Input((None, 4, 3), name="x")
    y = layers.EinsumDense("abcd,cde->abce", (None, 4, 5), bias_axes="ce")(x)
    check_against_keras(keras.Model(x, y), tmp_path, lengths=(7, 12))


def saved(tmp_path: Path) -> Path:
    x = keras.Input((9, 4))
    model = keras.Model(x, layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")(x))
    randomise(model)
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("equation", "abc,cd"),
        ("equation", "aab,bd->abd"),
        ("equation", "ab,bd->ad"),
        ("equation", "abcd,de->abce"),
        ("equation", "...c,cd->abd"),
        ("equation", "abc,xd->abd"),
        ("equation", "abc,cd->abx"),
        ("equation", None),
        ("output_shape", [None, 5, 5]),
        ("output_shape", [None, "5"]),
        ("bias_axes", "x"),
        ("bias_axes", ""),
    ],
)
def test_entries_that_make_no_sense(entry: str, value: Any, tmp_path: Path) -> None:
    path = saved(tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"][entry] = value
    with pytest.raises(ModelError, match=f"has {entry}=.* which makes no sense"):
        read_keras(with_config(path, config))


def test_a_kernel_without_a_size(tmp_path: Path) -> None:
    path = saved(tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"]["output_shape"] = [None, None]
    with pytest.raises(UnsupportedError, match="axis 'd' is open"):
        read_keras(with_config(path, config))
