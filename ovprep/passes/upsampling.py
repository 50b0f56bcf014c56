"""Gives repetition along an axis the name that it has as upsampling."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.extents import Extent
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.change import Change, counted

_NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def name_upsampling(model: ir.Model) -> Change | None:
    """TensorFlow repeats samples along a new axis; as a Resize it runs in either layout.

    x [N, W, C] -> Unsqueeze [N, W, 1, C] -> Tile [N, W, k, C] -> Reshape [N, k * W, C]
    becomes
    x [N, W, C] -> Resize(scales = 1, k, 1)
    """
    graph, known = model.graph, ShapeValues()
    named = []
    for node in list(graph):
        known.learn(node)
        tile = _maker(node, "Reshape", "Tile")
        new, times = (None, 1) if tile is None else _repeats(tile)
        wide = None if tile is None else tile.inputs[0]
        before, after = known.dims(wide), known.dims(node.outputs[0])
        if wide is None or before is None or after is None or new is None or wide.dtype != ir.DataType.FLOAT:
            continue
        narrow = (*before[:new], *before[new + 1 :])
        wanted = tuple(size * times if axis == new - 1 else size for axis, size in enumerate(narrow))
        if new < 2 or before[new] != Extent(1) or after != wanted:  # the batch comes first
            continue
        made = _upsampled(Builder(graph, str(node.name), before=node), wide, new, times)
        shape, sizes = node.outputs[0].shape, wide.shape
        assert shape is not None
        assert sizes is not None
        # Shape inference gives up on all axes of a Resize as soon as one is open.
        made.shape = ir.Shape([*sizes[: new - 1], shape[new - 1], *sizes[new + 1 :]])
        known.stands_for(made, node.outputs[0])
        replace_value(graph, node.outputs[0], made)
        named.append(str(node.name))
    remove_unused(graph)
    return Change(f"wrote {counted(len(named), 'repetition')} as a Resize", tuple(named)) if named else None


def _upsampled(build: Builder, wide: ir.Value, new: int, times: int) -> ir.Value:
    """Without the axis of size one, and longer along the axis before it."""
    maker, rank = wide.producer(), len(wide.shape or ())
    axes = (ints_of(maker, "axes", 1) if maker is not None and maker.op_type == "Unsqueeze" else None) or ()
    if maker is not None and [axis % rank for axis in axes] == [new]:
        source = maker.inputs[0]
    else:
        source = build.op("Squeeze", wide, build.ints(new, name="axes"))
    scales = np.ones(rank - 1, np.float32)
    scales[new - 1] = times
    return build.op("Resize", source, None, build.constant(scales, "scales"), **_NEAREST)


def _repeats(tile: ir.Node) -> tuple[int | None, int]:
    """The one axis that a Tile repeats, and how many times."""
    repeats = ints_of(tile, "", 1) or ()
    axes = [axis for axis, times in enumerate(repeats) if times != 1]
    return (axes[0], repeats[axes[0]]) if len(axes) == 1 else (None, 1)


def _maker(node: ir.Node, op_type: str, before: str) -> ir.Node | None:
    source = node.inputs[0] if node.op_type == op_type else None
    maker = None if source is None else source.producer()
    return maker if maker is not None and maker.op_type == before else None
