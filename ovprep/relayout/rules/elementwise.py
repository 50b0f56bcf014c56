"""Layers that treat every element alike, whatever its place."""

from ovprep.relayout.moves import FIRST, Axes, Features
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, common, rule

SEVERAL_LAYOUTS = "its tensors do not move alike"


@rule("ReLU", "LeakyReLU", "ELU", "Identity", "ActivityRegularization", "AlphaDropout", "GaussianNoise")
def alike(case: Case) -> Ruling:
    """Nothing changes."""
    return Free() if len({case.move(case.input), case.move(case.output)}) == 1 else Pinned(SEVERAL_LAYOUTS)


@rule("Activation")
def activation(case: Case) -> Ruling:
    """Elementwise, but for a softmax, which works over the last axis as written."""
    name = case.config["activation"]
    move = common(case)
    if not isinstance(name, str):
        return Pinned("its activation is the user's own function")
    if name in ("softmax", "log_softmax", "sparsemax", "glu", "threshold", "sparse_plus"):
        if name == "softmax" and isinstance(move, Axes):
            return Free({"axis": keras_axis(-1, move, case.source)}, becomes="Softmax")
        return Pinned(f"{name} works over the last axis")
    return alike(case)


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
        shared = case.config["shared_axes"]
        turned = shared and sorted(move.axis(axis) for axis in shared)
        return Free({"shared_axes": turned}, {"alpha": without_batch(move)})
    return (
        Free({}, {"alpha": move.along(-1)})
        if isinstance(move, Features) and not case.config["shared_axes"]
        else Pinned(SEVERAL_LAYOUTS)
    )


def without_batch(move: Axes) -> Axes:
    """The move of a constant that has no batch axis."""
    return Axes(tuple(axis - 1 for axis in move.perm[1:]))


def keras_axis(axis: int, move: Axes, source: str) -> int:
    """The axis in the moved tensor, as a person writes it: the channels are 1 or -1, others count from the same end.

    Nothing is lost: the way back gives the number that was written.
    """
    rank, place = len(move.perm), move.axis(axis)
    is_channel = (axis % rank, place) == ((1, rank - 1) if source == FIRST else (rank - 1, 1))
    from_the_end = (axis < 0) != is_channel
    return place - rank if from_the_end else place
