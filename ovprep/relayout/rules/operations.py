"""Operation nodes: `keras.ops` functions and operators between layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ovprep.relayout.moves import Axes, Features, Move, keeps_elements, keras_axis, without
from ovprep.relayout.rules.elementwise import SEVERAL_LAYOUTS
from ovprep.relayout.rules.flatten import concatenated, reshaped, side_by_side
from ovprep.relayout.rules.registry import Arguments, Case, Free, Pinned, Ruling, axes_of, common, nothing, rule

_UNARY = (
    "Abs Absolute Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Cast Ceil Celu Clip Copy Cos Cosh Elu Erf Exp Exp2 "
    "Expm1 Floor Gelu HardShrink HardSigmoid HardSilu HardTanh Isfinite Isinf Isnan LeakyRelu Log "
    "Log10 Log1p Log2 LogSigmoid LogicalNot NanToNum Negative OnesLike Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid "
    "Sign Silu Sin Sinh SoftShrink Softplus Softsign SparsePlus Sqrt Square Squareplus StopGradient Tan Tanh "
    "TanhShrink Threshold Trunc ZerosLike"
)
_BINARY = (
    "Add Arctan2 Divide DivideNoNan Equal FloorDivide Greater GreaterEqual Hypot Less LessEqual Logaddexp LogicalAnd "
    "LogicalOr LogicalXor Maximum Minimum Mod Multiply NotEqual Power Subtract TrueDivide Where"
)


@rule(*(f"ops.{name}" for name in f"{_UNARY} {_BINARY}".split()))
def elementwise(case: Case) -> Ruling:
    """Every element alike. Constants that broadcast get the tensors' rank and move with them."""
    move, rank = common(case), len(case.output.shape)
    if move is None:
        return Pinned(SEVERAL_LAYOUTS if any(map(case.move, case.call.inputs)) else "its tensors have no other layout")
    if any(isinstance(value, list | tuple | dict) for value in case.config.values()):
        return Pinned("it has a bound per element of the axes as written")
    if {len(tensor.shape) for tensor in case.call.inputs} != {rank}:
        return Pinned("one of its inputs has fewer axes, and they stand for the last ones as written")

    def constants(arguments: Arguments) -> Arguments:
        args, kwargs = arguments
        return tuple(_moved(each, move, rank) for each in args), {k: _moved(v, move, rank) for k, v in kwargs.items()}

    return Free(arguments=constants)


def _moved(argument: Any, move: Move, rank: int) -> Any:
    """A constant moved; tensors, which are moved already, and numbers as they are."""
    if type(argument).__name__ == "KerasTensor" or not (
        isinstance(argument, list | tuple) or hasattr(argument, "shape")
    ):
        return argument
    array = np.asarray(argument)
    if not array.ndim:
        return argument
    array = move.array(array.reshape((1,) * (rank - array.ndim) + array.shape))
    while array.ndim > 1 and array.shape[0] == 1:  # as a person writes it, and as it was before the way back
        array = array[0]
    return array


@rule("ops.Softmax", "ops.LogSoftmax", "ops.Glu", "ops.Sparsemax", "ops.Concatenate", "ops.Flip", "ops.Cumsum",
      "ops.Cumprod", "ops.Roll", "ops.Repeat", "ops.Split", "ops.Take", spread=concatenated)  # fmt: skip
def along_an_axis(case: Case) -> Ruling:
    """The axis moves; of flattened features a concatenation lies side by side."""
    move, axis = common(case), case.config.get("axis")
    if isinstance(case.move(case.output), Features) and type(case.call.operation).__name__ == "Concatenate":
        return Free() if case.move(case.output) == side_by_side(case) else Pinned(SEVERAL_LAYOUTS)
    if type(case.call.operation).__name__ == "Concatenate" and _joins_arrays(case):
        return Pinned("it joins arrays, whose axes are as written")
    if not isinstance(move, Axes) or not isinstance(axis, int):
        return Pinned(SEVERAL_LAYOUTS if isinstance(axis, int) else "it works on all axes at once")
    return Free({"axis": keras_axis(axis, move, case.source)})


def _joins_arrays(case: Case) -> bool:
    from keras import tree

    return len(tree.flatten(case.call.node.arguments.args[0])) > len(case.call.inputs)


@rule("ops.Mean", "ops.Sum", "ops.Max", "ops.Min", "ops.Amax", "ops.Amin", "ops.Prod", "ops.Var", "ops.Std", "ops.Any",
      "ops.All", "ops.CountNonzero", "ops.Logsumexp", "ops.Argmax", "ops.Argmin")  # fmt: skip
def reduction(case: Case) -> Ruling:
    """The axes move; what remains is in the order that is left."""
    move, axis = axes_of(case, case.input), case.config.get("axis")
    if move is None or len(case.call.inputs) != 1:
        return Pinned("its input has no other layout")
    if axis is None and type(case.call.operation).__name__ in ("Argmax", "Argmin"):
        return Pinned("it counts the elements in the order of the axes as written")
    if axis is None:
        kept = case.config.get("keepdims") and len(case.output.shape) == len(case.input.shape)
        return Free() if kept else Free(fixed=frozenset({id(case.output)}))
    turned = _each(axis, move, case.source)
    if case.config.get("keepdims"):
        return Free({"axis": turned}) if common(case) else Pinned(SEVERAL_LAYOUTS)
    return _dropping(case, move, _whole(axis, len(case.input.shape)), Free({"axis": turned}))


