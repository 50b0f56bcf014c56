#!/usr/bin/env python3
"""Train the activity sample: a causal, dilated temporal convolutional network on simulated inertial windows.

    python scripts/train_imu_tcn.py               simulate, train, save samples/imu_tcn/model.keras, measure it
    python scripts/train_imu_tcn.py --evaluate    only measure the saved model on the test windows

The data comes from simulate_imu.py beside this script; training and test windows have different seeds.
Needs numpy and Keras 3 with the TensorFlow backend.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from keras import layers
from simulate_imu import CLASSES, WINDOW, windows

MODEL = Path(__file__).resolve().parent.parent / "samples" / "imu_tcn" / "model.keras"

TRAIN_SEED, TRAIN_COUNT = 1, 12000
TEST_SEED, TEST_COUNT = 2, 2000
DILATIONS = (1, 2, 4, 8, 16)
FILTERS = 48
KERNEL = 3
BATCH = 64


def residual_block(tensor: keras.KerasTensor, dilation: int) -> keras.KerasTensor:
    """Two causal convolutions and a shortcut; a 1x1 convolution widens the shortcut where the channels differ."""
    path = tensor
    for half in ("a", "b"):
        name = f"block{dilation}{half}"
        conv = layers.Conv1D(FILTERS, KERNEL, padding="causal", dilation_rate=dilation, name=f"{name}_conv")
        path = layers.BatchNormalization(name=f"{name}_norm")(conv(path))
        if half == "a":
            path = layers.ReLU(name=f"{name}_relu")(path)
            path = layers.SpatialDropout1D(0.1, name=f"{name}_dropout")(path)
    if tensor.shape[-1] != FILTERS:
        tensor = layers.Conv1D(FILTERS, 1, name=f"block{dilation}_shortcut")(tensor)
    return layers.ReLU(name=f"block{dilation}_relu")(layers.Add(name=f"block{dilation}_add")([path, tensor]))


def build() -> keras.Model:
    """The network; with these dilations the last step sees 125 of the 128 steps."""
    motion = keras.Input((WINDOW, 6), name="motion")
    tensor = motion
    for dilation in DILATIONS:
        tensor = residual_block(tensor, dilation)
    tensor = layers.GlobalAveragePooling1D(name="pool")(tensor)
    activity = layers.Dense(len(CLASSES), activation="softmax", name="activity")(tensor)
    return keras.Model(motion, activity, name="imu_tcn")


def train(epochs: int) -> keras.Model:
    """Fit for a fixed number of epochs on windows that the test never sees."""
    keras.utils.set_random_seed(TRAIN_SEED)
    data, labels = windows(TRAIN_COUNT, TRAIN_SEED)
    model = build()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-TRAIN_COUNT // BATCH))
    model.compile(keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(data, labels, batch_size=BATCH, epochs=epochs, verbose=2)
    # A model without its training state is smaller, and loads without the optimizer.
    inference = build()
    inference.set_weights(model.get_weights())
    return inference


def evaluate(path: Path) -> None:
    """Print how a saved model does on the test windows, in all and for each activity."""
    model = keras.models.load_model(path, compile=False)
    data, labels = windows(TEST_COUNT, TEST_SEED)
    right = model.predict(data, batch_size=256, verbose=0).argmax(axis=1) == labels
    for number, name in enumerate(CLASSES):
        print(f"{name:8} {np.mean(right[labels == number]):.1%} of {np.sum(labels == number)} windows")
    print(f"{path.name}: {model.count_params():,} parameters, {path.stat().st_size:,} bytes")
    print(f"test accuracy {np.mean(right):.2%} ({np.sum(right)} of {TEST_COUNT} windows, seed {TEST_SEED})")


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(description="Train or measure the activity sample.")
    parser.add_argument("--evaluate", action="store_true", help="measure the saved model, do not train")
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    if not options.evaluate:
        train(options.epochs).save(MODEL)
    evaluate(MODEL)


if __name__ == "__main__":
    main()
