"""A step of training moves the twin's weights as the original's: nested, shared, frozen, regularised, constrained."""

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.relayout.convert import relayout
from tests.relayout.support import FIRST, FORMATS, OTHER, channel_axis, conv, randomised, samples, signal, turn


class Pull(keras.regularizers.Regularizer):
    """A user's own, which Keras does not find by its name."""

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return 0.1 * keras.ops.sum(keras.ops.square(x - 1))

    def get_config(self) -> dict:
        return {}


def siamese(source: str) -> keras.Model:
    """One encoder for two signals; its first convolution frozen, its second twice in a row."""
    inside, axis = signal(source, 4), channel_axis(source)
    x = conv(source, 5, name="frozen", kernel_initializer=keras.initializers.HeNormal(seed=1))(inside)
    twice = conv(source, 5, name="twice", kernel_regularizer=keras.regularizers.L2(0.1))
    x = twice(layers.ReLU()(layers.BatchNormalization(axis=axis, name="norm")(twice(x))))
    x = layers.LayerNormalization(axis=[1, 2], name="layer_norm")(layers.PReLU(name="prelu")(x))
    encoder = keras.Model(inside, layers.Flatten()(x), name="encoder")
    encoder.get_layer("frozen").trainable = False
    one, two = signal(source, 4), keras.Input(inside.shape[1:], name="two")
    both = layers.Concatenate()([encoder(one), encoder(two)])
    constraint = keras.constraints.MaxNorm(0.5, axis=0)
    x = layers.Dense(6, kernel_regularizer=Pull(), kernel_constraint=constraint, name="head")(both)
    return randomised(keras.Model([one, two], layers.Dense(2, name="out")(layers.ReLU()(x))))


@FORMATS
def test_a_step_moves_the_weights_alike(source: str) -> None:
    model = siamese(source)
    result = relayout(model, source)
    x, y = samples(model), np.array([[0.5, -1.0], [1.0, 2.0]], np.float32)
    before = {weight.path: np.array(weight) for weight in model.weights}
    losses = []
    for each, arrays in ((model, x), (result.model, [turn(a, p) for a, p in zip(x, result.inputs, strict=True)])):
        each.compile(keras.optimizers.SGD(0.01), "mse")
        losses.append(each.fit(arrays, y, batch_size=2, epochs=1, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    still = {path for path, value in before.items() if np.array_equal(value, _by_path(model)[path])}
    assert {path.split("/")[-2] for path in still} >= {"frozen"}
    assert not {path.split("/")[-2] for path in still} & {"head", "prelu", "layer_norm", "norm"}
    back = relayout(result.model, OTHER[source], verify=False).model
    for have, want in zip(back.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(have, want, atol=1e-6)


def _by_path(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: np.array(weight) for weight in model.weights}


def test_initialisers_regularisers_and_constraints_are_kept() -> None:
    model = siamese(FIRST)
    twin = relayout(model, FIRST, verify=False).model
    assert twin.get_layer("encoder").get_layer("frozen").kernel_initializer.seed == 1
    assert twin.get_layer("encoder").get_layer("twice").kernel_regularizer.l2 == pytest.approx(0.1)
    assert type(twin.get_layer("head").kernel_regularizer) is Pull
    assert twin.get_layer("head").kernel_constraint.max_value == 0.5
    assert len(twin.get_layer("encoder").get_layer("twice")._inbound_nodes) == 2
    assert [weight.trainable for weight in twin.weights] == [weight.trainable for weight in model.weights]
