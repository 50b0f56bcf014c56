"""Reading and replacing the constants of a graph."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Array = NDArray[np.generic]


def array_of(value: ir.Value | None) -> Array | None:
    """The array of an initialiser, or None where the value is computed or absent."""
    if value is None or not value.is_initializer() or value.is_graph_input() or value.const_value is None:
        return None
    return value.const_value.numpy()


def is_constant(value: ir.Value | None) -> bool:
    """Whether the value is an initialiser that the caller of the model cannot replace."""
    return value is not None and value.is_initializer() and not value.is_graph_input()


def ints_of(node: ir.Node, name: str, index: int | None = None) -> tuple[int, ...] | None:
    """Integers that a node takes as the attribute `name` or as the constant input number `index`; None if neither."""
    attribute = node.attributes.get(name)
    if attribute is not None:
        if attribute.type == ir.AttributeType.INT:
            return (attribute.as_int(),)
        return tuple(attribute.as_ints())
    if index is None or index >= len(node.inputs):
        return None
    array = array_of(node.inputs[index])
    return None if array is None else tuple(int(number) for number in np.ravel(array))


def int_of(node: ir.Node, name: str, default: int) -> int:
    """An integer attribute."""
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_int()


def set_ints(node: ir.Node, name: str, numbers: Sequence[int]) -> None:
    """Sets an attribute that is a list of integers."""
    node.attributes[name] = ir.AttrInt64s(name, list(numbers))


def set_int(node: ir.Node, name: str, number: int) -> None:
    """Sets an integer attribute."""
    node.attributes[name] = ir.AttrInt64(name, number)


def nonfinite_weights(model: ir.Model) -> list[str]:
    """Names of the weights that hold NaN or infinity."""
    found = []
    for name, value in model.graph.initializers.items():
        array = array_of(value)
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            found.append(name)
    return found
