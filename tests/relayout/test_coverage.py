"""Each public class of `keras.layers` in a model of layers that must move: the twin gives what the original gives."""

import inspect
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers, ops

from ovprep.errors import UnsupportedError
from ovprep.relayout.convert import relayout
from tests.relayout.support import CLOSE, FIRST, FORMATS, randomised, run, turn

Tensor = keras.KerasTensor
Step = Callable[[Tensor, str], Tensor]

NO_LAYER = {
    "AutoContrast": "refused: see below",
    "Equalization": "Keras makes no Functional model with it",
    "FlaxLayer": "holds a model of another framework",
    "InputSpec": "no layer",
    "JaxLayer": "holds a model of another framework",
    "Layer": "a base class",
    "MaxNumBoundingBoxes": "boxes of images, no tensor",
    "Pipeline": "for a dataset, not for a model",
    "TFSMLayer": "holds a model of another framework",
    "TorchModuleWrapper": "holds a model of another framework",
    "Wrapper": "a base class",
}


def plain(kind: str, **options: object) -> Step:
    return lambda x, source: getattr(layers, kind)(**options)(x)


def formatted(kind: str, **options: object) -> Step:
    return lambda x, source: getattr(layers, kind)(data_format=source, **options)(x)


def channels(source: str) -> int:
    return 1 if source == FIRST else -1


def two(kind: str, **options: object) -> Step:
    return lambda x, source: getattr(layers, kind)(**options)([x, layers.Activation("tanh")(x)])


def beside(*table: object, kind: str, dtype: str, **options: object) -> Step:
    """A layer that reads a table of its own; the convolutions are beside it."""

    def step(x: Tensor, source: str) -> Tensor:
        more = keras.Input((5,), dtype=dtype, name="table")
        y = getattr(layers, kind)(*table, **options)(more)
        y = layers.Flatten()(ops.cast(y, "float32"))
        return layers.Concatenate()([layers.GlobalMaxPooling1D(data_format=source)(x), y])

    return step


