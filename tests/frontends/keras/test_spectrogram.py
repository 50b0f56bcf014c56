"""STFTSpectrogram and MelSpectrogram.

A window by name needs SciPy in Keras, in STFTSpectrogram only; the weights are random here, so that no window matters.
"""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import check_against_keras, check_layer

MODES = ["log", "magnitude", "psd", "real", "imag", "angle", "stft"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("expand_dims", [False, True])
def test_stft_modes(mode: str, data_format: str, expand_dims: bool, tmp_path: Path) -> None:
    layer = layers.STFTSpectrogram(
        mode, frame_length=8, window=None, data_format=data_format, expand_dims=expand_dims, padding="same"
    )
    shape = (2, 33) if data_format == "channels_first" else (33, 2)
    check_layer(layer, shape, tmp_path, open_time=2 if data_format == "channels_first" else 1)


@pytest.mark.parametrize(
    "options",
    [{"frame_step": 3}, {"fft_length": 16}, {"fft_length": 9, "padding": "same"}, {"frame_step": 8, "padding": "same"}],
    ids=str,
)
def test_stft_frames(options: dict[str, Any], tmp_path: Path) -> None:
    layer = layers.STFTSpectrogram("log", frame_length=7 if "fft_length" in options else 8, window=None, **options)
    check_layer(layer, (33, 1), tmp_path)


def test_stft_before_a_convolution(tmp_path: Path) -> None:
    x = keras.Input((64, 1), name="x")
    y = layers.STFTSpectrogram("magnitude", frame_length=16, window=None)(x)
    check_against_keras(keras.Model(x, layers.Conv1D(5, 3)(y)), tmp_path)


MEL: list[dict[str, Any]] = [
    {},
    {"window": "hamming"},
    {"window": None},
    {"window": [0.2, 1.0, 0.7, 0.1] * 5, "sequence_length": 20},
    {"sequence_length": 20},
    {"sequence_length": 21, "fft_length": 33},
    {"sequence_length": 1},
    {"mag_exp": 1.0},
    {"mag_exp": 3.0},
    {"top_db": 7.0},
    {"ref_power": 30.0, "min_power": 0.5},
    {"ref_power": -1e-12, "min_power": 1e-3},
    {"power_to_db": False, "min_freq": 80.0, "max_freq": 300.0, "num_mel_bins": 5},
    {"power_to_db": False, "min_freq": -300.0, "num_mel_bins": 5},
    {"power_to_db": False, "sampling_rate": 8000, "num_mel_bins": 12, "fft_length": 64},
]


@pytest.mark.parametrize("options", MEL, ids=str)
def test_mel(options: dict[str, Any], tmp_path: Path) -> None:
    settings = {"fft_length": 32, "sequence_stride": 10, "num_mel_bins": 9, "sampling_rate": 800} | options
    # Keras states one frame too many for some lengths.
    check_layer(layers.MelSpectrogram(**settings), (101,), tmp_path, open_time=1, shapes=False)


def test_mel_as_speech_networks_have_it(tmp_path: Path) -> None:
    x = keras.Input((16_000,), name="x")
    y = layers.MelSpectrogram(fft_length=512, sequence_stride=160, sequence_length=400, num_mel_bins=40)(x)
    y = layers.Conv1D(8, 3, strides=2)(layers.Permute((2, 1))(y))
    check_against_keras(keras.Model(x, y), tmp_path, shapes=False, spread=0.1)


def saved(layer: keras.Layer, shape: tuple[int, ...], tmp_path: Path) -> Path:
    x = keras.Input(shape, name="x")
    keras.Model(x, layer(x)).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("window", "boxcar"),
        ("window", [1.0, 2.0]),
        ("sequence_length", 600),
        ("sampling_rate", 0),
        ("min_freq", 9000.0),
        ("min_freq", -800.0),
        ("num_mel_bins", 0),
        ("min_power", -2.0),
    ],
)
def test_entries_that_make_no_sense(entry: str, value: Any, tmp_path: Path) -> None:
    path = saved(layers.MelSpectrogram(fft_length=512, ref_power=0.0), (2000,), tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"][entry] = value
    with pytest.raises(ModelError, match=f"has {entry}=.* which makes no sense"):
        read_keras(with_config(path, config))


def test_frames_beyond_all_memory(tmp_path: Path) -> None:
    path = saved(layers.MelSpectrogram(fft_length=512), (2000,), tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"] |= {"fft_length": 2**30, "sequence_length": None}
    with pytest.raises(UnsupportedError, match="frames of 1073741824 samples, which is too large"):
        read_keras(with_config(path, config))


def test_a_signal_shorter_than_what_is_mirrored(tmp_path: Path) -> None:
    path = saved(layers.MelSpectrogram(fft_length=512), (2000,), tmp_path)
    config = config_of(path)
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, 256]
    with pytest.raises(ModelError, match="mirrors 256 samples at either end, but is given 256"):
        read_keras(with_config(path, config))
