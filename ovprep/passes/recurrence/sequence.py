"""What becomes of the sequence that a recurrence gives: its last step, or the sequence from its end."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.edit import replace_value
from ovprep.graph.extents import Extent
from ovprep.graph.op_types import RECURRENT
from ovprep.graph.shape_values import ShapeValues

_FAR = 2**31 - 1


def is_one_way(node: ir.Node) -> bool:
    """Whether a node is a recurrence in one direction, time first."""
    direction = node.attributes.get_string("direction", "forward")
    return is_recurrent(node) and direction != "bidirectional"


def is_recurrent(node: ir.Node) -> bool:
    """Whether a node is a recurrence with time first, as ONNX Runtime has them."""
    return node.op_type in RECURRENT and not int_of(node, "layout", 0)


@dataclass(frozen=True)
class _End:
    """Where a sequence goes, None for an output of the model; the letters of its axes there, D of size one."""

    user: ir.Node | None
    value: ir.Value
    letters: str


_LENGTHS = 4
"""The place of the lengths of sequences among the inputs."""


def take_last(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """The last step of all of them is an output of its own, `[1, N, H]`."""
    if not is_one_way(node) or _is_reverse(node) or len(node.outputs) < 2:
        return False
    if len(node.inputs) > _LENGTHS and node.inputs[_LENGTHS] is not None:
        return False  # behind the end of a shorter sequence all steps are zero, its last state is not
    found = False
    for end in list(_ends_of(node.outputs[0], "TDNH", known)):
        if end.user is None or "D" in end.letters or not _is_last(end.user, end.letters.index("T")):
            continue
        build = Builder(graph, str(node.name), after=node)
        last, letters = node.outputs[1], end.letters
        if end.user.op_type == "Gather":
            last, letters = build.op("Squeeze", last, build.ints(0, name="axes")), letters.replace("T", "")
        straight = "".join(letter for letter in "TNH" if letter in letters)
        if letters != straight:
            last = build.op("Transpose", last, perm=tuple(straight.index(letter) for letter in letters))
        known.stands_for(last, end.user.outputs[0])
        replace_value(graph, end.user.outputs[0], last)
        found = True
    return found


def name_reversal(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """A ReverseSequence that turns all of all sequences round is a Slice, of which more is known."""
    if node.op_type != "ReverseSequence" or not _turns_all_round(node, known):
        return False
    build, axis = Builder(graph, str(node.name), before=node), int_of(node, "time_axis", 0)
    replace_value(graph, node.outputs[0], flipped(build, node.inputs[0], axis))
    return True


def flipped(build: Builder, x: ir.Value | None, axis: int) -> ir.Value:
    """A tensor along an axis from its last step to its first."""
    assert x is not None
    starts, ends = build.ints(-1, name="starts"), build.ints(np.iinfo(np.int64).min, name="ends")
    y = build.op("Slice", x, starts, ends, build.ints(axis, name="axes"), build.ints(-1, name="steps"))
    y.shape = x.shape  # inference gives up on an open axis
    return y


def go_back(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """A sequence that is turned round on its way in, and on its way out if any, is gone through from its end."""
    x = node.inputs[0] if is_one_way(node) else None
    source = x.producer() if x is not None else None
    lengths = node.inputs[4] if len(node.inputs) > 4 else None
    if source is None or lengths is not None or not _turns_round(source, 0):
        return False
    ends = list(_ends_of(node.outputs[0], "TDNH", known))
    turned = [end.user for end in ends if end.user and _turns_round(end.user, end.letters.index("T"))]
    if len(turned) < len(ends):
        return False
    node.attributes["direction"] = ir.AttrString("direction", "forward" if _is_reverse(node) else "reverse")
    node.replace_input_with(0, source.inputs[0])
    for end in ends:
        if end.user is not None:
            replace_value(graph, end.user.outputs[0], end.value)
    return True


def _is_reverse(node: ir.Node) -> bool:
    return node.attributes.get_string("direction", "forward") == "reverse"


def swaps_first_two(reshape: ir.Node, known: ShapeValues) -> bool:
    """Whether a Reshape moves a first or second axis of size one to the other place."""
    before, after = (known.dims(value) for value in (reshape.inputs[0], reshape.outputs[0]))
    if before is None or after is None or len(before) != 3 or Extent(1) not in before[:2]:
        return False
    return after == (before[1], before[0], before[2])


def _ends_of(value: ir.Value, letters: str, known: ShapeValues) -> Iterator[_End]:
    """Where a value goes through whatever only drops D and moves axes; who asks for its shape does not count."""
    if value.is_graph_output():
        yield _End(None, value, letters)
    for user, index in value.uses():
        if user.op_type == "Shape":
            continue
        made = _behind(user, letters, known) if index == 0 else None
        if made is None:
            yield _End(user, value, letters)
        else:
            yield from _ends_of(user.outputs[0], made, known)


def _behind(user: ir.Node, letters: str, known: ShapeValues) -> str | None:
    if user.op_type == "Squeeze":
        axes = ints_of(user, "", 1)
        return letters.replace("D", "") if axes is not None and "".join(letters[axis] for axis in axes) == "D" else None
    if user.op_type == "Transpose":
        perm = ints_of(user, "perm")
        return None if perm is None else "".join(letters[axis] for axis in perm)
    if user.op_type == "Reshape" and "D" not in letters and {*letters[:2]} == {"T", "N"}:
        return letters[1] + letters[0] + letters[2] if swaps_first_two(user, known) else None
    return None


def _is_last(user: ir.Node, axis: int) -> bool:
    """Slice(x, -1, the end), or Gather(x, -1), along an axis."""
    if user.op_type == "Gather":
        place = array_of(user.inputs[1])
        return place is not None and place.ndim == 0 and int(place) == -1 and int_of(user, "axis", 0) == axis
    starts, ends, axes = (ints_of(user, "", index) for index in (1, 2, 3))
    steps = ints_of(user, "", 4) if len(user.inputs) > 4 else (1,)
    if user.op_type != "Slice" or ends is None or (starts, axes, steps) != ((-1,), (axis,), (1,)):
        return False
    return ends[0] >= _FAR


def _turns_round(user: ir.Node, axis: int) -> bool:
    """Whether a node gives its input from the last step to the first."""
    if user.op_type != "Slice" or len(user.inputs) != 5:
        return False
    starts, ends, axes, steps = (ints_of(user, "", index) for index in (1, 2, 3, 4))
    return ends is not None and (starts, axes, steps) == ((-1,), (axis,), (-1,)) and ends[0] <= -_FAR


def _turns_all_round(node: ir.Node, known: ShapeValues) -> bool:
    """Whether the lengths that a ReverseSequence is given are all the size of its time axis."""
    dims, lengths = known.dims(node.inputs[0]), node.inputs[1]
    producer = lengths.producer() if lengths is not None else None
    if producer is not None and producer.op_type == "Expand":
        lengths = producer.inputs[0]
    numbers = known.numbers(lengths)
    return dims is not None and bool(numbers) and set(numbers or ()) == {dims[int_of(node, "time_axis", 0)]}
