"""Layers that work along axis 1 by definition. On moved tensors an operation node does the same."""

from typing import Any

from ovprep.relayout.moves import Axes, keras_axis
from ovprep.relayout.rules.elementwise import SEVERAL_LAYOUTS
from ovprep.relayout.rules.registry import Arguments, Case, Free, Pinned, Ruling, common, rule


@rule("UpSampling1D")
def up_sampling(case: Case) -> Ruling:
    """Each step several times."""
    move = common(case)
    if not isinstance(move, Axes):
        return Pinned(SEVERAL_LAYOUTS)
    repeats, axis = case.config["size"], keras_axis(1, move, case.source)

    def repeat(name: str) -> Any:
        from keras.src.ops.numpy import Repeat

        return Repeat(repeats, axis, name=name)

    return Free(makes=repeat, one_way=True)


@rule("Cropping1D")
def cropping(case: Case) -> Ruling:
    """The steps but the first and the last ones."""
    move = common(case)
    if not isinstance(move, Axes):
        return Pinned(SEVERAL_LAYOUTS)
    first, last = case.config["cropping"]
    key = move.shape((slice(None), slice(first or None, -last or None), slice(None)))

    def get_item(name: str) -> Any:
        from keras.src.ops.numpy import GetItem

        return GetItem(name=name)

    def arguments(given: Arguments) -> Arguments:
        return (given[0][0], (Ellipsis, key[-1]) if key[1] == slice(None) else key[:2]), {}

    return Free(arguments=arguments, makes=get_item, one_way=True)
