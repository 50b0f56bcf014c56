"""Writes Reshapes that only move axes of size one as what they are: Squeeze, Unsqueeze, Transpose."""

from itertools import combinations

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.extents import Extent
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.change import Change, counted

_ONE = Extent(1)
_HIGHEST = 6
"""Of higher ranks nothing is known that moves axes of size one, and there are many ways to try."""


def name_reshapes(model: ir.Model) -> Change | None:
    """A Squeeze says which axis it drops; a Reshape does not.

    [N, 1, W, C] -> Reshape [N, W, C]      becomes   Squeeze(1)
    [N, W, C] -> Reshape [N, W, 1, C]      becomes   Unsqueeze(2)
    [N, 1, W] -> Reshape [N, W, 1]         becomes   Transpose(0, 2, 1)
    [N, 1, 1, W] -> Reshape [N, W, 1]      becomes   Squeeze(2) -> Transpose(0, 2, 1)
    """
    graph, known = model.graph, ShapeValues()
    named = []
    for node in list(graph):
        known.learn(node)
        source, before, after = node.inputs[0] if node.inputs else None, None, None
        if node.op_type == "Reshape" and source is not None and not source.is_initializer():
            before, after = known.dims(source), known.dims(node.outputs[0])
        if source is None or before is None or after is None or max(len(before), len(after)) > _HIGHEST:
            continue
        made = _named(Builder(graph, str(node.name), before=node), source, before, after)
        if made is not None:
            known.stands_for(made, node.outputs[0])
            replace_value(graph, node.outputs[0], made)
            named.append(str(node.name))
    remove_unused(graph)
    if not named:
        return None
    return Change(f"wrote {counted(len(named), 'Reshape')} as the axis of size one that it moves", tuple(named))


def _named(build: Builder, source: ir.Value, before: tuple[Extent, ...], after: tuple[Extent, ...]) -> ir.Value | None:
    """The same values by ops that name the axis, or None where a Reshape does more, or nothing."""
    if before == after or [size for size in before if size != _ONE] != [size for size in after if size != _ONE]:
        return None
    if len(before) > len(after):
        axes = _surplus(before, after)
        if axes is not None:
            return build.op("Squeeze", source, build.ints(*axes, name="axes"))
        squeezed = _surplus(before, (*after[:1], *after[2:], after[1])) if len(after) == 3 else None
        if squeezed is None or _ONE not in after[1:]:
            return None
        inner = build.op("Squeeze", source, build.ints(*squeezed, name="axes"))
        return build.op("Transpose", inner, perm=(0, 2, 1))
    if len(before) < len(after):
        axes = _surplus(after, before)
        return None if axes is None else build.op("Unsqueeze", source, build.ints(*axes, name="axes"))
    perm = _moved(before, after)
    return None if perm is None or perm[0] != 0 else build.op("Transpose", source, perm=perm)


def _surplus(longer: tuple[Extent, ...], shorter: tuple[Extent, ...]) -> tuple[int, ...] | None:
    """The axes of size one that the longer shape has and the shorter has not: the last where it could be several.

    Not the batch, where it could be another, and of `[N, C, 1, 1]` the last, as channels come first there.
    """
    ones = [axis for axis, size in enumerate(longer) if size == _ONE]
    for axes in sorted(combinations(ones, len(longer) - len(shorter)), reverse=True):
        if tuple(size for axis, size in enumerate(longer) if axis not in axes) == shorter:
            return axes
    return None


def _moved(before: tuple[Extent, ...], after: tuple[Extent, ...]) -> tuple[int, ...] | None:
    """The permutation that moves one axis of size one."""
    for source in reversed(range(len(before))):
        for target in reversed(range(len(before))):
            perm = [axis for axis in range(len(before)) if axis != source]
            perm.insert(target, source)
            if before[source] == _ONE and source != target and tuple(before[axis] for axis in perm) == after:
                return tuple(perm)
    return None
