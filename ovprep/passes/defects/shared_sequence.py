"""Several recurrent layers on one sequence."""

from collections.abc import Iterator

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.op_types import RECURRENT
from ovprep.passes.change import Change, counted
from ovprep.passes.defects.row import TESTED, Defect, Reproducer, Sketch, copied

_SMALL = 64
"""Elements of constants that are held against each other, as axes and shapes are; weights are not."""


def part_shared_sequences(model: ir.Model) -> Change | None:
    """Several recurrent layers that read one sequence, one direction at least among them.

    The plugin lets a layer read `[T, N, C]` as it lies where a Transpose stands before it and another behind it; with
    the first shared, one of the layers takes batch and time for each other. Wrong from batch 2 on.

    LSTM(x), LSTM(x)
    becomes
    LSTM(x), LSTM(copy of x), and for a third, LSTM(copy of the copy): equal copies would be made one again
    """
    hit: list[str] = []
    for readers in _groups(model.graph):
        for node, before in zip(readers[1:], readers, strict=False):
            source = before.inputs[0]
            assert source is not None
            node.replace_input_with(0, copied(Builder(model.graph, str(node.name), before=readers[0]), source))
            hit.append(str(node.name))
    if not hit:
        return None
    layers = counted(len(hit), "recurrent layer")
    return Change(f"gave {layers} a copy of a sequence that OpenVINO's CPU plugin cannot share", tuple(hit))


def _groups(graph: ir.Graph) -> Iterator[list[ir.Node]]:
    """The recurrent layers of each sequence that has several, those that run both ways at once among them."""
    numbers = _numbered(graph)
    found: dict[int, list[ir.Node]] = {}
    for node in graph:
        if node.op_type in RECURRENT and node.inputs[0] is not None:
            found.setdefault(numbers[node.inputs[0]], []).append(node)
    for readers in found.values():
        if len(readers) > 1 and not all(_is_bidirectional(node) for node in readers):
            yield readers


def _is_bidirectional(node: ir.Node) -> bool:
    return node.attributes.get_string("direction", "forward") == "bidirectional"


def _numbered(graph: ir.Graph) -> dict[ir.Value, int]:
    """One number for values that are computed alike from the same, as OpenVINO makes them one."""
    seen: dict[object, int] = {}
    numbers: dict[ir.Value, int] = {}

    def number(value: ir.Value | None) -> int:
        if value is None:
            return -1
        constant = value.const_value
        small = constant is not None and constant.size <= _SMALL
        key: object = ("constant", constant.dtype, constant.numpy().tobytes()) if constant and small else value
        return numbers.setdefault(value, seen.setdefault(key, len(seen)))

    for node in graph:
        attributes = tuple(sorted((name, str(attribute)) for name, attribute in node.attributes.items()))
        inputs = tuple(number(value) for value in node.inputs)
        for index, output in enumerate(node.outputs):
            numbers[output] = seen.setdefault((node.op_identifier(), attributes, inputs, index), len(seen))
    return numbers


def _reproducer() -> Reproducer:
    sketch = Sketch()
    x = sketch.input(7, 2, 3)
    for _ in range(2):
        weights = sketch.weights(1, 16, 3), sketch.weights(1, 16, 4), sketch.weights(1, 32)
        sketch.output(sketch.ops("LSTM", x, *weights, outputs=3, hidden_size=4)[0])
    return sketch.done()


SHARED_SEQUENCE = Defect(
    "shared-sequence",
    "Of several recurrent layers that read the same sequence, one takes batch and time for each other.",
    seen=TESTED,
    avoid=part_shared_sequences,
    reproduce=_reproducer,
)
