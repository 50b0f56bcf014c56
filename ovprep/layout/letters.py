"""What each axis of the interface means (N batch, C channels, W time), inferred from the ops that use it.

Ops tie axes together: an Add says that axis 1 of its input and of its output are the same thing, a Transpose says which
axis became which. Some ops also say what an axis is: a Conv has its channels on axis 1. Sizes say nothing: with C == W
every guess from sizes is wrong.
"""

from collections.abc import Iterable, Iterator

import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.interface import port_of
from ovprep.graph.op_types import RECURRENT
from ovprep.graph.refinement import Refinement, refine
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import rank_of
from ovprep.interface import Interface
from ovprep.layout.rules.elementwise import BROADCASTING, UNARY
from ovprep.layout.rules.spatial import CHANNEL_FIRST

Axis = tuple[ir.Value, int]
Claim = tuple[Axis, str]

_SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
_NAMING_AXES = (
    "Concat CumSum DequantizeLinear Hardmax LayerNormalization LogSoftmax Pad QuantizeLinear Resize Slice Softmax "
    "Split TopK"
)
_SAME_AXES = frozenset((*_NAMING_AXES.split(), *UNARY, *BROADCASTING, *CHANNEL_FIRST))
"""Ops whose output has the axes of their input."""
_KEEPING_PLACES = frozenset((*UNARY, "InstanceNormalization", "LayerNormalization", "LogSoftmax", "Softmax"))
"""Ops of one computed input that leave every element, changed, where it was."""


def infer_interface(model: ir.Model) -> Interface:
    """The interface of a model with a layout for each tensor, "?" for the axes that no op explains."""
    axes = _Axes(model.graph)
    # Where ops disagree on an axis, as around a real Permute, the op nearest to the tensor speaks.
    inputs = tuple(port_of(value, axes.layout(value, nearest_last=False)) for value in model.graph.inputs)
    outputs = tuple(port_of(value, axes.layout(value, nearest_last=True)) for value in model.graph.outputs)
    return Interface(inputs, outputs)


def layouts_of(graph: ir.Graph) -> dict[ir.Value, str]:
    """The letters of every computed tensor with three or more axes."""
    axes = _Axes(graph)
    values = (*graph.inputs, *(output for node in graph for output in node.outputs))
    return {value: axes.layout(value, nearest_last=False) for value in values if (rank_of(value) or 0) >= 3}


class _Axes:
    """All axes of a graph, united where ops tie them, with what ops claim of them in topological order."""

    def __init__(self, graph: ir.Graph) -> None:
        self._parent: dict[Axis, Axis] = {}
        self._strong: dict[Axis, list[str]] = {}
        self._weak: dict[Axis, list[str]] = {}
        self._cut: set[Axis] = set()
        nodes, known = list(graph), ShapeValues()
        for node in nodes:
            known.learn(node)
            self._cut.update(_cut_from_batch(node, known))
            for first, second in (*_ties(node), *_ties_of_reshape(node, known), *_ties_of_return(node, known)):
                self._parent[self._root(first)] = self._root(second)
        for node in nodes:
            for axis, letter in _claims(node):
                self._strong.setdefault(self._root(axis), []).append(letter)
            for axis, letter in _weak_claims(node):
                self._weak.setdefault(self._root(axis), []).append(letter)

    def layout(self, value: ir.Value, nearest_last: bool) -> str:
        """One letter for each axis of a value; a habit does not give away what a definition has given.

        And it speaks of the last axis only: a Dense behind a Transpose, as in DLinear, mixes time.
        """
        roots = [self._root((value, axis)) for axis in range(rank_of(value) or 0)]
        nearest = -1 if nearest_last else 0
        letters = [self._strong.get(root, ["?"])[nearest] for root in roots]
        habits = [self._weak.get(root, ["?"])[nearest] for root in roots]
        known = set(letters)
        for axis, habit in enumerate(habits):
            if letters[axis] == "?" and habit not in known and axis == len(habits) - 1:
                letters[axis] = habit
        cut = any((value, axis) in self._cut for axis, letter in enumerate(letters) if letter == "?")
        return _complete(letters, value, left_over=not cut)

    def _root(self, axis: Axis) -> Axis:
        root = axis
        while self._parent.get(root, root) != root:
            root = self._parent[root]
        while self._parent.get(axis, axis) != root:  # shorten the way for the next time
            self._parent[axis], axis = root, self._parent.get(axis, axis)
        return root


