"""The twin as a model: it trains, is saved and loaded, keeps names, structure and trainability."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import ovprep
from ovprep.errors import OptionError, RuntimeFailure, UnsupportedError, VerificationError
from ovprep.relayout.convert import relayout
from ovprep.relayout.graph import Graph
from ovprep.relayout.rebuild import Rebuilder
from tests.relayout.support import FIRST, LAST, check, check_same, path, randomised, run, samples, turn


def network(source: str) -> keras.Model:
    """An SE-ResNet in small: everything that an ordinary 1D CNN has."""
    axis = 1 if source == FIRST else -1
    start = keras.Input((3, 16) if source == FIRST else (16, 3), name="signal")
    x = layers.Conv1D(6, 3, padding="same", data_format=source, kernel_regularizer=keras.regularizers.L2(0.01))(start)
    x = shortcut = layers.ReLU()(layers.BatchNormalization(axis=axis)(x))
    x = layers.SeparableConv1D(6, 3, padding="same", data_format=source)(x)
    gate = layers.GlobalAveragePooling1D(data_format=source)(x)
    gate = layers.Dense(6, activation="sigmoid")(layers.Dense(2, activation="relu")(gate))
    gate = layers.Reshape((6, 1) if source == FIRST else (1, 6))(gate)
    x = layers.Add()([shortcut, layers.Multiply()([x, gate])])
    x = layers.MaxPooling1D(2, data_format=source)(x)
    x = layers.LayerNormalization(axis=axis)(layers.PReLU()(x))
    x = layers.BatchNormalization()(layers.Flatten()(x))
    return randomised(keras.Model(start, layers.Dense(4, activation="softmax", name="class")(x), name="se_resnet"))


@pytest.mark.parametrize("source", [FIRST, LAST])
def test_a_step_of_training_moves_the_weights_alike(source: str) -> None:
    model = network(source)
    result = relayout(model, source)
    twin = result.model
    for each in (model, twin):
        each.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    (x,), y = samples(model), np.array([0, 3])
    before = [np.array(weight) for weight in twin.trainable_weights]
    history = model.fit(x, y, batch_size=2, epochs=2, verbose=0, shuffle=False).history
    twin_history = twin.fit(turn(x, result.inputs[0]), y, batch_size=2, epochs=2, verbose=0, shuffle=False).history
    np.testing.assert_allclose(twin_history["loss"], history["loss"], rtol=1e-5)
    moved = [np.abs(np.array(w) - b).max() > 1e-4 for w, b in zip(twin.trainable_weights, before, strict=True)]
    assert np.mean(moved) > 0.6  # not the biases before a BatchNormalization
    back = relayout(twin, LAST if source == FIRST else FIRST).model
    for have, want in zip(back.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(have, want, atol=1e-6)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_the_twin_is_saved_and_loaded(ending: str, tmp_path: Path) -> None:
    result = relayout(network(FIRST), FIRST)
    path = tmp_path / f"twin.{ending}"
    result.model.save(path)
    loaded = keras.models.load_model(path)
    (x,) = samples(result.model)
    np.testing.assert_array_equal(run(loaded, [x])[0], run(result.model, [x])[0])


def test_both_public_functions() -> None:
    model = network(FIRST)
    last = ovprep.convert_channels_first_to_last(model)
    assert last.input_shape == (None, 16, 3)
    first = ovprep.convert_channels_last_to_first(last)
    assert first.get_config() == model.get_config()
    kept = ovprep.convert_channels_first_to_last(model, inputs="keep")
    assert kept.input_shape == (None, 3, 16)


def test_the_original_is_left_alone() -> None:
    model = network(FIRST)
    config, weights = model.get_config(), model.get_weights()
    twin = relayout(model, FIRST).model
    for weight in twin.weights:
        weight.assign(weight * 0)
    assert model.get_config() == config
    for have, want in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(have, want)


def test_the_record_says_what_changed() -> None:
    result = relayout(network(FIRST), FIRST)
    assert result.permutations == ()
    assert result.inputs == ((0, 2, 1),)
    assert result.outputs == (None,)
    assert result.changed["conv1d" if "conv1d" in result.changed else next(iter(result.changed))]
    assert result.changed["class"] == {}


def test_trainability_is_kept_per_layer() -> None:
    model = network(FIRST)
    model.layers[1].trainable = False
    inner = keras.Input((6, 4))
    nested = keras.Model(inner, layers.Conv1D(2, 3, data_format=FIRST)(inner))
    nested.trainable = False
    start = keras.Input((6, 4))
    outer = keras.Model(start, layers.Conv1D(3, 1, data_format=FIRST)(nested(start)))
    for each in (model, outer):
        twin = relayout(each, FIRST).model
        assert [weight.trainable for weight in twin.weights] == [weight.trainable for weight in each.weights]
        assert [layer.trainable for layer in twin.layers] == [layer.trainable for layer in each.layers]
        assert [path(weight) for weight in twin.trainable_weights] == [path(w) for w in each.trainable_weights]


@pytest.mark.parametrize("structure", [list, dict])
def test_structures_of_inputs_and_outputs_are_kept(structure: type) -> None:
    one, two = keras.Input((3, 8), name="one"), keras.Input((3, 8), name="two")
    conv = layers.Conv1D(4, 3, data_format=FIRST)
    outs = [layers.ReLU(name="a")(conv(one)), layers.GlobalMaxPooling1D(data_format=FIRST, name="b")(conv(two))]
    pack = (
        (lambda keys, values: dict(zip(keys, values, strict=True)))
        if structure is dict
        else lambda keys, values: values
    )
    model = randomised(keras.Model(pack(("one", "two"), [one, two]), pack(("a", "b"), outs)))
    result = check(model, FIRST)
    assert type(result.model.output) is structure
    assert type(result.model.input) is structure


def test_open_lengths_stay_open() -> None:
    start = keras.Input((3, None))
    x = layers.Conv1D(4, 3, data_format=FIRST)(start)
    x = layers.Reshape((4, 1, -1))(x)
    x = layers.Reshape((6, -1))(layers.Conv2D(6, 1, data_format=FIRST)(x))
    assert check(keras.Model(start, layers.Conv1D(2, 1, data_format=FIRST)(x)), FIRST).model.input_shape == (
        None,
        None,
        3,
    )


def test_other_precisions_are_kept() -> None:
    start = keras.Input((3, 16))
    x = layers.Conv1D(4, 3, data_format=FIRST, dtype="mixed_float16")(start)
    twin = relayout(
        keras.Model(start, layers.BatchNormalization(axis=1, dtype="float32")(x)), FIRST, verify=False
    ).model
    assert [layer.dtype_policy.name for layer in twin.layers] == ["float32", "mixed_float16", "float32"]


def test_a_permute_keeps_the_precision() -> None:
    start = keras.Input((16, 3))
    x = layers.Conv1D(4, 3, dtype="mixed_float16")(start)
    twin = relayout(keras.Model(start, layers.LSTM(2, dtype="mixed_float16")(x)), LAST, verify=False).model
    assert [layer.output.dtype for layer in twin.layers if type(layer) is layers.Permute] == ["float16"]


def test_a_fault_of_the_conversion_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verification is there for what we have not thought of."""
    make = Rebuilder.twin

    def forget(rebuilder: Rebuilder, graph: Graph) -> keras.Model:
        twin = make(rebuilder, graph)
        twin.layers[-1].kernel.assign(np.asarray(twin.layers[-1].kernel)[::-1])
        return twin

    monkeypatch.setattr(Rebuilder, "twin", forget)
    with pytest.raises(VerificationError, match="output 'class' differs by"):
        relayout(network(FIRST), FIRST)