RANK_3: dict[str, Step] = {
    "Activation": plain("Activation", activation="softmax"),
    "ActivityRegularization": plain("ActivityRegularization", l2=0.1),
    "AdaptiveAveragePooling1D": formatted("AdaptiveAveragePooling1D", output_size=3),
    "AdaptiveMaxPooling1D": formatted("AdaptiveMaxPooling1D", output_size=3),
    "Add": two("Add"),
    "AdditiveAttention": two("AdditiveAttention"),
    "AlphaDropout": plain("AlphaDropout", rate=0.5),
    "Attention": two("Attention", use_scale=True),
    "Average": two("Average"),
    "AveragePooling1D": formatted("AveragePooling1D", pool_size=2, padding="same"),
    "BatchNormalization": lambda x, source: layers.BatchNormalization(axis=channels(source))(x),
    "Bidirectional": lambda x, source: layers.Bidirectional(layers.GRU(3, return_sequences=True))(x),
    "CategoryEncoding": beside(num_tokens=7, kind="CategoryEncoding", dtype="int32", output_mode="count"),
    "Concatenate": two("Concatenate", axis=1),
    "Conv1D": formatted("Conv1D", filters=5, kernel_size=3, activation="softmax"),
    "Conv1DTranspose": formatted("Conv1DTranspose", filters=5, kernel_size=3, strides=2),
    "Cropping1D": plain("Cropping1D", cropping=(0, 2)),
    "Dense": plain("Dense", units=5, activation="relu"),
    "DepthwiseConv1D": formatted("DepthwiseConv1D", kernel_size=3, depth_multiplier=2),
    "Discretization": beside([0.0, 0.5], kind="Discretization", dtype="float32"),
    "Dot": two("Dot", axes=2, normalize=True),
    "Dropout": plain("Dropout", rate=0.5, noise_shape=(None, 1, None)),
    "ELU": plain("ELU", alpha=0.5),
    "EinsumDense": plain("EinsumDense", equation="abc,cd->abd", output_shape=(None, 4)),
    "Embedding": beside(9, 3, kind="Embedding", dtype="int32"),
    "Flatten": plain("Flatten"),
    "GRU": plain("GRU", units=3, return_sequences=True),
    "GRUCell": lambda x, source: layers.RNN(layers.GRUCell(3), return_sequences=True)(x),
    "GaussianDropout": plain("GaussianDropout", rate=0.5),
    "GaussianNoise": plain("GaussianNoise", stddev=0.5),
    "GlobalAveragePooling1D": formatted("GlobalAveragePooling1D"),
    "GlobalMaxPooling1D": formatted("GlobalMaxPooling1D", keepdims=True),
    "GroupNormalization": lambda x, source: layers.GroupNormalization(3, axis=channels(source))(x),
    "GroupedQueryAttention": lambda x, source: layers.GroupQueryAttention(3, 2, 1)(x, x),
    "HashedCrossing": lambda x, source: crossed(x, source),
    "Hashing": beside(7, kind="Hashing", dtype="int32"),
    "Identity": plain("Identity"),
    "InputLayer": lambda x, source: x,
    "IntegerLookup": beside(kind="IntegerLookup", dtype="int32", vocabulary=[3, 1, 4]),
    "LSTM": plain("LSTM", units=3, return_sequences=True),
    "LSTMCell": lambda x, source: layers.RNN(layers.LSTMCell(3), return_sequences=True)(x),
    "Lambda": plain("Lambda", function=lambda x: x[:, ::-1]),
    "LayerNormalization": plain("LayerNormalization", axis=[1, 2]),
    "LeakyReLU": plain("LeakyReLU", negative_slope=0.2),
    "Masking": plain("Masking"),
    "MaxPooling1D": formatted("MaxPooling1D"),
    "Maximum": two("Maximum"),
    "MelSpectrogram": lambda x, source: of_mels(x, source),
    "Minimum": two("Minimum"),
    "MultiHeadAttention": lambda x, source: layers.MultiHeadAttention(2, 3)(x, x),
    "Multiply": two("Multiply"),
    "Normalization": lambda x, source: layers.Normalization(channels(source), [0.0, 1, 2], [1.0, 4, 9])(x),
    "PReLU": plain("PReLU", shared_axes=[2]),
    "Permute": plain("Permute", dims=(2, 1)),
    "RMSNormalization": plain("RMSNormalization"),
    "RNN": lambda x, source: layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)], return_sequences=True)(x),
    "ReLU": plain("ReLU", max_value=1.0),
    "RepeatVector": lambda x, source: layers.RepeatVector(8)(layers.GlobalMaxPooling1D(data_format=source)(x)),
    "ReversibleEmbedding": beside(9, 3, kind="ReversibleEmbedding", dtype="int32"),
    "Rescaling": plain("Rescaling", scale=2.0, offset=0.5),
    "Reshape": plain("Reshape", target_shape=(6, -1)),
    "STFTSpectrogram": formatted("STFTSpectrogram", frame_length=6, frame_step=2, fft_length=8),
    "SeparableConv1D": formatted("SeparableConv1D", filters=5, kernel_size=3),
    "SimpleRNN": plain("SimpleRNN", units=3, return_sequences=True),
    "SimpleRNNCell": lambda x, source: layers.RNN(layers.SimpleRNNCell(3), return_sequences=True)(x),
    "Softmax": plain("Softmax", axis=1),
    "SpatialDropout1D": plain("SpatialDropout1D", rate=0.5),
    "SpectralNormalization": lambda x, source: layers.SpectralNormalization(layers.Conv1D(5, 3, data_format=source))(x),
    "StackedRNNCells": lambda x, source: layers.RNN(layers.StackedRNNCells([layers.GRUCell(2)]))(x),
    "StringLookup": beside(kind="StringLookup", dtype="string", vocabulary=["a", "b"]),
    "Subtract": two("Subtract"),
    "TextVectorization": lambda x, source: of_words(x, source),
    "TimeDistributed": lambda x, source: layers.TimeDistributed(layers.Dense(3))(x),
    "UnitNormalization": plain("UnitNormalization", axis=[1, 2]),
    "UpSampling1D": plain("UpSampling1D", size=3),
    "ZeroPadding1D": formatted("ZeroPadding1D", padding=(1, 2)),
}


def crossed(x: Tensor, source: str) -> Tensor:
    one, other = (keras.Input((1,), dtype="int32", name=name) for name in ("one", "other"))
    y = ops.cast(layers.HashedCrossing(5)((one, other)), "float32")
    return layers.Concatenate()([layers.GlobalMaxPooling1D(data_format=source)(x), ops.reshape(y, (-1, 1))])


def of_mels(x: Tensor, source: str) -> Tensor:
    sound = keras.Input((256,), name="sound")
    y = layers.MelSpectrogram(num_mel_bins=8, fft_length=64, sequence_stride=32, sampling_rate=8000)(sound)
    y = layers.GlobalAveragePooling1D(data_format=source)(y)
    return layers.Concatenate()([layers.GlobalMaxPooling1D(data_format=source)(x), y])


def of_words(x: Tensor, source: str) -> Tensor:
    text = keras.Input((), dtype="string", name="text")
    y = layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4)(text)
    return layers.Concatenate()([layers.GlobalMaxPooling1D(data_format=source)(x), ops.cast(y, "float32")])


