"""Layers that treat every element alike, whatever its place."""

from ovprep.relayout.moves import Axes, Features, keras_axis
from ovprep.relayout.rules.activations import is_symmetric, moved_activation, name_of, softmax_axis, treats_alike
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, common, rule

SEVERAL_LAYOUTS = "its tensors do not move alike"


@rule("ReLU", "LeakyReLU", "ELU", "Identity", "ActivityRegularization", "AlphaDropout", "GaussianNoise")
def alike(case: Case) -> Ruling:
    """Nothing changes."""
    return Free() if len({case.move(case.input), case.move(case.output)}) == 1 else Pinned(SEVERAL_LAYOUTS)


@rule("Activation")
def activation(case: Case) -> Ruling:
    """Elementwise, but for a softmax, which works over the last axis as written."""
    function, move = case.call.operation.activation, common(case)
    if treats_alike(function):
        return alike(case)
    if isinstance(move, Features) and is_symmetric(function):
        return Free()
    if isinstance(move, Axes) and softmax_axis(function) is not None:
        return Free(moved_activation(case, move))
    return Pinned(f"its {name_of(function)} does not treat every element alike")


@rule("Rescaling")
def rescaling(case: Case) -> Ruling:
    """A number for all elements."""
    if all(isinstance(case.config[key], int | float) for key in ("scale", "offset")):
        return alike(case)
    return Pinned("it has a scale per channel")


@rule("Softmax", "UnitNormalization")
def along_axes(case: Case) -> Ruling:
    """Along one or several axes; of flattened features all, whose order does not matter."""
    move = common(case)
    if len(case.call.inputs) != 1:
        return Pinned("it is given a mask")
    if isinstance(move, Axes):
        axis = case.config["axis"]
        turned = (
            keras_axis(axis, move, case.source)
            if isinstance(axis, int)
            else [keras_axis(each, move, case.source) for each in axis]
        )
        return Free({"axis": turned})
    return Free() if move else Pinned(SEVERAL_LAYOUTS)


@rule("PReLU")
def prelu(case: Case) -> Ruling:
    """Alpha has the input's shape without the batch, with 1 along `shared_axes`."""
    move = common(case)
    if isinstance(move, Axes):
        shared, width = case.config["shared_axes"], len(move.perm) - 1
        # Keras takes shared_axes - 1 for places in the shape of alpha, where negative ones count from behind.
        turned = shared and sorted(move.axis((axis - 1) % width + 1) for axis in shared)
        return Free({"shared_axes": turned}, {"alpha": without_batch(move)})
    return (
        Free({}, {"alpha": move.along(-1)})
        if isinstance(move, Features) and not case.config["shared_axes"]
        else Pinned(SEVERAL_LAYOUTS)
    )


def without_batch(move: Axes) -> Axes:
    """The move of a constant that has no batch axis."""
    return Axes(tuple(axis - 1 for axis in move.perm[1:]))
