"""Keras 1D CNNs of every ordinary kind, untrained but with random statistics, to time conversions on.

`CONVOLUTIONAL` and `RECURRENT` are families with a geometric mean each.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Model = Any
"""A keras.Model; Keras has no types, and is imported only when a model is built."""

WINDOW = 1024
"""Samples of a window in most models."""


def plain_cnn() -> Model:
    """Convolution, BatchNorm, ReLU, pooling, four times; Flatten and Dense."""
    from keras import Sequential, layers

    blocks: list[Any] = []
    for filters in (32, 64, 64, 128):
        blocks += [layers.Conv1D(filters, 5, padding="same"), layers.BatchNormalization(), layers.ReLU()]
        blocks += [layers.MaxPooling1D(4)]
    tail = [layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    return Sequential([layers.Input((WINDOW, 6)), *blocks, *tail])


def fcn() -> Model:
    """The fully convolutional network of Wang, Yan, Oates, 2017: 128, 256, 128 filters, and global pooling."""
    from keras import Sequential, layers

    blocks: list[Any] = []
    for filters, kernel in ((128, 8), (256, 5), (128, 3)):
        blocks += [layers.Conv1D(filters, kernel, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    tail = [layers.GlobalAveragePooling1D(), layers.Dense(10, activation="softmax")]
    return Sequential([layers.Input((256, 3)), *blocks, *tail])


def tcn() -> Model:
    """A causal dilated network of 14 convolutions in residual blocks, with an output for each step."""
    from keras import Model, layers

    x = inputs = layers.Input((WINDOW, 16))
    for depth in range(7):
        y = layers.Conv1D(32, 3, padding="causal", dilation_rate=2**depth, activation="relu")(x)
        y = layers.Conv1D(32, 3, padding="causal", dilation_rate=2**depth)(y)
        x = layers.Activation("relu")(layers.Add()([y, layers.Conv1D(32, 1)(x) if depth == 0 else x]))
    return Model(inputs, layers.Dense(8)(x))


def depthwise_separable() -> Model:
    """Keyword spotting in the manner of Sainath and Parada's successors: separable convolutions, strided."""
    from keras import Sequential, layers

    blocks: list[Any] = [layers.Conv1D(64, 9, strides=2, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    for stride in (1, 2, 1, 2, 1):
        blocks += [layers.SeparableConv1D(64, 9, strides=stride, padding="same", use_bias=False)]
        blocks += [layers.BatchNormalization(), layers.ReLU()]
    tail = [layers.GlobalAveragePooling1D(), layers.Dense(12, activation="softmax")]
    return Sequential([layers.Input((WINDOW, 8)), *blocks, *tail])


def unet() -> Model:
    """Three levels down with pooling, three up with transposed convolutions, joined by concatenation."""
    from keras import Model, layers

    def block(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(filters, 5, padding="same")(x)))
        return x

    x = inputs = layers.Input((WINDOW, 2))
    skips = []
    for filters in (16, 32, 64):
        x = block(x, filters)
        skips.append(x)
        x = layers.MaxPooling1D(2)(x)
    x = block(x, 128)
    for filters, skip in zip((64, 32, 16), reversed(skips), strict=True):
        x = layers.Conv1DTranspose(filters, 4, strides=2, padding="same")(x)
        x = block(layers.Concatenate()([x, skip]), filters)
    return Model(inputs, layers.Conv1D(1, 1, activation="sigmoid")(x))


def conv_autoencoder() -> Model:
    """Anomaly detection in time series, as the Keras documentation has it: two convolutions down, three back up.

    https://keras.io/examples/timeseries/timeseries_anomaly_detection/
    """
    from keras import Sequential, layers

    def block(layer: Any, filters: int) -> Any:
        return layer(filters, 7, strides=2, padding="same", activation="relu")

    down = [block(layers.Conv1D, 32), layers.Dropout(0.2), block(layers.Conv1D, 16)]
    up = [block(layers.Conv1DTranspose, 16), layers.Dropout(0.2), block(layers.Conv1DTranspose, 32)]
    return Sequential([layers.Input((WINDOW, 1)), *down, *up, layers.Conv1DTranspose(1, 7, padding="same")])


def conv2d_column() -> Model:
    """A plain CNN written in two axes, `[N, W, 1, C]` with kernels `[k, 1]`, as much advice on the web has it."""
    from keras import Sequential, layers

    blocks: list[Any] = []
    for filters in (32, 64, 64):
        blocks += [layers.Conv2D(filters, (5, 1), padding="same"), layers.BatchNormalization(), layers.ReLU()]
        blocks += [layers.MaxPooling2D((4, 1))]
    tail = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return Sequential([layers.Input((WINDOW, 1, 6)), *blocks, *tail])


def conv2d_column_strided() -> Model:
    """The same with strides, as encoders of raw audio have them."""
    from keras import Sequential, layers

    blocks: list[Any] = []
    for filters in (16, 32, 64, 64):
        blocks += [layers.Conv2D(filters, (9, 1), strides=(2, 1), padding="same", use_bias=False)]
        blocks += [layers.BatchNormalization(), layers.ReLU()]
    tail = [layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]
    return Sequential([layers.Input((4 * WINDOW, 1, 1)), *blocks, *tail])


def crepe() -> Model:
    """Pitch tracking after Kim, Salamon, Li, Bello, 2018, at a small capacity: audio as a column, kernels of 512."""
    from keras import Sequential, layers

    blocks: list[Any] = [layers.Input((WINDOW,)), layers.Reshape((WINDOW, 1, 1))]
    for filters, kernel, stride in ((64, 512, 4), (16, 64, 1), (16, 64, 1), (16, 64, 1), (32, 64, 1), (64, 64, 1)):
        blocks += [layers.Conv2D(filters, (kernel, 1), strides=(stride, 1), padding="same", activation="relu")]
        blocks += [layers.BatchNormalization(), layers.MaxPooling2D((2, 1)), layers.Dropout(0.25)]
    tail = [layers.Permute((2, 1, 3)), layers.Flatten(), layers.Dense(360, activation="sigmoid")]
    return Sequential([*blocks, *tail])


def grouped() -> Model:
    """Residual blocks of grouped convolutions, as in ResNeXt."""
    from keras import Model, layers

    x = inputs = layers.Input((WINDOW, 12))
    x = layers.Conv1D(64, 7, strides=2, padding="same", activation="relu")(x)
    for _ in range(4):
        y = layers.Conv1D(64, 5, padding="same", groups=8, activation="relu")(x)
        x = layers.Add()([x, layers.Conv1D(64, 1)(y)])
    return Model(inputs, layers.Dense(5, activation="softmax")(layers.GlobalMaxPooling1D()(x)))


def crnn() -> Model:
    """Convolutions down to 64 steps, then a bidirectional LSTM and a GRU, as for speech commands or ECG."""
    from keras import Sequential, layers

    blocks: list[Any] = []
    for filters in (32, 64):
        blocks += [layers.Conv1D(filters, 5, padding="same", activation="relu"), layers.MaxPooling1D(4)]
    recurrent = [layers.Bidirectional(layers.LSTM(32, return_sequences=True)), layers.GRU(32)]
    return Sequential([layers.Input((WINDOW, 8)), *blocks, *recurrent, layers.Dense(10, activation="softmax")])


def bilstm() -> Model:
    """Two bidirectional LSTMs, with an output for each step."""
    from keras import Sequential, layers

    stack = [layers.Bidirectional(layers.LSTM(48, return_sequences=True)) for _ in range(2)]
    return Sequential([layers.Input((64, 24)), *stack, layers.Dense(12, activation="softmax")])


def gru() -> Model:
    """A convolution, then two GRUs as Keras makes them today."""
    return _grus(reset_after=True)


def gru_reset_before() -> Model:
    """The same with the reset gate before the matrix product, as Keras 1 and early Keras 2 had it."""
    return _grus(reset_after=False)


def _grus(reset_after: bool) -> Model:
    from keras import Sequential, layers

    first = layers.GRU(48, return_sequences=True, reset_after=reset_after)
    second = layers.GRU(48, reset_after=reset_after)
    front = layers.Conv1D(32, 5, strides=4, padding="same", activation="relu")
    return Sequential([layers.Input((256, 6)), front, first, second, layers.Dense(6, activation="softmax")])


CONVOLUTIONAL: dict[str, Callable[[], Model]] = {
    "plain CNN": plain_cnn,
    "FCN": fcn,
    "dilated causal TCN": tcn,
    "depthwise-separable": depthwise_separable,
    "U-Net": unet,
    "grouped": grouped,
}
RECURRENT: dict[str, Callable[[], Model]] = {
    "CRNN": crnn,
    "BiLSTM": bilstm,
    "GRU": gru,
    "GRU, reset before": gru_reset_before,
}
ZOO = {**CONVOLUTIONAL, **RECURRENT}
RANKS: dict[str, Callable[[], Model]] = {
    "conv-autoencoder": conv_autoencoder,
    "U-Net": unet,
    "dilated causal TCN": tcn,
}
"""Models that the choice between rank 3 and rank 4 is shown on."""
COLUMNS: dict[str, Callable[[], Model]] = {
    "Conv2D column, pooled": conv2d_column,
    "Conv2D column, strided": conv2d_column_strided,
    "CREPE": crepe,
}
"""Models of one axis that are written in two."""
_ALL = {**ZOO, **RANKS, **COLUMNS}


def save_zoo(folder: Path, names: list[str], seed: int = 0) -> Iterator[tuple[str, Path]]:
    """Builds the named models, gives them random weights and statistics, and saves each as `.h5`."""
    import keras

    keras.config.disable_interactive_logging()
    logging.getLogger("absl").setLevel(logging.ERROR)  # which warns of every .h5
    for name in names:
        keras.utils.set_random_seed(seed)
        model = _ALL[name]()
        _randomise(model, seed)
        path = folder / f"{name.replace(',', '').replace(' ', '_').lower()}.h5"
        model.save(path)
        yield name, path


def save_deep(path: str, size: int) -> None:
    """A Functional model of `size` layers: convolutions, normalisation and activations, every other block residual."""
    from keras import Model, layers

    x = inputs = layers.Input((64, 8))
    count = 1
    while count < size:
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(8, 3, padding="same")(x)))
        count += 3
        if count % 2 and count < size:
            y = layers.Add()([x, y])
            count += 1
        x = y
    Model(inputs, x).save(path)


def _randomise(model: Model, seed: int) -> None:
    """Statistics that are not 0 and 1, so that a dropped BatchNorm would show; kernels as initialised."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name in ("beta", "moving_mean", "bias"):
            weight.assign(0.1 * rng.standard_normal(weight.shape))
