"""Resizing along the spatial axes."""

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.emit.keras.registry import emits
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import array_of, int_of, ints_of

Places = NDArray[np.float32]
"""Where each result stands in the input."""
_How = tuple[float, int | None, int | None, str]
"""Scale, length, goal and mode."""


@emits("Resize")
def resize(writer: Writer, node: ir.Node) -> Tensor:
    """An UpSampling1D where each value is repeated; else the values around each place by their weights."""
    x, dims = writer.first(node), shape_of(node.inputs[0])
    scales = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    sizes = array_of(node.inputs[3]) if len(node.inputs) > 3 else None
    given = sizes if scales is None or not scales.size else scales
    axes = ints_of(node, "axes") or tuple(range(len(dims)))
    mode = node.attributes.get_string("mode", "nearest")
    if given is None or mode not in ("nearest", "linear") or int_of(node, "antialias", 0):
        raise writer.refusal(node, f"resizes by {mode}, or to sizes that are not constant")
    if node.attributes.get_string("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise writer.refusal(node, "keeps an aspect ratio")
    for axis, number in zip(axes, given.tolist(), strict=True):
        length = dims[axis % len(dims)]
        if given is sizes:
            if number == length:
                continue
            if length is None:
                raise writer.refusal(node, "resizes an open axis to a fixed length")
            how: _How = (number / length, length, int(number), mode)
        else:
            how = (float(number), length, None if length is None else math.floor(length * number), mode)
        if how[0] != 1:
            x = _along(writer, node, x, axis % len(dims), how)
    return x


def _along(writer: Writer, node: ir.Node, x: Tensor, axis: int, how: _How) -> Tensor:
    """Along one axis, by a scale, from a length to a goal."""
    scale, length, goal, mode = how
    if mode == "nearest" and _repeats(node, scale):
        if axis == 1 and len(x.shape) == 3:
            return writer.layer(node, "UpSampling1D", x, size=int(scale))
        return writer.ops.repeat(x, int(scale), axis=axis)
    if length is None or goal is None:
        raise writer.refusal(node, "interpolates along an open axis")
    places = _places(writer, node, scale, length, goal)
    if mode == "nearest":
        chosen = _rounded(writer, node, places)
        return writer.ops.take(x, np.clip(chosen, 0, length - 1).astype(np.int32), axis=axis)
    low = np.floor(places)
    share = (places - low).astype(np.float32).reshape([-1 if one == axis else 1 for one in range(len(x.shape))])
    before, after = (np.clip(low + step, 0, length - 1).astype(np.int32) for step in (0, 1))
    ops = writer.ops
    first = ops.multiply(ops.take(x, before, axis=axis), 1 - share)
    return ops.add(first, ops.multiply(ops.take(x, after, axis=axis), share))


def _repeats(node: ir.Node, scale: float) -> bool:
    """Whether each value is repeated: asymmetric and rounded down, or by the centres, which comes to the same."""
    how = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    rounding = node.attributes.get_string("nearest_mode", "round_prefer_floor")
    if scale != int(scale) or scale < 1:
        return False
    return (how == "asymmetric" and rounding == "floor") or (
        how in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric") and rounding.startswith("round")
    )


def _places(writer: Writer, node: ir.Node, scale: float, length: int, goal: int) -> Places:
    """Where each result stands in the input; the formulas are those of ONNX's Resize, and float32 decides ties."""
    how = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    at, one, half = np.arange(goal, dtype=np.float32), np.float32(scale), np.float32(0.5)
    if how == "asymmetric":
        return at / one
    if how == "align_corners":
        return at * np.float32(length - 1) / np.float32(goal - 1) if goal > 1 else at * 0
    if how == "pytorch_half_pixel" and goal == 1:
        return at * 0
    if how in ("half_pixel", "pytorch_half_pixel"):
        return (at + half) / one - half
    raise writer.refusal(node, f"has coordinates by {how}")


def _rounded(writer: Writer, node: ir.Node, places: Places) -> Places:
    rounding = node.attributes.get_string("nearest_mode", "round_prefer_floor")
    functions: dict[str, Callable[[Places], Places]] = {
        "ceil": np.ceil,
        "floor": np.floor,
        "round_prefer_ceil": lambda at: np.floor(at + np.float32(0.5)),
        "round_prefer_floor": lambda at: np.ceil(at - np.float32(0.5)),
    }
    return functions[rounding](places)
