"""Brings Dense layers that are computed on flattened samples back to MatMuls on the samples as they were."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import Array, array_of, int_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shape_values import ShapeValues
from ovprep.layout.rules.elementwise import UNARY
from ovprep.passes.change import Change, counted

_DENSE = ("MatMul", "Gemm")
_SCALING = ("Add", "Div", "Mul", "Sub")


def lift_dense(model: ir.Model) -> Change | None:
    """A Dense on `[N, W, C]` is a MatMul, as which it can run in either layout.

    x [N, W, C] -> Reshape [N*W, C] -> MatMul -> Add -> Relu -> Gemm -> Reshape [N, W, F]
    becomes
    x [N, W, C] -> MatMul -> Add -> Relu -> MatMul -> Add
    """
    graph, known = model.graph, ShapeValues()
    lifted = []
    for node in list(graph):
        known.learn(node)
        chain = _dense_before(node, known)
        if chain is None:
            continue
        build = Builder(graph, str(node.name), before=node)
        made = chain[0].inputs[0]
        for member in chain[1:]:
            made = _again(build, member, made)
        assert made is not None
        known.stands_for(made, node.outputs[0])
        replace_value(graph, node.outputs[0], made)
        lifted += [str(member.name) for member in chain if member.op_type in _DENSE]
    remove_unused(graph)
    if not lifted:
        return None
    return Change(f"lifted {counted(len(lifted), 'Dense layer')} out of flattened samples", tuple(lifted))


def _again(build: Builder, node: ir.Node, value: ir.Value | None) -> ir.Value:
    """The node on samples that are not flattened; a Gemm, which is for matrices, as what it computes."""
    if node.op_type != "Gemm":
        inputs = [value if array_of(given) is None else given for given in node.inputs]
        return build.op(node.op_type, *inputs, **node.attributes)
    weights = array_of(node.inputs[1])
    assert weights is not None
    turned = build.constant(weights.T, "weights") if int_of(node, "transB", 0) else node.inputs[1]
    made = build.op("MatMul", value, turned)
    return build.op("Add", made, node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else made


def _dense_before(node: ir.Node, known: ShapeValues) -> list[ir.Node] | None:
    """The Reshape, and all that treats each row alike, before a Reshape back to the samples."""
    if node.op_type not in ("Reshape", "Unsqueeze"):
        return None
    chain = [node]
    while chain[0] is node or _is_of_rows(chain[0]):
        source = next((value for value in chain[0].inputs if array_of(value) is None), None)
        producer = None if source is None else source.producer()
        if source is None or producer is None or source.is_graph_output() or len(source.uses()) != 1:
            return None
        chain.insert(0, producer)
    chain.pop()
    if chain[0].op_type not in ("Reshape", "Squeeze") or not any(member.op_type in _DENSE for member in chain):
        return None
    before, flat, after = (known.dims(v) for v in (chain[0].inputs[0], chain[0].outputs[0], node.outputs[0]))
    if before is None or flat is None or after is None or len(flat) != 2 or len(before) != len(after):
        return None
    return chain if before[:-1] == after[:-1] and after[-1] == (known.dims(chain[-1].outputs[0]) or after)[-1] else None


def _is_of_rows(node: ir.Node) -> bool:
    """Whether a node computes each row of a matrix from that row, in the same way for all."""
    arrays = [array_of(value) for value in node.inputs]
    constants = [array for array in arrays if array is not None]
    if len(constants) != len(arrays) - 1 or len(node.outputs) != 1:
        return False
    if node.op_type in UNARY:
        return True
    if node.op_type in _SCALING:
        return all(_is_one_per_feature(array) for array in constants)
    if node.op_type not in _DENSE or arrays[0] is not None or constants[0].ndim != 2:
        return False
    plain = [node.attributes.get_float(name, 1.0) for name in ("alpha", "beta")] == [1.0, 1.0]
    return plain and not int_of(node, "transA", 0) and all(_is_one_per_feature(array) for array in constants[1:])


def _is_one_per_feature(array: Array) -> bool:
    return array.ndim <= 1 or (array.ndim == 2 and array.shape[0] == 1)
