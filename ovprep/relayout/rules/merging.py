"""Layers of several inputs."""

from ovprep.relayout.moves import Axes, keras_axis
from ovprep.relayout.rules.elementwise import SEVERAL_LAYOUTS
from ovprep.relayout.rules.flatten import concatenated, side_by_side
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, common, rule


@rule("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
def merge(case: Case) -> Ruling:
    """Keras gives a tensor of lower rank its missing axes behind the batch, which says where its axes stand."""
    ranks = {len(tensor.shape) for tensor in case.call.inputs}
    if len(ranks) > 1:
        return Pinned("one of its inputs has fewer axes, and they stand for the last ones as written")
    return Free() if common(case) else Pinned(SEVERAL_LAYOUTS)


@rule("Concatenate", spread=concatenated)
def concatenate(case: Case) -> Ruling:
    """Along its axis; flattened tensors one behind the other."""
    move = common(case)
    if len(case.output.shape) == 2 and case.move(case.output):
        return Free() if case.move(case.output) == side_by_side(case) else Pinned(SEVERAL_LAYOUTS)
    if not isinstance(move, Axes):
        return Pinned(SEVERAL_LAYOUTS)
    return Free({"axis": keras_axis(case.config["axis"], move, case.source)})