def unit_axes(case: Case) -> dict[int, Move]:
    """With a unit axis more or less, the other axes move as they did."""
    axis, rank = case.config.get("axis"), max(len(case.input.shape), len(case.output.shape))
    if axis is None or min(len(case.input.shape), len(case.output.shape)) < 3:
        return {}
    wide, narrow = sorted((case.input, case.output), key=lambda tensor: -len(tensor.shape))
    dropped = _whole(axis, rank)
    if move := axes_of(case, wide):
        return {id(narrow): without(move.perm, dropped)} if not without(move.perm, dropped).is_identity else {}
    move = axes_of(case, narrow)
    kept = [place for place in range(rank) if place not in dropped]
    if move is None or len(kept) != len(move.perm):
        return {}
    order = iter([kept[place] for place in move.perm])
    return {id(wide): Axes(tuple(place if place in dropped else next(order) for place in range(rank)))}


@rule("ops.Squeeze", spread=unit_axes)
def squeeze(case: Case) -> Ruling:
    """Axes of one element go."""
    move, axis = axes_of(case, case.input), case.config.get("axis")
    if move is None or axis is None:
        return Pinned("its input has no other layout, or it names no axis")
    return _dropping(case, move, _whole(axis, len(case.input.shape)), Free({"axis": _each(axis, move, case.source)}))


@rule("ops.ExpandDims", spread=unit_axes)
def expand_dims(case: Case) -> Ruling:
    """A new axis, where it stands in the moved output."""
    after, axis, rank = axes_of(case, case.output), case.config.get("axis"), len(case.output.shape)
    if after is None or not isinstance(axis, int):
        return Pinned("its output has no other layout")
    left, before = without(after.perm, {axis % rank}), axes_of(case, case.input)
    free = Free({"axis": keras_axis(axis, after, case.source)})
    if left == before or (left.is_identity and case.move(case.input) is None):
        return free
    return Free(free.config, fixed=frozenset({id(case.input)})) if left.is_identity else Pinned(SEVERAL_LAYOUTS)


@rule("ops.GetItem", spread=nothing)
def get_item(case: Case) -> Ruling:
    """Slices move with their axes; a number drops its axis."""
    move, rank = axes_of(case, case.input), len(case.input.shape)
    key = _full_key(case.call.node.arguments.args[1:], rank)
    if move is None or key is None:
        return Pinned("it is sliced with more than slices and numbers" if move else "its input has no other layout")
    turned = _short_key(move.shape(key))

    def arguments(given: Arguments) -> Arguments:
        return (given[0][0], turned), {}

    dropped = [axis for axis, item in enumerate(key) if isinstance(item, int)]
    return _dropping(case, move, dropped, Free(arguments=arguments))


def _full_key(args: Sequence[Any], rank: int) -> tuple[Any, ...] | None:
    """One slice or number per axis; None where the key holds anything else."""
    if len(args) != 1:
        return None
    key = tuple(args[0]) if isinstance(args[0], tuple | list) else (args[0],)  # a list where it comes from a file
    if any(item is Ellipsis for item in key):
        place = next(i for i, item in enumerate(key) if item is Ellipsis)
        key = (*key[:place], *[slice(None)] * (rank - len(key) + 1), *key[place + 1 :])
    key = (*key, *[slice(None)] * (rank - len(key)))
    known = all(isinstance(item, slice | int) and not isinstance(item, bool) for item in key)
    return key if known and len(key) == rank else None


def _short_key(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key without the whole axes that go without saying."""
    whole = [item == slice(None) for item in key]
    if all(whole[:-1]) and not whole[-1] and len(key) > 2:
        return (Ellipsis, key[-1])
    while len(key) > 1 and key[-1] == slice(None):
        key = key[:-1]
    return key


@rule("ops.Pad", spread=concatenated)
def pad(case: Case) -> Ruling:
    """The widths move with their axes."""
    move, widths = common(case), case.config.get("pad_width")
    if not isinstance(move, Axes) or not isinstance(widths, list | tuple) or len(widths) != len(move.perm):
        return Pinned(SEVERAL_LAYOUTS)
    return Free({"pad_width": type(widths)(move.shape(widths))})


@rule("ops.Reshape", spread=reshaped)
def reshape(case: Case) -> Ruling:
    """Another shape, where the elements then come out in the moved order."""
    before, after, shape = case.move(case.input), case.move(case.output), case.config.get("newshape")
    for move_in, move_out in ((before, after), (before, None), (None, after)):
        if not (shape and (move_in or move_out)) or not keeps_elements(
            case.input.shape, case.output.shape, move_in, move_out
        ):
            continue
        fixed = [case.input] * (move_in is None) + [case.output] * (move_out is None)
        turned = move_out.shape(shape) if isinstance(move_out, Axes) else shape
        return Free({"newshape": turned}, fixed=frozenset(id(tensor) for tensor in fixed))
    return Pinned("it reads the elements in the order of the axes as written")


def _whole(axis: int | Sequence[int], rank: int) -> list[int]:
    return [each % rank for each in ([axis] if isinstance(axis, int) else axis)]


def _each(axis: int | list[int] | tuple[int, ...], move: Axes, source: str) -> int | list[int] | tuple[int, ...]:
    if isinstance(axis, int):
        return keras_axis(axis, move, source)
    return type(axis)(keras_axis(each, move, source) for each in axis)


def _dropping(case: Case, move: Axes, dropped: Sequence[int], free: Free) -> Ruling:
    """`free`, with the output moved or as written, whichever the remaining axes are in."""
    left = without(move.perm, dropped)
    if left == case.move(case.output):
        return free
    if left.is_identity:
        return Free(free.config, arguments=free.arguments, fixed=frozenset({id(case.output)}))
    return Pinned(SEVERAL_LAYOUTS)