def test_an_original_that_does_not_run_is_told() -> None:
    start = keras.Input((3, 16))
    x = layers.Lambda(lambda x: not_there(x), output_shape=(3, 16), name="lost")(start)  # noqa: F821
    with pytest.raises(RuntimeFailure, match=r"cannot be run, .*'not_there'"):
        relayout(keras.Model(start, layers.Conv1D(2, 3, data_format=FIRST)(x)), FIRST)


def test_slices_that_come_from_a_file(tmp_path: Path) -> None:
    start = keras.Input((3, 16))
    model = keras.Model(start, layers.Conv1D(4, 3, data_format=FIRST)(start)[:, 1:, ::2])
    model.save(tmp_path / "model.keras")
    check(keras.models.load_model(tmp_path / "model.keras"), FIRST, round_trip=False)


def test_a_known_defect_of_keras_is_named() -> None:
    """With as many channels as steps, Keras adds the bias of a channels_first DepthwiseConv1D to the steps."""
    start = keras.Input((4, 4))
    model = randomised(keras.Model(start, layers.DepthwiseConv1D(3, padding="same", data_format=FIRST)(start)))
    with pytest.raises(VerificationError, match=r"as many channels as steps\. Pass verify=False"):
        relayout(model, FIRST)


def test_an_unknown_choice_of_inputs_is_refused() -> None:
    with pytest.raises(OptionError, match='choose "move" or "keep"'):
        relayout(network(FIRST), FIRST, inputs="turn")