IMAGES: dict[str, Step] = {
    "AdaptiveAveragePooling2D": formatted("AdaptiveAveragePooling2D", output_size=3),
    "AdaptiveMaxPooling2D": formatted("AdaptiveMaxPooling2D", output_size=3),
    "AugMix": formatted("AugMix"),
    "AveragePooling2D": formatted("AveragePooling2D", pool_size=2),
    "CenterCrop": formatted("CenterCrop", height=5, width=6),
    "ContrastLimitedAdaptiveHistogramEqualization": formatted(
        "ContrastLimitedAdaptiveHistogramEqualization", value_range=(0, 1), tile_grid_size=(2, 2)
    ),
    "Conv2D": formatted("Conv2D", filters=5, kernel_size=3, activation="softmax"),
    "Conv2DTranspose": formatted("Conv2DTranspose", filters=5, kernel_size=3, strides=2),
    "Cropping2D": formatted("Cropping2D", cropping=1),
    "CutMix": formatted("CutMix"),
    "DepthwiseConv2D": formatted("DepthwiseConv2D", kernel_size=3),
    "GlobalAveragePooling2D": formatted("GlobalAveragePooling2D"),
    "GlobalMaxPooling2D": formatted("GlobalMaxPooling2D"),
    "MaxPooling2D": formatted("MaxPooling2D"),
    "MixUp": formatted("MixUp"),
    "RandAugment": formatted("RandAugment"),
    "RandomBrightness": formatted("RandomBrightness", factor=0.5),
    "RandomColorDegeneration": formatted("RandomColorDegeneration", factor=0.5),
    "RandomColorJitter": formatted("RandomColorJitter", brightness_factor=0.5),
    "RandomContrast": formatted("RandomContrast", factor=0.5),
    "RandomCrop": formatted("RandomCrop", height=5, width=6),
    "RandomElasticTransform": formatted("RandomElasticTransform"),
    "RandomErasing": formatted("RandomErasing"),
    "RandomFlip": formatted("RandomFlip"),
    "RandomGaussianBlur": formatted("RandomGaussianBlur"),
    "RandomGrayscale": formatted("RandomGrayscale"),
    "RandomHue": formatted("RandomHue", factor=0.5),
    "RandomInvert": formatted("RandomInvert"),
    "RandomPerspective": formatted("RandomPerspective"),
    "RandomPosterization": formatted("RandomPosterization", factor=4),
    "RandomRotation": formatted("RandomRotation", factor=0.5),
    "RandomSaturation": formatted("RandomSaturation", factor=0.5),
    "RandomSharpness": formatted("RandomSharpness", factor=0.5),
    "RandomShear": formatted("RandomShear", x_factor=(0.1, 0.5), y_factor=(0.1, 0.5)),
    "RandomTranslation": formatted("RandomTranslation", height_factor=0.5, width_factor=0.5),
    "RandomZoom": formatted("RandomZoom", height_factor=0.5),
    "Resizing": formatted("Resizing", height=7, width=5),
    "SeparableConv2D": formatted("SeparableConv2D", filters=5, kernel_size=3),
    "Solarization": formatted("Solarization", value_range=(0, 1)),
    "SpatialDropout2D": formatted("SpatialDropout2D", rate=0.5),
    "UpSampling2D": formatted("UpSampling2D", size=(2, 3), interpolation="bilinear"),
    "ZeroPadding2D": formatted("ZeroPadding2D", padding=((1, 0), (2, 1))),
}
VOLUMES: dict[str, Step] = {
    "AdaptiveAveragePooling3D": formatted("AdaptiveAveragePooling3D", output_size=2),
    "AdaptiveMaxPooling3D": formatted("AdaptiveMaxPooling3D", output_size=2),
    "AveragePooling3D": formatted("AveragePooling3D", pool_size=2),
    "Conv3D": formatted("Conv3D", filters=7, kernel_size=2),
    "Conv3DTranspose": formatted("Conv3DTranspose", filters=8, kernel_size=2),
    "Cropping3D": formatted("Cropping3D", cropping=1),
    "GlobalAveragePooling3D": formatted("GlobalAveragePooling3D"),
    "GlobalMaxPooling3D": formatted("GlobalMaxPooling3D"),
    "MaxPooling3D": formatted("MaxPooling3D"),
    "SpatialDropout3D": formatted("SpatialDropout3D", rate=0.5),
    "UpSampling3D": formatted("UpSampling3D", size=2),
    "ZeroPadding3D": formatted("ZeroPadding3D", padding=1),
}
FRAMES: dict[str, Step] = {
    f"ConvLSTM{axes}D": formatted(f"ConvLSTM{axes}D", filters=4, kernel_size=2) for axes in (1, 2, 3)
}
SPATIAL = {3: (12,), 4: (8, 9), 5: (4, 5, 6)}


