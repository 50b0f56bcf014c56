"""Ops over the spatial axis: convolution, pooling, resizing, and normalisation per channel."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, ints_of, set_ints
from ovprep.passes.rank.registry import RANK, Lift, moved, rule


@rule("Conv", "ConvTranspose")
def convolution(node: ir.Node) -> Lift | None:
    """The kernel `[O, I, k]` becomes `[O, I, 1, k]`."""
    weights = array_of(node.inputs[1])
    if weights is None or weights.ndim != RANK or "output_shape" in node.attributes:
        return None

    def edit(build: Builder, axis: int) -> None:
        node.replace_input_with(1, build.constant(np.expand_dims(weights, axis), "lifted"))
        _widen_attributes(node)

    return Lift(edit=edit, spatial=True)


@rule("AveragePool", "LpPool", "MaxPool")
def pooling(node: ir.Node) -> Lift | None:
    """A window of one over the new axis; a MaxPool must not be asked for indices."""
    if len(node.outputs) > 1:
        return None
    return Lift(edit=lambda build, axis: _widen_attributes(node), spatial=True)


@rule("BatchNormalization", "GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization")
def over_all_spatial_axes(node: ir.Node) -> Lift | None:
    """Any number of spatial axes will do."""
    return Lift(spatial=True) if len(node.outputs) == 1 else None


@rule("Resize")
def resize(node: ir.Node) -> Lift | None:
    """Scale or size one for the new axis, which every way to resize leaves as it is."""
    place = 2 if len(node.inputs) < 4 or node.inputs[3] is None else 3
    numbers, axes = array_of(node.inputs[place]) if len(node.inputs) > place else None, ints_of(node, "axes")
    if numbers is None or numbers.size != (RANK if axes is None else len(axes)):
        return None
    if node.attributes.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        return None
    policy = node.attributes.get_string("keep_aspect_ratio_policy", "stretch")
    if axes is None and place == 3 and policy != "stretch":
        return None  # the new axis would have a say in it

    def edit(build: Builder, axis: int) -> None:
        if axes is None:
            node.replace_input_with(place, build.constant(np.insert(numbers, axis, 1), "lifted"))
        else:
            set_ints(node, "axes", [moved(one, axis) for one in axes])
        node.replace_input_with(1, None)

    return Lift(edit=edit, spatial=True)


def _widen_attributes(node: ir.Node) -> None:
    """The new axis stands before the spatial one."""
    for name, one in (("kernel_shape", 1), ("strides", 1), ("dilations", 1), ("output_padding", 0)):
        numbers = ints_of(node, name)
        if numbers is not None:
            set_ints(node, name, (one, *numbers))
    pads = ints_of(node, "pads")
    if pads is not None:
        set_ints(node, "pads", (0, pads[0], 0, pads[1]))
