"""Convolution and pooling with a window over the axis of size one."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of, set_ints
from ovprep.graph.size_rules import kernel_of
from ovprep.passes.unit_axis.registry import RANK, Drop, rule, without


@rule("Conv", "ConvTranspose")
def convolution(node: ir.Node, axis: int) -> Drop | None:
    """Of a window over one sample and padding, one tap meets the sample, and the others zeros."""
    weights, tap = array_of(node.inputs[1]), _tap_on_sample(node, axis)
    if weights is None or tap is None or (node.op_type == "ConvTranspose" and "output_shape" in node.attributes):
        return None

    def edit(build: Builder) -> None:
        node.replace_input_with(1, build.constant(np.take(weights, tap, axis=axis), "squeezed"))
        _drop_attributes(node, axis)

    return Drop({0: axis}, {0: axis}, edit)


@rule("MaxPool", "AveragePool")
def pooling(node: ir.Node, axis: int) -> Drop | None:
    """Padding counts for nothing, unless an average is asked to count it."""
    if _tap_on_sample(node, axis) is None or len(node.outputs) > 1:
        return None
    if int_of(node, "count_include_pad", 0) and kernel_of(node)[axis - 2] != 1:
        return None
    return Drop({0: axis}, {0: axis}, lambda build: _drop_attributes(node, axis))


def _tap_on_sample(node: ir.Node, axis: int) -> int | None:
    """Which place of the window stands on the one sample at the one position of the output, None where none does."""
    kernel, place, count = kernel_of(node), axis - 2, RANK - 2
    if place < 0 or len(kernel) != count:
        return None
    dilation = (ints_of(node, "dilations") or (1,) * count)[place]
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    if padding in ("NOTSET", "VALID"):
        before = (ints_of(node, "pads") or (0,) * 2 * count)[place] if padding == "NOTSET" else 0
    elif node.op_type == "ConvTranspose":
        return None
    else:
        total = (kernel[place] - 1) * dilation
        before = total // 2 if padding == "SAME_UPPER" else total - total // 2
    tap, rest = divmod(before, dilation)
    return tap if not rest and 0 <= tap < kernel[place] else None


def _drop_attributes(node: ir.Node, axis: int) -> None:
    place, count = axis - 2, RANK - 2
    for name in ("kernel_shape", "strides", "dilations", "output_padding"):
        numbers = ints_of(node, name)
        if numbers is not None:
            set_ints(node, name, without(numbers, place))
    pads = ints_of(node, "pads")
    if pads is not None:
        set_ints(node, "pads", without(pads, place, place + count))
