#!/usr/bin/env python3
"""Train the spoken digit sample: a Keras 1D CNN that hears the digit in one second of raw waveform.

    python scripts/train_spoken_digits.py               train, save samples/spoken_digits/model.h5, measure it
    python scripts/train_spoken_digits.py --evaluate    only measure the saved model on the test set

The data is the Free Spoken Digit Dataset as one .npz file (`--data`); samples/spoken_digits/README.md describes it.
Needs numpy and Keras 3 with the TensorFlow backend.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "spoken_digits.npz"
MODEL = ROOT / "samples" / "spoken_digits" / "model.h5"

WINDOW = 8000
DIGITS = 10
TEST_TAKES = 5
INT16_SCALE = 32768.0
SEED = 20
BATCH = 50


@dataclass(frozen=True)
class Recordings:
    """Recordings of unequal length as floats in -1 to 1, and the digit said in each."""

    waves: list[NDArray[np.float32]]
    digits: NDArray[np.int64]


def read(path: Path) -> tuple[Recordings, Recordings]:
    """The training and the test recordings: every speaker's first takes of a digit are the test set."""
    with np.load(path) as file:
        samples = file["samples"].astype(np.float32) / np.float32(INT16_SCALE)
        waves = np.split(samples, np.cumsum(file["length"])[:-1])
        digits = file["digit"].astype(np.int64)
        is_test = file["take"] < TEST_TAKES
    train, test = (
        Recordings([waves[index] for index in np.flatnonzero(chosen)], digits[chosen]) for chosen in (~is_test, is_test)
    )
    return train, test


def place(wave: NDArray[np.float32], shift: float = 0.5) -> NDArray[np.float32]:
    """Zero-pad or crop to the window; shift 0 to 1 moves the slack from behind to before, 0.5 centres."""
    slack = round(abs(WINDOW - wave.size) * shift)
    if wave.size >= WINDOW:
        return wave[slack : slack + WINDOW]
    return np.pad(wave, (slack, WINDOW - wave.size - slack))


def augment(wave: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """One random variation: speed, position in the window, loudness and background noise."""
    count = int(wave.size * rng.uniform(0.87, 1.15))
    stretched = np.interp(np.linspace(0, wave.size - 1, count), np.arange(wave.size), wave)
    window = place(stretched.astype(np.float32), rng.uniform(0.05, 0.95)) * 10 ** rng.uniform(-0.4, 0.4)
    # Noise relative to the loudness of the speech, so that quiet speakers stay audible.
    level = np.sqrt(np.mean(window**2)) * 10 ** rng.uniform(-3.0, -0.8)
    return (window + rng.normal(0.0, level, WINDOW)).astype(np.float32)


class AugmentedBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no type information
    """Shuffled batches of the training set, varied anew in every epoch."""

    def __init__(self, recordings: Recordings) -> None:
        super().__init__()
        self.recordings = recordings
        self.rng = np.random.default_rng(SEED)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.recordings.waves) // BATCH

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        windows = np.stack([augment(self.recordings.waves[item], self.rng) for item in chosen])
        return windows[..., np.newaxis], self.recordings.digits[chosen]

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.recordings.waves))


def conv_block(number: int, filters: int, kernel: int, stride: int, pool: int) -> list[keras.Layer]:
    """Convolution, batch normalization, ReLU and, where `pool` is more than 1, max pooling."""
    block = [
        layers.Conv1D(filters, kernel, strides=stride, padding="same", use_bias=False, name=f"conv{number}"),
        layers.BatchNormalization(name=f"norm{number}"),
        layers.ReLU(name=f"relu{number}"),
    ]
    return block + ([layers.MaxPooling1D(pool, name=f"pool{number}")] if pool > 1 else [])


def build() -> keras.Model:
    """The network: block by block, time shrinks from 8000 to 500, 250, 62, 15 and 7 steps."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1), name="waveform"),
            *conv_block(1, filters=32, kernel=40, stride=4, pool=4),
            *conv_block(2, filters=64, kernel=7, stride=1, pool=2),
            *conv_block(3, filters=96, kernel=5, stride=2, pool=2),
            *conv_block(4, filters=128, kernel=5, stride=2, pool=2),
            *conv_block(5, filters=128, kernel=3, stride=1, pool=2),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(DIGITS, activation="softmax", name="digit"),
        ],
        name="spoken_digits",
    )


def train(recordings: Recordings, epochs: int) -> keras.Model:
    """Fit for a fixed number of epochs; the test set plays no part in it."""
    keras.utils.set_random_seed(SEED)
    batches = AugmentedBatches(recordings)
    model = build()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(batches))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-2)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(batches, epochs=epochs, shuffle=False, verbose=2)
    return model


def evaluate(path: Path, test: Recordings) -> float:
    """Print the test accuracy of a saved model, and return it."""
    model = keras.models.load_model(path, compile=False)
    windows = np.stack([place(wave) for wave in test.waves])[..., np.newaxis]
    right = int(np.sum(model.predict(windows, verbose=0).argmax(axis=1) == test.digits))
    accuracy = right / len(test.waves)
    print(f"{path.name}: {model.count_params():,} parameters, {path.stat().st_size:,} bytes")
    print(f"test accuracy {accuracy:.2%} ({right} of {len(test.waves)} recordings)")
    return accuracy


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(description="Train or measure the spoken digit sample.")
    parser.add_argument("--data", type=Path, default=DATA, help="the recordings, an .npz file")
    parser.add_argument("--model", type=Path, default=MODEL, help="the model file to write or to measure")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--evaluate", action="store_true", help="measure the saved model, do not train")
    options = parser.parse_args()
    training, test = read(options.data)
    if not options.evaluate:
        train(training, options.epochs).save(options.model, include_optimizer=False)
    evaluate(options.model, test)


if __name__ == "__main__":
    main()
