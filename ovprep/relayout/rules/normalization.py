"""Layers with weights along an axis."""

from ovprep.relayout.moves import Axes, Features, keras_axis
from ovprep.relayout.rules.elementwise import SEVERAL_LAYOUTS
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, WeightMove, common, rule


@rule("BatchNormalization", "GroupNormalization")
def along_one_axis(case: Case) -> Ruling:
    """Weights per channel are as they were; per flattened feature they follow the features."""
    move = common(case)
    if len(case.call.inputs) != 1 or move is None:
        return Pinned(SEVERAL_LAYOUTS)
    if isinstance(move, Axes):
        return Free({"axis": keras_axis(case.config["axis"], move, case.source)})
    if "groups" in case.config:
        return Pinned("its groups are neighbouring features")
    return Free({}, _each_weight(case, move.along(-1)))


@rule("RMSNormalization")
def root_mean_square(case: Case) -> Ruling:
    """Keras 3.15 multiplies by the scale along the last axis, whatever the layer's axis says."""
    move = common(case)
    if isinstance(move, Features):
        return Free({}, _each_weight(case, move.along(-1)))
    return Pinned("Keras scales along the last axis, whatever its axis is")


@rule("LayerNormalization")
def along_axes(case: Case) -> Ruling:
    """Keras sorts the axes, so weights over several are transposed where the order changes."""
    move = common(case)
    if isinstance(move, Features):
        return Free({}, _each_weight(case, move.along(-1)))
    if move is None:
        return Pinned(SEVERAL_LAYOUTS)
    axis = case.config["axis"]
    if isinstance(axis, int) or len(axis) == 1:
        turned = keras_axis(axis if isinstance(axis, int) else axis[0], move, case.source)
        return Free({"axis": turned if isinstance(axis, int) else [turned]})
    written = [each % len(move.perm) for each in axis]
    if written != sorted(written):
        return Pinned("its axes count from both ends, so that Keras reads its weights in another order than their axes")
    places = [move.axis(each) for each in axis]
    order = _sorting(places)
    return Free({"axis": sorted(places)}, {} if order.is_identity else _each_weight(case, order))


@rule("Normalization")
def statistics(case: Case) -> Ruling:
    """By means and variances along its axes, in their order, which it was given or has learnt."""
    move, axis = common(case), case.config["axis"]
    if not isinstance(move, Axes):
        return Pinned(SEVERAL_LAYOUTS)
    if len(axis) < 2:
        return Free({"axis": tuple(keras_axis(each, move, case.source) for each in axis)})
    if case.config["mean"] is not None:
        return Pinned("it was given statistics along several axes")
    places = [move.axis(each) for each in sorted(each % len(move.perm) for each in axis)]
    order = _sorting(places)
    weights = {} if order.is_identity else {"mean": order, "variance": order}
    return Free({"axis": tuple(sorted(places))}, weights)


def _sorting(places: list[int]) -> Axes:
    """The move of a weight whose axes stand for these axes of the moved tensor, and are sorted by Keras."""
    return Axes(tuple(places.index(place) for place in sorted(places)))


def _each_weight(case: Case, move: WeightMove) -> dict[str, WeightMove]:
    return {weight.name: move for weight in case.call.operation.weights}
