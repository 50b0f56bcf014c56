"""How ONNX slides windows along the spatial axes of an op, and what of it is Keras' own padding."""

from dataclasses import dataclass

import onnx_ir as ir

from ovprep.emit.keras.writer import Writer, shape_of
from ovprep.graph.constants import int_of, ints_of


@dataclass(frozen=True)
class Windows:
    """Per spatial axis: the length of the input (None where open), taps, stride, dilation, padding before and after.

    Padding after is what is computed with: it includes what ceil_mode adds, `extra`.
    """

    lengths: tuple[int | None, ...]
    taps: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    extra: tuple[int, ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """What a window covers along each axis."""
        return tuple((taps - 1) * dilation + 1 for taps, dilation in zip(self.taps, self.dilations, strict=True))

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """Padding before and after each axis."""
        return tuple(zip(self.before, self.after, strict=True))

    @property
    def padded(self) -> bool:
        """Whether there is any."""
        return any((*self.before, *self.after))

    @property
    def is_same(self) -> bool:
        """Whether it is what Keras calls "same", for every length that the input can have."""
        return all(self._same(axis) for axis in range(len(self.taps)))

    @property
    def is_causal(self) -> bool:
        """Whether all padding of a single axis is before it, as much as the window reaches back."""
        return len(self.taps) == 1 and self.after == (0,) and self.before == (self.reach[0] - 1,)

    def _same(self, axis: int) -> bool:
        """Keras pads so that every stride-th sample has its window: TensorFlow's formula, the half less first."""
        length, stride = self.lengths[axis], self.strides[axis]
        if stride == 1:
            total = self.reach[axis] - 1
        elif length is None:
            return False
        else:
            total = max((-(-length // stride) - 1) * stride + self.reach[axis] - length, 0)
        return (self.before[axis], self.after[axis]) == (total // 2, total - total // 2)


def windows_of(writer: Writer, node: ir.Node, taps: tuple[int, ...]) -> Windows:
    """The windows of a Conv or a pool, on a channel-last input."""
    axes = len(taps)
    ones = (1,) * axes
    lengths = shape_of(node.inputs[0])[1:-1]
    strides, dilations = ints_of(node, "strides") or ones, ints_of(node, "dilations") or ones
    reach = tuple((tap - 1) * dilation + 1 for tap, dilation in zip(taps, dilations, strict=True))
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    pads = ints_of(node, "pads") or (0,) * (2 * axes)
    if padding in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same(writer, node, lengths, reach, strides, upper=padding == "SAME_UPPER")
    elif padding == "VALID":
        pads = (0,) * (2 * axes)
    before, after, extra = pads[:axes], pads[axes:], (0,) * axes
    if min(pads) < 0:
        raise writer.refusal(node, "has negative pads")
    if int_of(node, "ceil_mode", 0) and not padding.startswith("SAME"):
        extra = tuple(_extra(writer, node, *one) for one in zip(lengths, reach, strides, before, after, strict=True))
        after = tuple(pad + more for pad, more in zip(after, extra, strict=True))
    return Windows(lengths, taps, strides, dilations, before, after, extra)


def _same(
    writer: Writer,
    node: ir.Node,
    lengths: tuple[int | None, ...],
    reach: tuple[int, ...],
    strides: tuple[int, ...],
    upper: bool,
) -> tuple[int, ...]:
    """The pads that auto_pad stands for."""
    totals = []
    for length, window, stride in zip(lengths, reach, strides, strict=True):
        if length is None and stride > 1:
            raise writer.refusal(node, "pads an open axis by its length")
        totals.append(
            window - 1 if stride == 1 else max((-(-(length or 0) // stride) - 1) * stride + window - (length or 0), 0)
        )
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (*small, *large) if upper else (*large, *small)


def _extra(writer: Writer, node: ir.Node, length: int | None, reach: int, stride: int, before: int, after: int) -> int:
    """What ceil_mode pads on: up to one more window, unless that would begin in the padding behind the input."""
    if length is None:
        if after + stride > reach:
            raise writer.refusal(node, "rounds up along an open axis")
        return stride - 1
    free = length + before + after - reach
    windows = -(-free // stride) + 1
    if (windows - 1) * stride >= length + before:
        windows -= 1
    return max((windows - 1) * stride - free, 0)
