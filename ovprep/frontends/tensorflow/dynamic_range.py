"""Takes back what tf2onnx writes for TFLite's dynamic range."""

import onnx_ir as ir

from ovprep.graph.edit import remove_unused, replace_value


def without_rounding_on_the_way(graph: ir.Graph) -> None:
    """Lets products of dynamic range take their floating-point values as they are.

    x -> DynamicQuantizeLinear -> DequantizeLinear -> MatMul
    becomes
    x -> MatMul

    TFLite rounds to 8 bits on the way to multiply faster. Rounding first and multiplying in float is slower, and
    further from the model; tf2onnx does it for Dense layers, and not for convolutions.
    """
    for node in list(graph):
        source = node.inputs[0].producer() if node.inputs and node.inputs[0] is not None else None
        if node.op_type == "DequantizeLinear" and source is not None and source.op_type == "DynamicQuantizeLinear":
            value = source.inputs[0]
            assert value is not None
            replace_value(graph, node.outputs[0], value)
    remove_unused(graph)
