"""Finds the inputs of a graph that are numbers of rows in a table, such as the words of a vocabulary."""

import onnx_ir as ir

from ovprep.graph.constants import array_of

_MOVES = frozenset(
    {"Cast", "Concat", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose"}
    | {"Gather", "Unsqueeze"}
)
"""Operators that give the numbers of their data on as they are."""


def rows_indexed(value: ir.Value) -> int | None:
    """The rows of the smallest constant table that the value's numbers, moved but not computed with, point into.

    A OneHot is a table, too. None where they point into no table. A number outside makes a runtime fail, or read what
    is not there.
    """
    sizes = []
    waiting, seen = [value], {value}
    while waiting:
        for node, place in waiting.pop().uses():
            if node.op_type == "Gather" and place == 1:
                sizes.append(_rows(node))
            elif node.op_type == "OneHot" and place == 0:
                depth = array_of(node.inputs[1])
                sizes.append(None if depth is None else int(depth.item()))
            elif node.op_type in _MOVES and (place == 0 or node.op_type == "Concat"):
                new = [output for output in node.outputs if output not in seen]
                seen.update(new)
                waiting += new
    return min((size for size in sizes if size is not None), default=None)


def _rows(node: ir.Node) -> int | None:
    """The rows of the table of a Gather; None where the table is computed."""
    table = node.inputs[0]
    if table is None or table.const_value is None or table.is_graph_input():
        return None
    axis = node.attributes["axis"].as_int() if "axis" in node.attributes else 0
    return int(table.const_value.shape.numpy()[axis])
