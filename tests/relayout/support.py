"""Convert a Keras model and judge it by Keras: the twin must give what the original gives."""

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.relayout.convert import Relayout, relayout

FIRST, LAST = "channels_first", "channels_last"
OTHER = {FIRST: LAST, LAST: FIRST}
FORMATS = pytest.mark.parametrize("source", [FIRST, LAST])
CLOSE = 2e-6
"""The share of an output's scale by which two orders of float32 sums may differ in these small models."""


def randomised(model: keras.Model, seed: int = 0) -> keras.Model:
    """The model with random weights, so that none is equal to another by its initialisation."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.standard_normal(weight.shape) * 0.3
        weight.assign(abs(values) + 0.5 if "variance" in weight.name else values)
    return model


def samples(model: keras.Model, seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = [[2 if axis == 0 else size or 12 for axis, size in enumerate(t.shape)] for t in model.inputs]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def run(model: keras.Model, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """In order of the model's inputs and outputs, as `predict` computes, which eager calls do not always agree with."""
    struct = getattr(model, "_inputs_struct", model.inputs[0])
    outputs = model.predict_on_batch(keras.tree.pack_sequence_as(struct, arrays))
    return [np.asarray(output) for output in keras.tree.flatten(outputs)]


def turn(array: np.ndarray, perm: tuple[int, ...] | None) -> np.ndarray:
    return array if perm is None else array.transpose(perm)


def check_same(model: keras.Model, result: Relayout, exact: bool = False) -> None:
    arrays = samples(model)
    wanted = [turn(a, p) for a, p in zip(run(model, arrays), result.outputs, strict=True)]
    given = run(result.model, [turn(a, p) for a, p in zip(arrays, result.inputs, strict=True)])
    for want, have in zip(wanted, given, strict=True):
        assert want.shape == have.shape
        if exact:
            np.testing.assert_array_equal(have, want)
        else:
            np.testing.assert_allclose(have, want, rtol=0, atol=CLOSE * abs(want).max())


def check(
    model: keras.Model,
    source: str,
    permutes: int = 0,
    exact: bool = False,
    inputs: str = "move",
    round_trip: bool = True,
) -> Relayout:
    """Convert, compare with Keras, count the Permutes, and come back to the same configuration and weights."""
    randomised(model)
    result = relayout(model, source, inputs=inputs, verify=False)
    check_same(model, result, exact)
    assert len(result.permutations) == permutes, result.permutations
    assert formats(result.model) <= {OTHER[source]}
    assert type(result.model) is type(model)
    assert [path(weight) for weight in result.model.weights] == [path(weight) for weight in model.weights]
    if round_trip and not permutes:
        back = relayout(result.model, OTHER[source], inputs=inputs, verify=False).model
        assert back.get_config() == model.get_config()
        for have, want in zip(back.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(have, want)
    return result


def formats(model: keras.Model) -> set[str]:
    """The data formats of the layers whose result depends on one."""
    found = set()
    for layer in model._flatten_layers():
        if hasattr(layer, "data_format") and type(layer).__name__ != "Flatten":
            found.add(layer.data_format)
    return found


def permutes(model: keras.Model) -> int:
    return sum(type(layer).__name__ == "Permute" for layer in model._flatten_layers())


def path(weight: keras.Variable) -> list[str]:
    """The layer's and the weight's name. Keras leaves a wrapper's name out where it was made from a configuration."""
    return weight.path.split("/")[-2:]


def signal(source: str, channels: int = 3, length: int = 16) -> keras.KerasTensor:
    return keras.Input((channels, length) if source == FIRST else (length, channels), name="signal")


def channel_axis(source: str) -> int:
    return 1 if source == FIRST else -1


def conv(source: str, filters: int, **options: object) -> layers.Layer:
    return layers.Conv1D(filters, 3, padding="same", data_format=source, **options)
