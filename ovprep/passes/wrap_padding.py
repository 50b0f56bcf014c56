"""Writes circular padding in operators that OpenVINO has."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import dims_of
from ovprep.passes.change import Change, counted

_TO_THE_END = np.iinfo(np.int64).max


def unroll_wrap_padding(model: ir.Model) -> Change | None:
    """Pad with the mode "wrap" (opset 19), which OpenVINO does not convert, repeats what is at the other end.

    x -> Pad(mode="wrap", pads 2 and 1)
    becomes
    Concat(x[-2:], x, x[:1])
    """
    graph = model.graph
    done = []
    for node in list(graph):
        pads = _pads(node)
        source = node.inputs[0] if node.inputs else None
        if pads is None or source is None:
            continue
        build = Builder(graph, str(node.name), before=node)
        for axis, (front, back) in pads.items():
            source = _wrapped(build, source, axis, front, back)
        replace_value(graph, node.outputs[0], source)
        done.append(str(node.name))
    remove_unused(graph)
    return Change(f"wrote {counted(len(done), 'circular Pad')} as a Concat", tuple(done)) if done else None


def _pads(node: ir.Node) -> dict[int, tuple[int, int]] | None:
    """How much is put before and behind, by axis; None where that is no plain circular padding of known axes.

    More than the axis holds would have to be repeated several times; nobody pads so.
    """
    if node.op_type != "Pad" or node.attributes.get_string("mode", "constant") != "wrap" or node.inputs[0] is None:
        return None
    if node.inputs[0].shape is None:
        return None
    sizes = dims_of(node.inputs[0])
    axes = ints_of(node, "axes", 3) if len(node.inputs) > 3 and node.inputs[3] is not None else range(len(sizes))
    numbers = ints_of(node, "pads", 1)
    if axes is None or numbers is None:
        return None
    half = len(numbers) // 2
    found = {axis % len(sizes): (numbers[i], numbers[i + half]) for i, axis in enumerate(axes)}
    used = {axis: both for axis, both in found.items() if any(both)}
    small = (sizes[axis] is None or max(both) <= (sizes[axis] or 0) for axis, both in used.items())
    return used if used and min(numbers) >= 0 and all(small) else None


def _wrapped(build: Builder, x: ir.Value, axis: int, front: int, back: int) -> ir.Value:
    parts = [_slice(build, x, axis, -front, _TO_THE_END)] if front else []
    parts.append(x)
    parts += [_slice(build, x, axis, 0, back)] if back else []
    return build.op("Concat", *parts, axis=axis)


def _slice(build: Builder, x: ir.Value, axis: int, start: int, end: int) -> ir.Value:
    bounds = (build.ints(start, name="starts"), build.ints(end, name="ends"), build.ints(axis, name="axes"))
    return build.op("Slice", x, *bounds)
