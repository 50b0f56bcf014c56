"""Windows that move wrongly: dilation, padding, strides, and what is made of their samples."""

import onnx_ir as ir

from benchmarks.mutated.registry import CONVOLUTIONS, POOLS, Rng, constant, mutation, put_instead
from ovprep.graph.builder import Builder
from ovprep.graph.constants import int_of, ints_of, set_int, set_ints


@mutation("dilation dropped", *CONVOLUTIONS, *POOLS)
def dilation_dropped(node: ir.Node, build: Builder, rng: Rng) -> bool:
    dilations, pads = ints_of(node, "dilations"), ints_of(node, "pads")
    kernel = ints_of(node, "kernel_shape") or getattr(constant(node, 1), "shape", ())[2:]
    if not dilations or max(dilations) == 1 or not pads or len(kernel) != len(dilations):
        return False
    heads, tails = list(pads[: len(kernel)]), list(pads[len(kernel) :])
    for axis, (size, step) in enumerate(zip(kernel, dilations, strict=True)):
        spare = (size - 1) * (step - 1)
        cut = min(heads[axis], spare)
        heads[axis] -= cut
        tails[axis] -= spare - cut
    if min(tails) < 0:
        return False
    set_ints(node, "dilations", [1] * len(kernel))
    set_ints(node, "pads", [*heads, *tails])
    return True


@mutation("padding off by one", *CONVOLUTIONS, *POOLS)
def padding_off_by_one(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _shifted(node, strided=False)


@mutation("wrong phase of a stride", *CONVOLUTIONS, *POOLS)
def wrong_phase(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _shifted(node, strided=True)


def _shifted(node: ir.Node, *, strided: bool) -> bool:
    """One zero from the one end to the other."""
    pads, strides = ints_of(node, "pads"), ints_of(node, "strides") or (1,)
    if not pads or (max(strides) > 1) != strided:
        return False
    half = len(pads) // 2
    moved = list(pads)
    axis = half - 1
    source, target = (axis, axis + half) if pads[axis] > pads[axis + half] else (axis + half, axis)
    if moved[source] < 1:
        return False
    moved[source] -= 1
    moved[target] += 1
    set_ints(node, "pads", moved)
    return True


@mutation("average of the padding too", "AveragePool")
def average_of_padding(node: ir.Node, build: Builder, rng: Rng) -> bool:
    if not any(ints_of(node, "pads") or ()):
        return False
    set_int(node, "count_include_pad", 1 - int_of(node, "count_include_pad", 0))
    return True


@mutation("maximum for average", "AveragePool", "GlobalAveragePool", "ReduceMean")
def maximum_for_average(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _as_other(
        node, build, {"AveragePool": "MaxPool", "GlobalAveragePool": "GlobalMaxPool", "ReduceMean": "ReduceMax"}
    )


@mutation("average for maximum", "MaxPool", "GlobalMaxPool", "ReduceMax")
def average_for_maximum(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _as_other(
        node, build, {"MaxPool": "AveragePool", "GlobalMaxPool": "GlobalAveragePool", "ReduceMax": "ReduceMean"}
    )


def _as_other(node: ir.Node, build: Builder, types: dict[str, str]) -> bool:
    kept = {
        name: one.value for name, one in node.attributes.items() if name not in ("count_include_pad", "storage_order")
    }
    return put_instead(node, build, build.op(types[node.op_type], *node.inputs, **kept))