def _complete(letters: list[str], value: ir.Value, left_over: bool) -> str:
    """Fills in what the other letters leave no choice for; a letter that stands twice is none.

    left_over: whether the last axis without a letter may have the one that is left.
    """
    letters = [letter if letters.count(letter) == 1 else "?" for letter in letters]
    first = value.shape[0] if value.shape is not None and len(value.shape) else None
    if (
        letters
        and letters[0] == "?"
        and "N" not in letters
        and (set(letters) & set("CW") or isinstance(first, ir.SymbolicDim))
    ):
        letters[0] = "N"
    left = {"N", "C", "W"} - set(letters)
    if left_over and letters.count("?") == 1 and len(letters) == 3 and len(left) == 1:
        letters[letters.index("?")] = left.pop()
    return "".join(letters)


def _values(node: ir.Node) -> Iterator[ir.Value]:
    """The computed tensors that a node takes."""
    yield from (value for value in node.inputs if value is not None and array_of(value) is None)


def _ties(node: ir.Node) -> Iterator[tuple[Axis, Axis]]:
    """Pairs of axes that the node makes one."""
    for output in node.outputs:
        rank = rank_of(output)
        if rank is None:
            continue
        for value in _values(node):
            source_rank = rank_of(value)
            if source_rank is not None:
                yield from (((value, a), (output, b)) for a, b in _mapping(node, value, source_rank, rank))


def _ties_of_reshape(node: ir.Node, known: ShapeValues) -> Iterator[tuple[Axis, Axis]]:
    """The axes that a Reshape leaves alone while it joins and cuts others, as [2 * N, 1, W] and [N, 2, W] share W."""
    source, found = node.inputs[0] if node.inputs else None, _refined(node, known)
    if source is None or found is None:
        return
    places = {factors: axis for axis, factors in enumerate(found.before) if factors}
    for axis, factors in enumerate(found.after):
        if factors in places:
            yield (source, places[factors]), (node.outputs[0], axis)


def _cut_from_batch(node: ir.Node, known: ShapeValues) -> Iterator[Axis]:
    """Axes that a Reshape makes of a part of the first one, as the 2 of [2 * N, 1, W] to [N, 2, W]: no channels."""
    found = _refined(node, known)
    if found is not None and found.before and len(found.before[0]) > 1:
        for axis, factors in enumerate(found.after[1:], 1):
            if factors and set(factors) <= set(found.before[0]):
                yield node.outputs[0], axis


def _refined(node: ir.Node, known: ShapeValues) -> Refinement | None:
    """The factors of the sizes around a Reshape, where they are known."""
    if node.op_type != "Reshape":
        return None
    before, after = known.dims(node.inputs[0]), known.dims(node.outputs[0])
    return None if before is None or after is None else refine(before, after)


def _ties_of_return(node: ir.Node, known: ShapeValues) -> Iterator[tuple[Axis, Axis]]:
    """A Reshape back to the shape that another left, as around the statistics of a GroupNormalization.

    Every element has kept its place since then, and with the shape it gets its axes again.
    """
    value = node.inputs[0] if node.op_type == "Reshape" else None
    while value is not None and (maker := value.producer()) is not None and maker.op_type in _KEEPING_PLACES:
        value = maker.inputs[0]
    source = None if value is None or maker is None or maker.op_type != "Reshape" else maker.inputs[0]
    dims = known.dims(source)
    if source is not None and dims is not None and dims == known.dims(node.outputs[0]):
        yield from (((source, axis), (node.outputs[0], axis)) for axis in range(len(dims)))


