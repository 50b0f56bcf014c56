"""Makes one Transpose of two with a Reshape or a Dense between them, and none of those that only choose a part."""

from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.edit import readers_of, remove_unused, replace_value
from ovprep.graph.extents import Extents
from ovprep.graph.refinement import refine, reshape_target
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import rank_of
from ovprep.layout.apply import is_swap
from ovprep.layout.rules.registry import PERM, RANK
from ovprep.passes.change import Change, counted
from ovprep.passes.transpose_paths import RESHAPING, Path, computed_inputs, is_transpose, path_to

_HIGHEST = 5
"""The CPU plugin has no fast Transposes of higher ranks."""


def merge_transposes(model: ir.Model) -> Change | None:
    """Lets two Transposes meet where what lies between them treats the axes that they move alike.

    x [N, 24, 8] -> Transpose(1, 0, 2) -> Dense -> Reshape [24, 4 * N, 2] -> Transpose(1, 0, 2)
    becomes
    x [N, 24, 8] -> Dense -> Reshape [N, 24, 4, 2] -> Transpose(0, 2, 1, 3) -> Reshape [4 * N, 24, 2]

    It must run after the layout is placed, which looks for swaps of channels and time.
    """
    merged: list[str] = []
    while True:
        found = _sweep(model.graph)
        remove_unused(model.graph)
        if not found:
            break
        merged += found
    if not merged:
        return None
    return Change(f"joined or moved {counted(len(merged), 'Transpose')}", tuple(merged))


def _sweep(graph: ir.Graph) -> list[str]:
    known, merged = ShapeValues(), []
    for node in list(graph):
        known.learn(node)
        if node.op_type in RESHAPING:
            _cancel_reshapes(graph, node, known)
        if not is_transpose(node) or not (node.outputs[0].uses() or node.outputs[0].is_graph_output()):
            continue
        path = path_to(node)
        made = None if path is None else _merge(Builder(graph, str(node.name), before=node), path, node, known)
        if made is not None:
            known.stands_for(made, node.outputs[0])
            replace_value(graph, node.outputs[0], made)
            merged.append(str(node.name))
        elif _choose_before(graph, node) or _share(graph, node) or _turn_at_once(graph, node):
            merged.append(str(node.name))
    return merged


def _merge(build: Builder, path: Path, second: ir.Node, known: ShapeValues) -> ir.Value | None:
    """The value of the second Transpose by one Transpose; None, and no change, where sizes do not tell how."""
    value = path.first.inputs[0]
    assert value is not None
    first_perm, second_perm = ints_of(path.first, "perm") or (), ints_of(second, "perm") or ()
    if not path.reshapes:
        perm = [first_perm[axis] for axis in second_perm]
        value = _again(build, path.before, value)
        turned = value if perm == sorted(perm) else build.op("Transpose", value, perm=perm)
        return _again(build, path.after, turned)
    dims, reshaped = known.dims(path.reshapes[0].inputs[0]), known.dims(path.reshapes[-1].outputs[0])
    plan = None if dims is None or reshaped is None else _plan(dims, reshaped, first_perm, second_perm)
    if plan is None:
        return None
    value = _again(build, path.before, value)
    if plan.cut is not None:
        value = build.op("Reshape", value, build.ints(*plan.cut, name="shape"))
    if plan.perm != sorted(plan.perm):
        value = build.op("Transpose", value, perm=plan.perm)
    if plan.join is not None:
        value = build.op("Reshape", value, build.ints(*plan.join, name="shape"))
    return _again(build, path.after, value)


def _again(build: Builder, nodes: list[ir.Node], value: ir.Value) -> ir.Value:
    """The ops once more, on another value."""
    for node in nodes:
        inputs = list(node.inputs)
        inputs[computed_inputs(node)[0]] = value
        value = build.op(node.op_type, *inputs, **node.attributes)
        made = value.producer()
        assert made is not None
        made.metadata_props.update(node.metadata_props)
    return value


@dataclass(frozen=True)
class _Plan:
    """Targets of the Reshapes before and after the one Transpose, None for one that would do nothing."""

    cut: list[int] | None
    perm: list[int]
    join: list[int] | None


def _plan(dims: Extents, reshaped: Extents, first: tuple[int, ...], second: tuple[int, ...]) -> _Plan | None:
    """One Transpose of factors instead of two of axes.

    dims, reshaped: the sizes before and after the Reshape that stands between the Transposes `first` and `second`.
    """
    found = refine(dims, reshaped)
    if found is None or len(found.sizes) > _HIGHEST:
        return None
    axes = sorted(range(len(first)), key=lambda axis: first[axis])  # where the first took each axis of its input
    source = tuple(dims[axis] for axis in axes)
    cut = [factor for axis in axes for factor in found.before[axis]]
    order = [factor for axis in second for factor in found.after[axis]]
    cut_sizes, sizes = (tuple(found.sizes[factor] for factor in some) for some in (cut, order))
    wanted = tuple(reshaped[axis] for axis in second)
    targets = [None if before == after else reshape_target(before, after)
               for before, after in ((source, cut_sizes), (sizes, wanted))]  # fmt: skip
    if (source != cut_sizes and targets[0] is None) or (sizes != wanted and targets[1] is None):
        return None
    return _Plan(targets[0], [cut.index(factor) for factor in order], targets[1])


