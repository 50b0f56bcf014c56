"""Every activation of Keras, as a name, as a function, as a layer, against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.support import check_against_keras, check_layer, read_both

NOT_ACTIVATIONS = ("deserialize", "get", "serialize", "threshold")
"""`threshold` has arguments without defaults, so no file can name it."""

NAMES = sorted(name for name in dir(keras.activations) if not name.startswith("_") and name not in NOT_ACTIVATIONS)
ALIASES = ("swish", "hard_swish")
SPREAD = 4.0
"""Wide enough to reach every corner: relu6 bends at 6."""


def test_the_list_of_activations_is_not_empty() -> None:
    assert {"relu", "gelu", "softmax", "sparsemax"} <= set(NAMES)


@pytest.mark.parametrize("shape", [(6,), (7, 6)], ids=str)
@pytest.mark.parametrize("name", [*NAMES, *ALIASES])
def test_activation_by_name(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    check_layer(layers.Activation(name), shape, tmp_path, spread=SPREAD, shapes=name != "glu")


@pytest.mark.parametrize("name", sorted({*NAMES} - {"glu"}))
def test_activation_by_function_between_convolutions(name: str, tmp_path: Path) -> None:
    """Where the tensors may lie channel-first, an activation over the channels must still be one.

    Without glu, which Keras believes to keep the shape: it makes the second convolution too wide, and cannot run it.
    """
    x = keras.Input((9, 3), name="x")
    y = layers.Conv1D(6, 3, activation=getattr(keras.activations, name))(x)
    check_against_keras(keras.Model(x, layers.Conv1D(2, 3)(y)), tmp_path)


@pytest.mark.parametrize("name", ["log_softmax", "softmax", "sparsemax"])
def test_activation_over_the_last_axis_where_channels_come_first(name: str, tmp_path: Path) -> None:
    x = keras.Input((3, 9), name="x")
    y = layers.Conv1D(6, 3, padding="valid", data_format="channels_first")(x)
    y = layers.Activation(name)(layers.ZeroPadding1D((1, 0), data_format="channels_first")(y))
    check_against_keras(keras.Model(x, layers.Conv1D(2, 2, data_format="channels_first")(y)), tmp_path)


@pytest.mark.parametrize("kind", [layers.Conv1D, layers.Conv1DTranspose, layers.SeparableConv1D])
@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.ReLU(max_value=1.0),
        lambda: layers.LeakyReLU(negative_slope=0.1),
        lambda: layers.ELU(alpha=0.5),
        lambda: layers.Softmax(axis=1),
        lambda: layers.Activation("tanh"),
    ],
    ids=["ReLU", "LeakyReLU", "ELU", "Softmax", "Activation"],
)
def test_a_layer_as_the_activation_of_another(make: Any, kind: type[keras.Layer], tmp_path: Path) -> None:
    check_layer(kind(4, 3, activation=make()), (9, 3), tmp_path)


@pytest.mark.parametrize("slope", [0.0, 0.2])
@pytest.mark.parametrize("top", [None, 0.0, 1.5, 6.0])
@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_relu_layer(threshold: float, top: float | None, slope: float, tmp_path: Path) -> None:
    layer = layers.ReLU(max_value=top, negative_slope=slope, threshold=threshold)
    check_layer(layer, (7, 5), tmp_path, spread=SPREAD)


@pytest.mark.parametrize("layer", [layers.LeakyReLU, layers.ELU], ids=lambda kind: str(kind.__name__))
@pytest.mark.parametrize("value", [None, 0.05, 2.0])
@pytest.mark.parametrize("shape", [(5,), (7, 5)], ids=str)
def test_leaky_relu_and_elu_layers(
    layer: type[keras.Layer], value: float | None, shape: tuple[int, ...], tmp_path: Path
) -> None:
    key = "negative_slope" if layer is layers.LeakyReLU else "alpha"
    check_layer(layer(**({} if value is None else {key: value})), shape, tmp_path, spread=SPREAD)


@pytest.mark.parametrize("shared", [None, [1], [2], [1, 2]], ids=str)
@pytest.mark.parametrize("shape", [(7, 5), (6, 6)], ids=str)
def test_prelu_layer(shape: tuple[int, int], shared: list[int] | None, tmp_path: Path) -> None:
    open_time = 1 if shared is not None and 1 in shared else None
    check_layer(layers.PReLU(shared_axes=shared), shape, tmp_path, open_time=open_time)


def test_prelu_layer_at_rank_2(tmp_path: Path) -> None:
    check_layer(layers.PReLU(), (5,), tmp_path)


def test_prelu_layer_between_convolutions(tmp_path: Path) -> None:
    stack = [keras.Input((9, 3)), layers.Conv1D(7, 3), layers.PReLU(), layers.Conv1D(2, 3)]
    check_against_keras(keras.Sequential(stack), tmp_path)


@pytest.mark.parametrize("axis", [-1, 1, 2, [1], [1, 2]], ids=str)
@pytest.mark.parametrize("shape", [(7, 5), (6, 6)], ids=str)
def test_softmax_layer(shape: tuple[int, int], axis: int | list[int], tmp_path: Path) -> None:
    check_layer(layers.Softmax(axis=axis), shape, tmp_path, spread=SPREAD)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
@pytest.mark.parametrize(("shape", "dtype"), [((9, 4), "int32"), ((1, 4), "int32"), ((9, 4), "float32")], ids=str)
def test_softmax_with_a_mask(axis: int | list[int], shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    x, mask = keras.Input((9, 4), name="x"), keras.Input(shape, name="mask", dtype=dtype)
    check_against_keras(keras.Model([x, mask], layers.Softmax(axis=axis)(x, mask=mask)), tmp_path, spread=SPREAD)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.ActivityRegularization(l2=0.1),
        lambda: layers.AlphaDropout(0.3),
        lambda: layers.Dropout(0.5),
        lambda: layers.GaussianDropout(0.3),
        lambda: layers.GaussianNoise(0.3),
        lambda: layers.Identity(),
        lambda: layers.SpatialDropout1D(0.5),
    ],
    ids=[
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "Spatial",
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_layers_of_training_alone_do_nothing(make: Any, alone: bool, tmp_path: Path) -> None:
    x = keras.Input((7, 5), name="x")
    y = make()(x)
    check_against_keras(keras.Model(x, y if alone else layers.Conv1D(3, 3)(y)), tmp_path)


def test_an_activation_of_the_user_is_refused_by_name(tmp_path: Path) -> None:
    def wobble(x: Any) -> Any:
        return x * x

    keras.Sequential([keras.Input((5,)), layers.Dense(3, activation=wobble, name="head")]).save(tmp_path / "m.keras")
    with pytest.raises(UnsupportedError, match=r"'head' \(Dense, layer 2\).*'wobble'"):
        read_keras(tmp_path / "m.keras")


def test_glu_behind_a_convolution(tmp_path: Path) -> None:
    x = keras.Input((9, 3), name="x")
    model = keras.Model(x, layers.ReLU()(layers.Conv1D(6, 3, activation="glu")(x)))
    check_against_keras(model, tmp_path, shapes=False)


@pytest.mark.parametrize(("length", "reason"), [(None, "open"), (5, "odd")])
def test_glu_needs_an_even_number_of_channels(length: int | None, reason: str, tmp_path: Path) -> None:
    x = keras.Input((length, 4), name="x")
    with pytest.raises(UnsupportedError, match=reason):
        read_both(keras.Model(x, layers.Activation("glu")(layers.Permute((2, 1))(x))), tmp_path)


def test_an_activation_layer_with_weights_of_its_own_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(3, activation=layers.PReLU(), name="head")])
    for suffix in (".h5", ".keras"):
        model.save(tmp_path / f"model{suffix}")
        with pytest.raises(UnsupportedError, match=r"'head' \(Dense, layer 2\) .*PReLU"):
            read_keras(tmp_path / f"model{suffix}")
