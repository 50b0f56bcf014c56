"""Operations of TensorFlow and TFLite that tf2onnx does not know; needs it, and is used by the exporter alone."""

import math
from typing import Any

import numpy as np


def register_operations() -> None:
    """Tells tf2onnx how to write them. Both come from GELU: Keras computes it with `erfc`, TFLite has it as one."""
    from tf2onnx.handler import tf_op, tfl_op

    tf_op("Erfc")(_Erfc)
    tfl_op(["TFL_GELU"])(_Gelu)


class _Erfc:
    """`1 - erf(x)`, right to an absolute error of one ULP of 1."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **options: Any) -> None:
        """Replaces the node."""
        _replace(graph, node, "Sub", _number(graph, 1.0), _emit(graph, node, "Erf", node.input[0]))


class _Gelu:
    """`x / 2 · (1 + erf(x / √2))`, or with `approximate` `x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³)))`."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **options: Any) -> None:
        """Replaces the node. The formulas are those of Hendrycks and Gimpel, arXiv 1606.08415."""
        x = node.input[0]
        if node.get_attr_value("approximate", 0):
            cube = _emit(graph, node, "Mul", _emit(graph, node, "Mul", x, x), x)
            bent = _emit(graph, node, "Add", x, _emit(graph, node, "Mul", cube, _number(graph, 0.044715)))
            inner = _emit(graph, node, "Mul", bent, _number(graph, math.sqrt(2 / math.pi)))
            curve = _emit(graph, node, "Tanh", inner)
        else:
            curve = _emit(graph, node, "Erf", _emit(graph, node, "Mul", x, _number(graph, math.sqrt(0.5))))
        half = _emit(graph, node, "Mul", x, _number(graph, 0.5))
        _replace(graph, node, "Mul", half, _emit(graph, node, "Add", curve, _number(graph, 1.0)))


def _number(graph: Any, value: float) -> str:
    from tf2onnx.utils import make_name

    return str(graph.make_const(make_name("number"), np.array(value, np.float32)).output[0])


def _emit(graph: Any, like: Any, op_type: str, *inputs: str) -> str:
    """A node of the same type and shape as `like`."""
    kinds = {"shapes": [like.output_shapes[0]], "dtypes": [like.output_dtypes[0]]}
    return str(graph.make_node(op_type, list(inputs), op_name_scope=like.name, **kinds).output[0])


def _replace(graph: Any, node: Any, op_type: str, *inputs: str) -> None:
    shapes, dtypes = node.output_shapes, node.output_dtypes
    graph.remove_node(node.name)
    graph.make_node(op_type, list(inputs), name=node.name, outputs=node.output, shapes=shapes, dtypes=dtypes)
