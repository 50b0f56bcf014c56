"""Gives the name Gather to what chooses places along one axis, and leaves the choosing to the weights beside it."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.builder import Builder, infer_outputs
from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.edit import leave_out, readers_of, remove_unused, replace_value
from ovprep.graph.extents import product_of
from ovprep.graph.refinement import refine
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import dims_of
from ovprep.passes.change import Change, counted


@dataclass(frozen=True)
class _Choice:
    """The places that are taken along an axis of a value."""

    source: ir.Value
    axis: int
    places: NDArray[np.int64]


def name_gathers(model: ir.Model) -> Change | None:
    """What chooses along one axis keeps all others, and may run in either layout.

    x [N, C, W] -> Transpose(1, 0, 2) -> GatherND -> Transpose(1, 0, 2)
    becomes
    x [N, C, W] -> Gather(axis 1)

    x [N, 8, W] -> Reshape [N, 2, 4, W] -> Transpose(0, 2, 1, 3) -> Reshape [N, 8, W]
    becomes
    x [N, 8, W] -> Gather(0, 4, 1, 5, 2, 6, 3, 7; axis 1)
    """
    graph, known = model.graph, ShapeValues()
    named = []
    for node in list(graph):
        known.learn(node)
        build = Builder(graph, str(node.name), before=node)
        made = _chosen_between_transposes(build, node) if node.op_type == "Transpose" else _shuffled(build, node, known)
        if made is not None:
            known.stands_for(made, node.outputs[0])
            replace_value(graph, node.outputs[0], made)
            named.append(str(node.name))
    remove_unused(graph)
    return Change(f"wrote {counted(len(named), 'choice')} along an axis as a Gather", tuple(named)) if named else None


def fold_gathers(model: ir.Model) -> Change | None:
    """A convolution may make its channels, or read them, in any order.

    Conv(w) -> Gather(i; axis 1)    becomes    Conv(w[i])
    """
    graph = model.graph
    folded = [
        str(node.name) for node in list(graph) if _fold_into_maker(graph, node) or _fold_into_readers(graph, node)
    ]
    remove_unused(graph)
    if not folded:
        return None
    return Change(f"folded {counted(len(folded), 'Gather')} into the weights of a convolution", tuple(folded))


def _alone_before(node: ir.Node, *op_types: str) -> ir.Node | None:
    """The node of these types that makes the first input of another, and that no other reads."""
    source = node.inputs[0] if node.inputs else None
    maker = None if source is None else source.producer()
    if source is None or maker is None or maker.op_type not in op_types:
        return None
    return maker if len(source.uses()) == 1 and not source.is_graph_output() else None


def _choice_of(node: ir.Node) -> _Choice | None:
    """What a Gather chooses by a constant list, or a GatherND along its first axis."""
    places = array_of(node.inputs[1]) if node.op_type in ("Gather", "GatherND") else None
    source = node.inputs[0]
    if places is None or source is None or source.shape is None or array_of(source) is not None:
        return None
    if node.op_type == "Gather" and places.ndim == 1:
        return _Choice(source, int_of(node, "axis", 0) % len(source.shape), places.astype(np.int64))
    if node.op_type == "GatherND" and places.ndim == 2 and places.shape[1] == 1 and not int_of(node, "batch_dims", 0):
        return _Choice(source, 0, places[:, 0].astype(np.int64))
    return None


def _chosen_between_transposes(build: Builder, second: ir.Node) -> ir.Value | None:
    chooser = _alone_before(second, "Gather", "GatherND")
    choice = None if chooser is None else _choice_of(chooser)
    first = None if choice is None else choice.source.producer()
    if choice is None or first is None or first.op_type != "Transpose":
        return None
    turned, back = ints_of(first, "perm"), ints_of(second, "perm")
    if turned is None or back is None:
        return None
    places = build.constant(choice.places, "places")
    made = build.op("Gather", first.inputs[0], places, axis=turned[choice.axis])
    perm = [turned[axis] for axis in back]
    return made if perm == sorted(perm) else build.op("Transpose", made, perm=perm)


def _shuffled(build: Builder, last: ir.Node, known: ShapeValues) -> ir.Value | None:
    """A Reshape back to the shape before another, with the factors of one axis in another order between them."""
    transpose = _alone_before(last, "Transpose") if last.op_type == "Reshape" else None
    first = None if transpose is None else _alone_before(transpose, "Reshape")
    source = None if first is None else first.inputs[0]
    if transpose is None or first is None or source is None:
        return None
    before, inner, after = (known.dims(value) for value in (source, first.outputs[0], last.outputs[0]))
    found = None if before is None or inner is None or before != after else refine(before, inner)
    if before is None or found is None or any(len(factors) > 1 for factors in found.after):
        return None
    order = [factor for axis in ints_of(transpose, "perm") or () for factor in found.after[axis]]
    moved, start = [], 0
    for axis, factors in enumerate(found.before):
        mine = order[start : start + len(factors)]
        start += len(factors)
        if sorted(mine) != list(factors):
            return None
        if mine != list(factors):
            moved.append((axis, [place - factors[0] for place in mine], [found.sizes[factor] for factor in factors]))
    if len(moved) != 1:
        return None
    axis, perm, sizes = moved[0]
    numbers = [size.number for size in sizes if size.number is not None]
    if product_of(sizes) is None:
        return None
    places = np.arange(np.prod(numbers)).reshape(numbers).transpose(perm).ravel()
    return build.op("Gather", source, build.constant(places, "places"), axis=axis)


def _fold_into_maker(graph: ir.Graph, node: ir.Node) -> bool:
    """Lets a convolution make no other channels than those that are chosen."""
    choice, maker = _choice_of(node) if node.op_type == "Gather" else None, _alone_before(node, "Conv", "ConvTranspose")
    weights = None if choice is None or maker is None or choice.axis != 1 else array_of(maker.inputs[1])
    if choice is None or maker is None or weights is None or int_of(maker, "group", 1) != 1:
        return False
    axis = 0 if maker.op_type == "Conv" else 1
    given = maker.inputs[2] if len(maker.inputs) > 2 else None
    bias = array_of(given)
    if len(choice.places) > weights.shape[axis] or (given is not None and bias is None):
        return False
    build = Builder(graph, str(maker.name), before=maker)
    maker.replace_input_with(1, build.constant(np.take(weights, choice.places, axis), "chosen"))
    if bias is not None:
        maker.replace_input_with(2, build.constant(np.take(bias, choice.places), "chosen_bias"))
    infer_outputs(maker, graph.opset_imports)
    return leave_out(graph, node)


def _fold_into_readers(graph: ir.Graph, node: ir.Node) -> bool:
    """Lets convolutions read the channels in the order in which they come."""
    choice, output = _choice_of(node) if node.op_type == "Gather" else None, node.outputs[0]
    if choice is None or choice.axis != 1 or output.is_graph_output() or not output.uses():
        return False
    order, channels = np.argsort(choice.places), dims_of(choice.source)[1]
    if channels is None or not np.array_equal(choice.places[order], np.arange(channels)):
        return False
    uses = list(output.uses())
    if readers_of(graph, output) is None:
        return False
    for user, index in uses:
        readable = user.op_type == "Conv" and index == 0 and int_of(user, "group", 1) == 1
        if not readable or array_of(user.inputs[1]) is None:
            return False
    for user, _ in uses:
        weights = array_of(user.inputs[1])
        assert weights is not None
        build = Builder(graph, str(user.name), before=user)
        user.replace_input_with(1, build.constant(np.take(weights, order, 1), "reordered"))
    return leave_out(graph, node)