def is_flatten(layer: layers.Layer) -> bool:
    return type(layer) is layers.Flatten


def model_of(step: Step, source: str, rank: int) -> keras.Model:
    """The layer between two poolings over one element, which must move and change nothing."""
    spatial = SPATIAL[rank]
    start = keras.Input((3, *spatial) if source == FIRST else (*spatial, 3), name="signal")
    y = step(getattr(layers, f"MaxPooling{rank - 2}D")(1, data_format=source)(start), source)
    if len(y.shape) in SPATIAL:
        y = getattr(layers, f"MaxPooling{len(y.shape) - 2}D")(1, data_format=source)(y)
    return keras.Model(tables(y, start), y)


def tables(y: Tensor, start: Tensor) -> list[Tensor]:
    """The inputs that a step has made, behind the signal."""
    found: dict[int, Tensor] = {id(start): start}
    seen: set[int] = set()

    def visit(tensor: Tensor) -> None:
        if id(tensor) in seen:
            return
        seen.add(id(tensor))
        node = tensor._keras_history.operation._inbound_nodes[tensor._keras_history.node_index]
        if not node.parent_nodes:
            found[id(tensor)] = tensor
        for each in node.arguments.keras_tensors:
            visit(each)

    visit(y)
    return list(found.values())


def model_of_frames(step: Step, source: str, axes: int) -> keras.Model:
    spatial = (5, 4, 3)[:axes]
    start = keras.Input((2, 3, *spatial) if source == FIRST else (2, *spatial, 3))
    y = step(start, source)
    return keras.Model(start, getattr(layers, f"GlobalMaxPooling{axes}D")(data_format=source)(y))


def data_for(model: keras.Model) -> list[np.ndarray]:
    """Numbers from 0 to 1, or 0 to 6, or words, at batch 2."""
    rng = np.random.default_rng(1)
    arrays = []
    for tensor in model.inputs:
        shape = (2, *tensor.shape[1:])
        if tensor.dtype == "string":
            arrays.append(rng.choice(["a", "b", "c"], shape).astype(object))
        else:
            arrays.append((rng.random(shape) * (7 if "int" in tensor.dtype else 1)).astype(tensor.dtype))
    return arrays


def check_layer(model: keras.Model, source: str) -> None:
    randomised(model)
    result = relayout(model, source, verify=False)
    assert source not in {getattr(layer, "data_format", None) for layer in result.model.layers if not is_flatten(layer)}
    arrays = data_for(model)
    wanted = run(model, arrays)[0]
    given = run(result.model, [turn(a, p) for a, p in zip(arrays, result.inputs, strict=True)])[0]
    wanted = turn(wanted, result.outputs[0])
    assert given.shape == wanted.shape
    np.testing.assert_allclose(given, wanted, rtol=0, atol=CLOSE * abs(wanted).max())


def test_every_class_is_here() -> None:
    public = {cls.__name__ for name in dir(layers) if inspect.isclass(cls := getattr(layers, name))}
    assert public == {*RANK_3, *IMAGES, *VOLUMES, *FRAMES, *NO_LAYER}


@FORMATS
@pytest.mark.parametrize("kind", RANK_3)
def test_layers(kind: str, source: str) -> None:
    check_layer(model_of(RANK_3[kind], source, 3), source)


@FORMATS
@pytest.mark.parametrize("kind", IMAGES)
def test_layers_of_images(kind: str, source: str) -> None:
    check_layer(model_of(IMAGES[kind], source, 4), source)


@FORMATS
@pytest.mark.parametrize("kind", VOLUMES)
def test_layers_of_volumes(kind: str, source: str) -> None:
    check_layer(model_of(VOLUMES[kind], source, 5), source)


@FORMATS
@pytest.mark.parametrize("kind", FRAMES)
def test_layers_of_frames(kind: str, source: str) -> None:
    check_layer(model_of_frames(FRAMES[kind], source, int(kind[-2])), source)


def test_a_layer_that_ignores_its_format_is_refused() -> None:
    """Keras 3.15 has AutoContrast work over axes 1 and 2 in channels_first as well."""
    model = model_of(formatted("AutoContrast", value_range=(0, 1)), FIRST, 4)
    with pytest.raises(UnsupportedError, match=r"\(AutoContrast\) is channels_first, and nothing says how"):
        relayout(model, FIRST)