def test_a_model_in_the_other_format_stays_as_it_is() -> None:
    model = network(LAST)
    result = relayout(model, FIRST)
    assert result.model.get_config() == model.get_config()
    check_same(model, result)


@keras.saving.register_keras_serializable("tests")
class Forgetful(layers.Layer):
    """Its configuration does not say its size."""

    def __init__(self, size: int = 2, **options: object) -> None:
        super().__init__(**options)
        self.size = size

    def get_config(self) -> dict[str, object]:
        return {"name": self.name}

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return x + keras.ops.ones((1, self.size, 1))


@pytest.mark.parametrize("functional", [True, False])
def test_a_layer_that_cannot_be_called_again_is_named(functional: bool) -> None:
    start = keras.Input((3, 16))
    chain = [layers.Conv1D(6, 3, data_format=FIRST), Forgetful(6, name="forgetful")]
    model = keras.Sequential([start, *chain])
    if functional:
        model = keras.Model(start, chain[1](chain[0](start)))
    with pytest.raises(UnsupportedError, match=r"'forgetful' \(Forgetful\) cannot be called"):
        relayout(model, FIRST)


def test_a_known_defect_of_keras_is_told_where_nothing_is_verified() -> None:
    """The twin is right; Keras adds the bias of its Conv1D to the steps in eager calls."""
    model = randomised(keras.Sequential([keras.Input((4, 3)), layers.Conv1D(4, 3, padding="same", name="square")]))
    with pytest.warns(UserWarning, match="the channels_first bias of 'square' along the wrong axis"):
        relayout(model, LAST, verify=False)


def test_the_twin_is_not_compiled() -> None:
    """As with `keras.models.clone_model`: a loss may be along an axis of the output, which moves."""
    model = network(FIRST)
    model.compile("adam", "sparse_categorical_crossentropy")
    assert not relayout(model, FIRST, verify=False).model.compiled


def test_the_proof_begins_each_run_from_the_same_state() -> None:
    """A stateful LSTM goes on from call to call, and is left as it was."""
    start = keras.Input(batch_shape=(2, 3, 16))
    x = layers.Permute((2, 1))(layers.Conv1D(4, 3, data_format=FIRST)(start))
    model = randomised(keras.Model(start, layers.LSTM(5, stateful=True, name="memory")(x)))
    states = [np.array(state) for state in model.get_layer("memory").states]
    twin = relayout(model, FIRST).model
    for layer in (model.get_layer("memory"), twin.get_layer("memory")):
        for have, want in zip(layer.states, states, strict=True):
            np.testing.assert_array_equal(have, want)


def test_a_model_that_is_random_is_told() -> None:
    start = keras.Input((3, 16))
    noise = layers.Lambda(lambda x: x + keras.random.normal(keras.ops.shape(x)), output_shape=(4, 14))
    x = noise(layers.Conv1D(4, 3, data_format=FIRST)(start))
    with pytest.raises(RuntimeFailure, match="other results each time"):
        relayout(keras.Model(start, x), FIRST)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_the_proof_holds_in_half_precision(policy: str) -> None:
    start = x = keras.Input((16, 64))
    for _ in range(3):
        x = layers.BatchNormalization(axis=1, dtype=policy)(layers.Conv1D(32, 3, data_format=FIRST, dtype=policy)(x))
    relayout(randomised(keras.Model(start, x)), FIRST)


def test_an_output_keeps_its_name_behind_a_permute() -> None:
    """The Permute takes it over from a layer without weights; a layer with weights is known by its name."""
    start = keras.Input((3, 16), name="signal")
    conv = layers.Conv1D(4, 3, data_format=FIRST, name="head")
    for last, names in (([layers.MaxPooling1D(2, data_format=FIRST, name="out")], ["out"]), ([], ["head_permute"])):
        x = conv(start)
        for layer in last:
            x = layer(x)
        result = relayout(randomised(keras.Model(start, x)), FIRST, inputs="keep")
        assert result.model.output_names == names
        assert result.permutations[-1].name == names[0]
        assert result.model.get_layer("head").get_config()["filters"] == 4


def test_what_is_no_model() -> None:
    with pytest.raises(OptionError, match="can be changed, not that of a str"):
        ovprep.convert_channels_first_to_last("model.keras")
