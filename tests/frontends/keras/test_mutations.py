"""Files whose configuration was tampered with: refused with a sentence, or read; never anything else."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

from tests.frontends.keras.files import config_of, refusal_of, with_config

JsonPath = tuple[str | int, ...]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([0.5, -1.0, float("inf"), float("nan"), 2**31, -(2**63), 10**30]),
    st.sampled_from(["", "same", "causal", "channels_first", "relu", "float16", "x", "conv", "body", "Dense", "é/\0"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["name", "config", "class_name", "layers", "value"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def example_model() -> keras.Model:
    """One layer of every family."""
    x, z = keras.Input((12, 4), name="x"), keras.Input((None, 4), name="z")
    y = layers.Conv1D(4, 3, padding="same", groups=2, activation="relu", name="conv")(x)
    y = layers.SeparableConv1D(4, 3, padding="same")(layers.DepthwiseConv1D(3, padding="same")(y))
    y = layers.Cropping1D((1, 0))(layers.ZeroPadding1D((1, 0))(layers.BatchNormalization()(y)))
    y = layers.LayerNormalization()(layers.Conv1DTranspose(4, 3, strides=2, padding="same")(y))
    y = layers.UpSampling1D(2)(layers.MaxPooling1D(2)(layers.AveragePooling1D(2)(y)))
    y = layers.Permute((2, 1))(layers.Reshape((4, 12))(layers.PReLU(shared_axes=[1])(y)))
    y = layers.Concatenate(axis=1)([layers.ReLU(max_value=6.0)(y), layers.Activation("gelu")(x)])
    y = layers.Dense(4, activation=layers.LeakyReLU(negative_slope=0.1))(layers.Flatten()(layers.Softmax()(y)))
    return keras.Model([x, z], layers.Add()([y, layers.GlobalAveragePooling1D()(layers.Dropout(0.5)(z))]))


def nested_model() -> keras.Model:
    inner = keras.Sequential([keras.Input((9, 3)), layers.Conv1D(4, 3), layers.ELU()], name="body")
    x = keras.Input((9, 3), name="x")
    return keras.Model(x, [layers.Dense(2)(inner(x)), inner(x)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mutations")
    for suffix in (".h5", ".keras"):
        example_model().save(path / f"example{suffix}")
    nested_model().save(path / "nested.keras")
    stack = [keras.Input((9, 3)), layers.Conv1D(4, 3), layers.Flatten(), layers.Dense(2)]
    keras.Sequential(stack).save(path / "sequential.h5")
    return path


def paths_in(value: Any, here: JsonPath = ()) -> Iterator[JsonPath]:
    """Where everything in a JSON value stands, but for the value itself."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*here, key)
        yield from paths_in(item, (*here, key))


def parent_of(config: Any, path: JsonPath) -> Any:
    for key in path[:-1]:
        config = config[key]
    return config


@st.composite
def mutated(draw: st.DrawFn, config: Any) -> Any:
    """The configuration with one to three entries deleted, replaced, or doubled."""
    config = copy.deepcopy(config)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(paths_in(config), key=str) or [()]))
        if not path:
            break
        parent, key = parent_of(config, path), path[-1]
        action = draw(st.sampled_from(["delete", "replace", "double"]))
        if action == "delete":
            del parent[key]
        elif action == "double" and isinstance(parent, list):
            parent.insert(int(key), copy.deepcopy(parent[int(key)]))
        else:
            parent[key] = draw(VALUES)
    return config


@pytest.mark.parametrize("name", ["example.h5", "example.keras", "nested.keras", "sequential.h5"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_mutated_configuration_is_refused_or_read(name: str, folder: Path, data: st.DataObject) -> None:
    path = folder / name
    changed = with_config(path, data.draw(mutated(config_of(path))))
    sentence = refusal_of(changed)
    assert sentence is None or (sentence.endswith(".") and len(sentence) < 2000)
