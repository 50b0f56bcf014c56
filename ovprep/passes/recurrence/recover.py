"""Brings loops over time back to the LSTM, GRU or RNN that they are."""

from collections import Counter

import onnx_ir as ir

from ovprep.graph.edit import remove_unused
from ovprep.graph.loops import explain_loop
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.change import Change, counted
from ovprep.passes.folding import fold_shapes, infer_again
from ovprep.passes.recurrence.emit import emit, starts_of
from ovprep.passes.recurrence.proof import prove
from ovprep.passes.recurrence.recognise import Layer, layers_in
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.steps import Steps, steps_of


def recover_recurrence(model: ir.Model) -> Change | None:
    """A loop whose step is that of an LSTM, a GRU or an RNN is that operator.

    x [T, N, C] -> Loop(T steps: Gather(x, i), h -> MatMul, Split, Sigmoid, Tanh ...) -> [N, H], [T, N, H]
    becomes
    x [T, N, C] -> LSTM -> Squeeze -> [N, H], [T, N, H]

    Steps are compared as forms (`forms`), so that it does not matter by which ops they split and add; then the step is
    run both ways on random numbers. What is no such cell stays as it is, and the report says why.
    """
    graph, known = model.graph, ShapeValues()
    changed: set[ir.Value] = set()
    recovered: list[str] = []
    left: list[str] = []
    for node in list(graph):
        if any(value in changed for value in node.inputs if value is not None):
            infer_again(node, graph, changed)
        known.learn(node)
        if node.op_type not in ("Loop", "Scan") or node.domain not in ("", "ai.onnx"):
            continue
        try:
            layers, made = _recovered(graph, node, known)
        except NotACell as reason:
            left.append(explain_loop(node, str(reason)))
            continue
        for value in made:
            producer = value.producer()
            if producer is not None:
                known.learn(producer)
        changed.update(made)
        recovered += [f"{node.name} ({layer.cell.op_type})" for layer in layers]
    if recovered:
        remove_unused(graph)
        fold_shapes(model)  # sizes that went through a loop are known now
    done = [f"recovered {', '.join(_counted(recovered))} from loops"] * bool(recovered)
    done += [f"left {counted(len(left), 'loop')}"] * bool(left)
    return Change(", ".join(done), (*recovered, *left)) if done else None


def _recovered(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> tuple[list[Layer], list[ir.Value]]:
    steps = steps_of(node, known)
    batch = _batch_of(steps, known)
    layers, writes = layers_in(steps, graph.opset_imports)
    prove(steps, layers, batch, graph.opset_imports)
    return layers, emit(graph, node, steps, layers, writes, starts_of(steps, known))


def _batch_of(steps: Steps, known: ShapeValues) -> int:
    """The size of the batch, 2 where it is open. Raises NotACell where sequences are not `[N, C]` in each step."""
    if not steps.reads:
        raise NotACell("takes no sequence step by step")
    sizes = set()
    for read in steps.reads:
        dims = known.dims(read.source)
        if dims is None or len(dims) != 3 or read.axis == 2:
            raise NotACell(f"takes steps of {read.source.name!r}, which is no [N, W, C] or [W, N, C]")
        sizes.add((dims[read.axis], dims[1 - read.axis]))
    if len(sizes) > 1:
        raise NotACell("takes sequences of more than one length or batch")
    return sizes.pop()[1].number or 2


def _counted(recovered: list[str]) -> list[str]:
    counts = Counter(name.rpartition("(")[2].rstrip(")") for name in recovered)
    return [counted(number, op_type) for op_type, number in sorted(counts.items())]