def _mapping(node: ir.Node, value: ir.Value, source_rank: int, rank: int) -> Iterable[tuple[int, int]]:
    """Pairs (axis of an input, axis of an output) that are the same thing."""
    op = node.op_type
    if op in _SAME_AXES:
        # Lower ranks broadcast from the right. A spatial op keeps batch and time but makes new channels.
        pairs = [(axis, axis + rank - source_rank) for axis in range(source_rank) if rank >= source_rank]
        if source_rank < rank:
            # A batch of one in front of the channels is not the time that it is spread along.
            pairs = [pair for pair in pairs if not _is_spread(value, pair[0], node.outputs[0], pair[1])]
        return [pair for pair in pairs if op not in ("Conv", "ConvTranspose") or pair[0] != 1]
    if op == "Transpose" and "perm" in node.attributes:
        return [(source, axis) for axis, source in enumerate(node.attributes["perm"].as_ints())]
    if op == "MatMul" and value is node.inputs[0] and source_rank == rank:
        return [(axis, axis) for axis in range(rank - 1)]
    if op in ("Reshape", "Flatten", "Gemm") and value is node.inputs[0]:
        return [(0, 0)] if _keeps_first(node) else []
    if op in RECURRENT:
        # `[W, N, C]` to all steps `[W, 1, N, C]`, or to the last `[1, N, C]`.
        if value is not node.inputs[0] or int_of(node, "layout", 0):
            return []
        return [(0, 0), (1, 2)] if rank == 4 else [(1, 1)]
    if op == "Gather" and value is node.inputs[1]:
        # The axes of the indices stand where the rows' axis was.
        table_rank = rank - source_rank + 1
        return [(axis, int_of(node, "axis", 0) % table_rank + axis) for axis in range(source_rank)]
    return _mapping_of_dropped_axes(node, source_rank, rank)


def _is_spread(value: ir.Value, axis: int, output: ir.Value, output_axis: int) -> bool:
    assert value.shape is not None
    assert output.shape is not None
    return bool(value.shape[axis] == 1 and output.shape[output_axis] != 1)


def _keeps_first(node: ir.Node) -> bool:
    if node.op_type != "Reshape":
        return True
    source, output = node.inputs[0], node.outputs[0]
    target = array_of(node.inputs[1])
    zero = target is not None and target.size > 0 and int(target[0]) == 0
    same = (
        source is not None
        and source.shape is not None
        and output.shape is not None
        and source.shape[:1] == output.shape[:1]
    )
    return zero or same


def _mapping_of_dropped_axes(node: ir.Node, source_rank: int, rank: int) -> Iterable[tuple[int, int]]:
    """Reductions, Squeeze, Unsqueeze and Gather: the axes that stay keep their order."""
    if node.op_type.startswith(("Reduce", "Arg")) or node.op_type == "Gather":
        axes = ints_of(node, "axes", 1) if node.op_type.startswith("Reduce") else (int_of(node, "axis", 0),)
    elif node.op_type in ("Squeeze", "Unsqueeze"):
        axes = ints_of(node, "axes", 1)
    else:
        return []
    if axes is None:
        return []
    if rank == source_rank:
        return [(axis, axis) for axis in range(rank)]
    longer = max(rank, source_rank)
    left = [axis for axis in range(longer) if axis not in {axis % longer for axis in axes}]
    pairs = list(enumerate(left))
    return [(b, a) for a, b in pairs] if source_rank > rank else pairs


def _claims(node: ir.Node) -> Iterator[Claim]:
    """What the definition of an op says of the axes of its tensors."""
    if node.op_type in CHANNEL_FIRST and node.inputs[0] is not None:
        for value in (node.inputs[0], node.outputs[0]):
            rank = rank_of(value)
            if rank is not None and rank - 2 in _SPATIAL:
                yield from (((value, axis), letter) for axis, letter in enumerate("NC" + _SPATIAL[rank - 2]))
    if node.op_type in RECURRENT and node.inputs[0] is not None:
        order = "NWC" if int_of(node, "layout", 0) else "WNC"
        yield from (((node.inputs[0], axis), letter) for axis, letter in enumerate(order))
        yield from (((output, rank - 1), "C") for output in node.outputs if (rank := rank_of(output)))


def _weak_claims(node: ir.Node) -> Iterator[Claim]:
    """What is so by habit: a Dense mixes channels, a Flatten makes features. Asked only where no definition speaks."""
    source, output = node.inputs[0] if node.inputs else None, node.outputs[0]
    rank, output_rank = rank_of(source), rank_of(output)
    if source is None or rank is None or output_rank is None:
        return
    if node.op_type == "MatMul" and array_of(node.inputs[1]) is not None:
        yield (source, rank - 1), "C"
        yield (output, output_rank - 1), "C"
    elif node.op_type == "Gemm":
        yield (source, 1), "C"
        yield (output, 1), "C"
    elif node.op_type in ("Reshape", "Flatten") and output_rank == 2 and _keeps_first(node):
        yield (output, 1), "C"
    elif node.op_type == "LayerNormalization":
        yield (source, rank - 1), "C"