def _choose_before(graph: ir.Graph, node: ir.Node) -> bool:
    """Takes single places along an axis before the Transpose, of which no more than a smaller one is left.

    x [N, 24, 3, 8] -> Transpose(2, 0, 1, 3) -> Gather(0, axis 0)    becomes    x -> Gather(0, axis 2)
    """
    perm, output, source = ints_of(node, "perm") or (), node.outputs[0], node.inputs[0]
    users = readers_of(graph, output)
    if users is None or output.is_graph_output() or not all(_chooses(user, output) for user in users):
        return False
    for user in users:
        axis = perm[int_of(user, "axis", 0) % len(perm)]
        build = Builder(graph, str(user.name), before=user)
        made = build.op("Gather", source, user.inputs[1], axis=axis)
        rest = [place - (place > axis) for place in perm if place != axis]
        made = made if rest == sorted(rest) else build.op("Transpose", made, perm=rest)
        replace_value(graph, user.outputs[0], made)
    return True


def _chooses(node: ir.Node, value: ir.Value) -> bool:
    """Whether a Gather takes one place along an axis of a value."""
    indices = array_of(node.inputs[1]) if node.op_type == "Gather" else None
    return indices is not None and indices.ndim == 0 and node.inputs[0] is value


def _cancel_reshapes(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> None:
    """Lets the users of a Reshape that takes back another have what that one was given."""
    source, output = node.inputs[0], node.outputs[0]
    maker = None if source is None else source.producer()
    if maker is None or maker.op_type not in RESHAPING or output.is_graph_output():
        return
    first, dims = maker.inputs[0], known.dims(output)
    if first is not None and dims is not None and known.dims(first) == dims:
        replace_value(graph, output, first)


def _share(graph: ir.Graph, node: ir.Node) -> bool:
    """Starts from a Transpose of the same value that others need anyway, so that less is left to move.

    x -> Transpose(0, 2, 1) -> ..., x -> Transpose(2, 0, 1)
    becomes
    x -> Transpose(0, 2, 1) -> ..., -> Transpose(1, 0, 2), which a Dense lets pass
    """
    perm, source = ints_of(node, "perm") or (), node.inputs[0]
    assert source is not None
    swaps = [user for user, _ in source.uses() if is_swap(user) and user.graph is graph and _stays(user)]
    if len(perm) != RANK or perm[-1] != 1 or perm == PERM or not swaps:
        return False
    swap = swaps[0]
    maker = source.producer()
    graph.remove(swap)  # it may stand behind this one, and can stand wherever its input is known
    if maker is None:
        graph.insert_before(graph[0], swap)
    else:
        graph.insert_after(maker, swap)
    rest = [PERM[axis] for axis in perm]
    made = Builder(graph, str(node.name), before=node).op("Transpose", swap.outputs[0], perm=rest)
    replace_value(graph, node.outputs[0], made)
    return True


def _stays(swap: ir.Node) -> bool:
    """Whether others than Transposes need it; else a later sweep would take apart what is built on it."""
    output = swap.outputs[0]
    return output.is_graph_output() or not all(is_transpose(user) for user, _ in output.uses())


def _turn_at_once(graph: ir.Graph, node: ir.Node) -> bool:
    """Moves the batch of a recurrent layer before the axis of its directions is dropped.

    LSTM [W, 1, N, C] -> Squeeze [W, N, C] -> Transpose(1, 0, 2)
    becomes
    LSTM [W, 1, N, C] -> Transpose(2, 1, 0, 3) -> Squeeze [N, W, C], which undoes what OpenVINO adds behind an LSTM
    """
    source = node.inputs[0]
    squeeze = None if source is None else source.producer()
    inner = None if squeeze is None or squeeze.op_type != "Squeeze" else squeeze.inputs[0]
    recurrent = None if inner is None else inner.producer()
    if squeeze is None or inner is None or recurrent is None or recurrent.op_type not in ("LSTM", "GRU", "RNN"):
        return False
    axes = ints_of(squeeze, "axes", 1)
    if rank_of(inner) != 4 or ints_of(node, "perm") != (1, 0, 2) or axes not in ((1,), (-3,)):
        return False
    build = Builder(graph, str(node.name), before=node)
    turned = build.op("Transpose", inner, perm=(2, 1, 0, 3))
    made = build.op("Squeeze", turned, squeeze.inputs[1])
    replace_value(graph, node.outputs[0], made)
    return True
