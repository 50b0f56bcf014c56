"""Layers with a `data_format`: convolutions, pooling, padding, cropping, resizing, augmentation of images.

A layer written in the format that the model leaves must move; one that is in the other format already stays. Kernels
are the same in both formats, `[k, C_in, C_out]`.
"""

from collections.abc import Mapping
from typing import Any

from ovprep.errors import UnsupportedError
from ovprep.relayout.moves import Axes, Move, move_between, other_format
from ovprep.relayout.rules.activations import moved_activation
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, rule


def of_the_format(case: Case) -> Mapping[int, Move]:
    """The tensor that such a layer reads and those that it makes move from the format that the layer is in."""
    data_format = format_of(case)
    return {id(t): move_between(data_format, len(t.shape)) for t in _signals(case) if len(t.shape) > 2}


def _signals(case: Case) -> list[Any]:
    """Not a kernel, which an operation node may be given as a tensor."""
    return [*case.call.inputs[:1], *case.call.outputs]


def format_of(case: Case) -> str:
    """The data format that the layer is in; an operation node may leave it to Keras's settings."""
    from keras import config

    return str(case.call.operation.data_format or config.image_data_format())


@rule("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D",
      "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "AveragePooling1D", "AveragePooling2D",
      "AveragePooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "GlobalAveragePooling1D",
      "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D",
      "GlobalMaxPooling3D", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D",
      "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "ZeroPadding1D", "ZeroPadding2D",
      "ZeroPadding3D", "Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D", "SpatialDropout2D",
      "SpatialDropout3D", "STFTSpectrogram", "Resizing", "CenterCrop", "AugMix",
      "ContrastLimitedAdaptiveHistogramEqualization", "CutMix", "MixUp", "RandAugment",
      "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
      "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur",
      "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation",
      "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom", "Solarization",
      "ops.MaxPool", "ops.AveragePool", "ops.AdaptiveMaxPool", "ops.AdaptiveAveragePool", "ops.Conv",
      "ops.DepthwiseConv", "ops.SeparableConv", "ops.ConvTranspose", "ops.Resize", "ops.DepthToSpace",
      "ops.SpaceToDepth", spread=of_the_format, decides=True)  # fmt: skip
def layer_with_a_format(case: Case) -> Ruling:
    """The other `data_format`; a softmax, which works over the last axis, becomes one over another."""
    data_format = format_of(case)
    if data_format != case.source:
        return Pinned(f"it is {data_format} already")
    for tensor in _signals(case):
        if len(tensor.shape) > 2 and case.move(tensor) != move_between(data_format, len(tensor.shape)):
            raise UnsupportedError(
                f"{case.call.name} meets a tensor that another layer reads in another order of axes."
            )
    config: dict[str, Any] = {"data_format": other_format(data_format)}
    if getattr(case.call.operation, "activation", None) is not None:
        config |= moved_activation(case, move_between(data_format, len(case.output.shape)))
    kernels = frozenset(id(tensor) for tensor in case.call.inputs[1:])
    return Free(config, must=True, fixed=kernels)


@rule("SpatialDropout1D", "Dropout", "GaussianDropout")
def dropout(case: Case) -> Ruling:
    """The noise's shape moves. SpatialDropout1D drops `[N, 1, C]` by definition; moved it is a Dropout that says so."""
    shape = case.config.get("noise_shape")
    spatial = type(case.call.operation).__name__ == "SpatialDropout1D"
    move = case.move(case.input)
    shape = (None, 1, None) if spatial else shape
    if shape is None:
        return Free()
    if not isinstance(move, Axes) or case.move(case.output) != move:
        return Pinned("it drops along an axis of a tensor that has no other layout")
    turned = move.shape(shape)
    if turned == (None, 1, None):
        return Free({"noise_shape": None}, becomes="SpatialDropout1D")
    return Free({"noise_shape": turned}, becomes="Dropout" if spatial else None)


@rule("InputLayer")
def model_input(case: Case) -> Ruling:
    """Its shape."""
    move = case.move(case.output)
    if isinstance(move, Axes):
        return Free({"batch_shape": move.shape(case.config["batch_shape"])})
    return Free()
