"""Layers of several inputs."""

from typing import Any

from ovprep.relayout.moves import Axes, keras_axis
from ovprep.relayout.rules.elementwise import SEVERAL_LAYOUTS
from ovprep.relayout.rules.flatten import concatenated, side_by_side
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, common, nothing, rule


@rule("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
def merge(case: Case) -> Ruling:
    """Keras gives a tensor of lower rank its missing axes behind the batch, which says where its axes stand."""
    ranks = {len(tensor.shape) for tensor in case.call.inputs}
    if len(ranks) > 1:
        return Pinned("one of its inputs has fewer axes, and they stand for the last ones as written")
    return Free() if common(case) else Pinned(SEVERAL_LAYOUTS)


@rule("Dot", spread=nothing)
def dot(case: Case) -> Ruling:
    """Along one axis of either input. What is left has the same order however the inputs lie, one axis of each."""
    inputs, axes = case.call.inputs, case.config["axes"]
    if any(len(tensor.shape) != 3 for tensor in inputs):
        return Pinned("it multiplies along the axes as written")
    pair = [axes, axes] if isinstance(axes, int) else list(axes)
    turned = [_turned(case, tensor, axis) for tensor, axis in zip(inputs, pair, strict=True)]
    alike = isinstance(axes, int) and turned[0] == turned[1]
    kind = list if isinstance(axes, int) else type(axes)  # as it was given, so that it comes back so
    return Free({"axes": turned[0] if alike else kind(turned)}, fixed=frozenset({id(case.output)}))


def _turned(case: Case, tensor: Any, axis: int) -> int:
    move = case.move(tensor)
    return keras_axis(axis, move, case.source) if isinstance(move, Axes) else axis


@rule("Concatenate", spread=concatenated)
def concatenate(case: Case) -> Ruling:
    """Along its axis; flattened tensors one behind the other."""
    move = common(case)
    if len(case.output.shape) == 2 and case.move(case.output):
        return Free() if case.move(case.output) == side_by_side(case) else Pinned(SEVERAL_LAYOUTS)
    if not isinstance(move, Axes):
        return Pinned(SEVERAL_LAYOUTS)
    return Free({"axis": keras_axis(case.config["axis"], move, case.source)})
