"""Computes what does not depend on the inputs, and the shapes that depend on nothing but an open batch or time."""

import math
from collections import deque

import numpy as np
import onnx.reference
import onnx_ir as ir

from ovprep.graph.branches import take_branch, truth_of
from ovprep.graph.builder import Builder, infer_outputs
from ovprep.graph.chance import RANDOM
from ovprep.graph.constants import Array, array_of, int_of, ints_of
from ovprep.graph.edit import branches_of, leave_out, remove_unused, replace_value
from ovprep.graph.extents import Extent
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import dims_of
from ovprep.graph.size_rules import whole_axes
from ovprep.passes.change import Change, counted

_GROWTH = 4
_SMALL = 4096
_LARGE = 2**24
"""A constant is computed where it has no more elements than these, or than a few times what it is computed from.

Beyond `_LARGE` nothing grows: ops in a row could fill the memory.
"""
_REFUSALS = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What the reference implementation raises for ops that it does not know or that are wrong."""


def fold_shapes(model: ir.Model) -> Change | None:
    """Ops on constants run now, and so does the arithmetic that exporters do with shapes.

    x [N, 64, 8] -> Shape -> Slice(0, 1) -> Concat(_, 56) -> Reshape(x, _)
    becomes
    Reshape(x, [0, 56])

    Ops that then turn out to move, cut or pad nothing are left out. An If whose condition is known becomes the branch
    that it takes.
    """
    graph, known = model.graph, ShapeValues()
    changed: set[ir.Value] = set()
    names = _open_sizes(graph)
    before, settled, branches = len(graph), 0, 0
    waiting, fresh = deque(graph), set[ir.Node]()
    while waiting:
        node = waiting.popleft()
        truth = truth_of(node.inputs[0], known) if node.op_type == "If" else None
        if truth is not None:
            taken = take_branch(graph, node, truth)
            waiting.extendleft(reversed(taken.nodes))
            fresh.update(taken.nodes)
            changed.update(taken.outputs)
            before, branches = before + len(taken.nodes) - 1, branches + 1
            continue
        known.learn(node)
        if (node in fresh or changed.intersection(filter(None, node.inputs))) and not _is_settled(node, known, names):
            infer_again(node, graph, changed)
            known.learn(node)
        _name_sizes(node, known, changed)
        made = _constants_of(node, known, graph.opset_imports)
        if made is not None:
            _replace(graph, node, made, changed)
        elif node.op_type == "Reshape" and _settle_target(graph, node, known):
            settled += 1
            infer_again(node, graph, changed)
            known.learn(node)
            _name_sizes(node, known, changed)
    for node in list(graph):
        if _is_idle(node, known):
            leave_out(graph, node)
    remove_unused(graph)
    gone = before - len(graph)
    done = [f"computed {counted(gone, 'op')} on constants and shapes"] * (gone > 0)
    done += [f"took {counted(branches, 'branch', 'branches')} that the model cannot but take"] * (branches > 0)
    done += [f"settled the shapes of {counted(settled, 'Reshape')}"] * (settled > 0)
    return Change(", ".join(done)) if done else None


def _open_sizes(graph: ir.Graph) -> set[str]:
    """The names of the open axes of the inputs; other names stand for what inference did not know."""
    dims = [dim for value in graph.inputs for dim in value.shape or ()]
    return {str(dim.value) for dim in dims if isinstance(dim, ir.SymbolicDim)}


def _is_settled(node: ir.Node, known: ShapeValues, names: set[str]) -> bool:
    """Whether inference, which takes its time, has nothing to add."""
    sizes = [known.dims(output) for output in node.outputs]
    return all(dims is not None and all(size.number or size.of in names for size in dims) for dims in sizes)


def infer_again(node: ir.Node, graph: ir.Graph, changed: set[ir.Value]) -> None:
    """Infers the outputs with what is known of the inputs now; sizes that were known stay."""
    if branches_of(node):
        return
    before = [output.shape for output in node.outputs]
    infer_outputs(node, graph.opset_imports)
    for output, old in zip(node.outputs, before, strict=True):
        new = output.shape
        if old is not None and (new is None or len(new) != len(old)):
            output.shape = old
        elif old is not None and new is not None:
            dims = [was if isinstance(was, int) else now for was, now in zip(old, new, strict=True)]
            output.shape = ir.Shape(dims)
        if output.shape != old:
            changed.add(output)


def _constants_of(node: ir.Node, known: ShapeValues, opsets: dict[str, int]) -> list[Array] | None:
    """The arrays of all outputs of a node, where they depend on no input of the model."""
    numbers = [known.numbers(output) for output in node.outputs]
    shapes = [output.shape for output in node.outputs]
    if all(ints is not None and all(size.number is not None for size in ints) for ints in numbers) and all(
        shape is not None and all(isinstance(dim, int) for dim in shape) for shape in shapes
    ):
        return [
            np.array([size.number for size in ints or ()], output.dtype.numpy() if output.dtype else np.int64).reshape(
                tuple(int(str(dim)) for dim in output.shape or ())
            )
            for ints, output in zip(numbers, node.outputs, strict=True)
        ]
    if node.op_type == "Size":
        dims = known.dims(node.inputs[0])
        sizes = None if dims is None else [size.number for size in dims]
        return None if sizes is None or None in sizes else [np.array(math.prod(filter(None, sizes)), np.int64)]
    return _evaluated(node, opsets)


def _evaluated(node: ir.Node, opsets: dict[str, int]) -> list[Array] | None:
    """The node run on constants, by the reference implementation of ONNX; None where that cannot be, or grows."""
    given = {str(value.name): array_of(value) for value in node.inputs if value is not None}
    arrays = {name: array for name, array in given.items() if array is not None}
    if (not arrays and node.op_type != "Constant") or len(arrays) < len(given) or node.domain not in ("", "ai.onnx"):
        return None
    if node.op_type in RANDOM or branches_of(node):
        return None
    given_size = sum(array.size for array in arrays.values())
    allowed = max(given_size, min(max(_SMALL, _GROWTH * given_size), _LARGE))
    for output in node.outputs:
        dims = (None,) if output.shape is None else dims_of(output)
        if None in dims or math.prod(dim for dim in dims if dim is not None) > allowed:
            return None
    proto = ir.to_proto(node)
    assert isinstance(proto, onnx.NodeProto)
    inputs, outputs = ([onnx.ValueInfoProto(name=name) for name in names] for names in (arrays, proto.output))
    try:
        runner = onnx.reference.ReferenceEvaluator(onnx.helper.make_graph([proto], "constant", inputs, outputs), opsets)
        return [np.asarray(array) for array in runner.run(None, arrays)]
    except _REFUSALS:
        return None  # the reference does not cover every type of every op; the runtimes will, or say what is wrong


def _replace(graph: ir.Graph, node: ir.Node, arrays: list[Array], changed: set[ir.Value]) -> None:
    build = Builder(graph, str(node.name))
    for output, array in zip(node.outputs, arrays, strict=True):
        if output.is_graph_output() or output.dtype is None or array.dtype != output.dtype.numpy():
            continue
        constant = build.constant(array, "folded")
        changed.add(constant)
        replace_value(graph, output, constant)


def _settle_target(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """Writes the target of a Reshape as numbers, 0 for an axis that stays, -1 for an open one; True if new."""
    target, source = known.numbers(node.inputs[1]), known.dims(node.inputs[0])
    made = known.dims(node.outputs[0])
    if target is None or source is None or made is None or len(made) != len(target) or int_of(node, "allowzero", 0):
        return False
    if Extent(0) in (*source, *made):
        return False
    wanted = []
    for axis, size in enumerate(target):
        stays = axis < len(source) and (size.number == 0 or made[axis] == source[axis])
        number = made[axis].number
        wanted.append(number if number is not None else 0 if stays else -1)
    given = array_of(node.inputs[1])
    if wanted.count(-1) > 1 or (given is not None and given.tolist() == wanted):
        return False
    node.replace_input_with(1, Builder(graph, str(node.name), before=node).ints(*wanted, name="shape"))
    return True


def _is_idle(node: ir.Node, known: ShapeValues) -> bool:
    """Whether a node hands on its input as it is."""
    if not node.inputs or node.inputs[0] is None or array_of(node.inputs[0]) is not None:
        return False
    before, after = known.dims(node.inputs[0]), known.dims(node.outputs[0])
    if before is None or after is None:
        return False
    if node.op_type in ("Reshape", "Expand", "Tile"):
        return before == after
    if node.op_type == "Transpose":
        return ints_of(node, "perm") == tuple(range(len(before)))
    if node.op_type == "Cast":
        return node.inputs[0].dtype is not None and node.inputs[0].dtype == node.outputs[0].dtype
    if node.op_type == "Concat":
        return len(node.inputs) == 1
    if node.op_type == "Pad":
        pads = array_of(node.inputs[1])
        return pads is not None and not pads.any()
    return node.op_type == "Slice" and whole_axes(known, node, before) == set(range(len(before)))


def _name_sizes(node: ir.Node, known: ShapeValues, changed: set[ir.Value]) -> None:
    """Writes the sizes that are known, and calls open axes by the name of the open axis that they are equal to."""
    for output in node.outputs:
        sizes = known.dims(output)
        if sizes is None or output.shape is None:
            continue
        dims = [
            size.number
            if size.number is not None
            else ir.SymbolicDim(size.of)
            if isinstance(size.of, str) and size == Extent(0, 1, size.of)
            else dim
            for size, dim in zip(sizes, output.shape, strict=True)
        ]
        if dims != list(output.shape):
            output.shape = ir.Shape(dims)
            changed.add(output)
