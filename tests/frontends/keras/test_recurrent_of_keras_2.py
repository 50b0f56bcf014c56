"""Recurrent layers in files that Keras 2 writes, against Keras 2."""

from pathlib import Path
from typing import Any

import pytest
import tf_keras
from tf_keras import layers
from tf_keras.src.layers.rnn.cudnn_gru import CuDNNGRU
from tf_keras.src.layers.rnn.cudnn_lstm import CuDNNLSTM

from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.keras_2 import check_against_keras_2, compare_with_keras_2
from tests.frontends.keras.support import randomise

LENGTH = 6


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])
def test_hard_sigmoid_has_the_slope_of_keras_2(kind: Any, tmp_path: Path) -> None:
    layer = kind(4, recurrent_activation="hard_sigmoid", return_sequences=True)
    check_against_keras_2(tf_keras.Sequential([layers.Input((LENGTH, 3)), layer]), tmp_path)


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_initial_state_among_the_inputs(kind: Any, tmp_path: Path) -> None:
    states = [layers.Input((4,), name=f"state_{place}") for place in range(2 if kind is layers.LSTM else 1)]
    x = layers.Input((LENGTH, 3), name="x")
    check_against_keras_2(tf_keras.Model([x, *states], kind(4)(x, initial_state=states)), tmp_path)


def test_initial_state_of_both_directions(tmp_path: Path) -> None:
    states = [layers.Input((4,), name=f"state_{place}") for place in range(4)]
    x = layers.Input((LENGTH, 3), name="x")
    y = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x, initial_state=states)
    check_against_keras_2(tf_keras.Model([x, *states], y), tmp_path)


@pytest.mark.parametrize("cells", [lambda: layers.GRUCell(4), lambda: [layers.LSTMCell(3), layers.GRUCell(4)]])
def test_a_layer_of_cells(cells: Any, tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((LENGTH, 3)), layers.RNN(cells(), return_sequences=True)])
    check_against_keras_2(model, tmp_path)


def test_gru_without_reset_after_resets_before(tmp_path: Path) -> None:
    """As of Keras 2.0, whose only way this was."""
    model = tf_keras.Sequential([layers.Input((LENGTH, 3)), layers.GRU(4, reset_after=False)])
    randomise(model)
    model.save(tmp_path / "model.h5")
    config = config_of(tmp_path / "model.h5")
    del config["config"]["layers"][1]["config"]["reset_after"]
    compare_with_keras_2(read_keras(with_config(tmp_path / "model.h5", config)), model)


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional])
@pytest.mark.parametrize(("old", "new"), [(CuDNNLSTM, layers.LSTM), (CuDNNGRU, layers.GRU)])
def test_cudnn(old: Any, new: Any, wrap: Any, tmp_path: Path) -> None:
    """These run on a GPU only, but Keras 2 loads their weights into the layers that run anywhere."""
    models = [
        tf_keras.Sequential([layers.Input((LENGTH, 3)), wrap(kind(4, return_sequences=True, name="rnn"))])
        for kind in (old, new)
    ]
    path = tmp_path / "cudnn.h5"
    randomise(models[0])
    models[0].save(path)
    models[1].load_weights(path)
    compare_with_keras_2(read_keras(path), models[1])
