"""Brings convolutions that exporters dilate by hand, between SpaceToBatch and BatchToSpace, back to a dilation."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.builder import Builder, infer_outputs
from ovprep.graph.constants import ints_of, set_ints
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.extents import Extent, Extents
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import dims_of
from ovprep.layout.apply import is_swap
from ovprep.layout.rules.registry import PERM
from ovprep.passes.change import Change, counted
from ovprep.passes.padding import zero_padding_of

_TO_BATCH = (2, 0, 1, 3)
_TO_SPACE = (1, 2, 0, 3)

Step = Callable[[ir.Node], ir.Node | None]


@dataclass(frozen=True)
class _Detour:
    """A convolution over every d-th sample: what comes in and what goes out, both `[N, W, C]`, and d."""

    conv: ir.Node
    source: ir.Value
    end: ir.Value
    dilation: int


def restore_dilation(model: ir.Model) -> Change | None:
    """A convolution over each of the d phases of a signal is one convolution that is dilated by d.

    x [N, W, C] -> Reshape [N, W/d, d, C] -> Transpose [d, N, W/d, C] -> Reshape [d*N, W/d, C]
        -> Transpose -> Conv -> Transpose
        -> Reshape [d, N, V, F] -> Transpose [N, V, d, F] -> Reshape [N, d*V, F]
    becomes
    x [N, W, C] -> Transpose -> Conv(dilations=[d]) -> Transpose

    Zeros that were padded to make W a multiple of d, and whose results are cut off behind, go as well.
    """
    graph, known = model.graph, ShapeValues()
    for node in graph:
        known.learn(node)
    restored = []
    for node in list(graph):
        detour = _detour_around(node, known)
        if detour is None:
            continue
        after = Builder(graph, str(node.name), after=node)
        before = Builder(graph, str(node.name), before=node)
        node.replace_input_with(0, before.op("Transpose", detour.source, perm=PERM))
        set_ints(node, "dilations", [detour.dilation])
        batch, time, filters = (detour.end.shape or ir.Shape([]))[:3]
        node.outputs[0].shape = ir.Shape([batch, filters, time])
        turned = after.op("Transpose", node.outputs[0], perm=PERM)
        known.stands_for(turned, detour.end)
        replace_value(graph, detour.end, turned)
        _pad_less(graph, node, turned)
        restored.append(str(node.name))
    remove_unused(graph)
    if not restored:
        return None
    return Change(f"restored the dilation of {counted(len(restored), 'convolution')}", tuple(restored))


def _detour_around(node: ir.Node, known: ShapeValues) -> _Detour | None:
    if node.op_type != "Conv" or not _slides_alone(node):
        return None
    before = _chain(node, ("Transpose", "Reshape", "Transpose", "Reshape"), _before)
    after = _chain(node, ("Transpose", "Reshape", "Transpose", "Reshape"), _after)
    if before is None or after is None or not (is_swap(before[0]) and is_swap(after[0])):
        return None
    if ints_of(before[2], "perm") != _TO_BATCH or ints_of(after[2], "perm") != _TO_SPACE:
        return None
    source, end = before[3].inputs[0], after[3].outputs[0]
    dims = [known.dims(value) for value in (source, before[3].outputs[0], before[1].outputs[0])]
    dims += [known.dims(value) for value in (after[0].outputs[0], after[1].outputs[0], end)]
    dilation = _dilation_of(*(one or () for one in dims))
    return None if source is None or dilation is None else _Detour(node, source, end, dilation)


def _dilation_of(
    source: Extents, phases: Extents, batched: Extents, made: Extents, spread: Extents, end: Extents
) -> int | None:
    """The number of phases, where all sizes but the batch are known and fit; the batch then follows from them.

    `[N, W, C]`, `[N, W/d, d, C]`, `[d*N, W/d, C]`, then `[d*N, V, F]`, `[d, N, V, F]`, `[N, d*V, F]`.
    """
    if [len(dims) for dims in (source, phases, batched, made, spread, end)] != [3, 4, 3, 3, 4, 3]:
        return None
    sizes = (*source[1:], *phases[1:], *made[1:], spread[0])
    if any(size.number is None for size in sizes) or phases[0] != source[0]:
        return None
    dilation = phases[2]
    times = dilation.number or 0
    fits = phases == (source[0], phases[1], dilation, source[2]) and phases[1] * times == source[1]
    fits = fits and batched[1:] == (phases[1], source[2])
    fits = fits and (spread[0], *spread[2:]) == (dilation, *made[1:])
    return times if fits and end[1:] == (made[1] * times, made[2]) and dilation != Extent(0) else None


def _pad_less(graph: ir.Graph, conv: ir.Node, turned: ir.Value) -> None:
    """Pad(0, a, 0, 0, b + c, 0) -> Transpose -> Conv -> Transpose -> Slice(0, W - c), without c."""
    users, transpose = list(turned.uses()), conv.inputs[0].producer() if conv.inputs[0] is not None else None
    pad = _before(transpose) if transpose is not None else None
    if len(users) != 1 or turned.is_graph_output() or users[0][1] or pad is None or transpose is None:
        return
    cut, time = users[0][0], dims_of(turned)[1]
    pads = zero_padding_of(pad)
    ends = ints_of(cut, "", 2) if cut.op_type == "Slice" else None
    if pads is None or len(pads) != 6 or ends is None or len(ends) != 1 or time is None or len(cut.inputs) != 4:
        return
    surplus = time - ends[0] if ends[0] > 0 else -ends[0]
    if ints_of(cut, "", 1) != (0,) or ints_of(cut, "", 3) != (1,) or not 0 < surplus <= pads[4]:
        return
    build = Builder(graph, str(conv.name), before=transpose)
    left = (*pads[:4], pads[4] - surplus, pads[5])
    transpose.replace_input_with(0, build.op("Pad", pad.inputs[0], build.ints(*left, name="pads")))
    turned.shape = cut.outputs[0].shape
    for node in (transpose, conv):
        infer_outputs(node, graph.opset_imports)
    replace_value(graph, cut.outputs[0], turned)


def _slides_alone(node: ir.Node) -> bool:
    """Whether the steps of a convolution are one sample, and nothing is padded."""
    ones = all(set(ints_of(node, name) or (1,)) == {1} for name in ("strides", "dilations"))
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    return ones and (padding == "VALID" or (padding == "NOTSET" and not any(ints_of(node, "pads") or ())))


def _chain(node: ir.Node, op_types: tuple[str, ...], step: Step) -> list[ir.Node] | None:
    """The nodes of these types that follow each other from a node, where only they read each other."""
    chain: list[ir.Node] = []
    for op_type in op_types:
        found = step(chain[-1] if chain else node)
        if found is None or found.op_type != op_type:
            return None
        chain.append(found)
    return chain


def _before(node: ir.Node) -> ir.Node | None:
    return node.inputs[0].producer() if node.inputs[0] is not None else None


def _after(node: ir.Node) -> ir.Node | None:
    output = node.outputs[0]
    uses = list(output.uses())
    return uses[0][0] if len(uses) == 1 and uses[0][1] == 0 and not output.is_graph_output() else None
