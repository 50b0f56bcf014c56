"""Loops and Scans whose steps are cells, as different exporters write them."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from tests.graphs import Array, GraphBuilder

INPUTS, UNITS = 3, 4

Step = Callable[["StepBuilder", ir.Value, Sequence[ir.Value]], Sequence[ir.Value]]
"""The new states of the input `[N, C]` and the states `[N, units]`."""


class StepBuilder(Builder):
    """Builds the body of a loop."""

    def __init__(self, name: str = "step") -> None:
        super().__init__(ir.Graph([], [], nodes=[], opset_imports={"": 21}, name=name), name)
        self.rng = np.random.default_rng(1)

    def input(self, name: str, kind: ir.DataType, *dims: int | str) -> ir.Value:
        shape = [dim if isinstance(dim, int) else ir.SymbolicDim(dim) for dim in dims]
        value = ir.val(f"{self.scope}/{name}", dtype=kind, shape=shape)
        self.graph.inputs.append(value)
        return value

    def weights(self, *shape: int) -> ir.Value:
        return self.constant(self.numbers(*shape), "weights")

    def numbers(self, *shape: int) -> Array:
        """Of either sign, small enough that no function saturates."""
        return (0.5 * self.rng.normal(size=shape)).astype(np.float32)

    def gates(self, x: ir.Value, h: ir.Value, count: int) -> tuple[ir.Value, ...]:
        """`x @ W + h @ R + b`, in so many parts."""
        both = self.op("Add", self.by_weights(x, count * UNITS), self.by_weights(h, count * UNITS))
        whole = self.op("Add", both, self.weights(count * UNITS))
        return self.ops("Split", whole, outputs=count, axis=1, num_outputs=count)

    def by_weights(self, value: ir.Value, columns: int) -> ir.Value:
        return self.op("MatMul", value, self.weights(int(str((value.shape or ())[1])), columns))


def looped(
    graph: GraphBuilder,
    x: ir.Value,
    starts: Sequence[ir.Value],
    step: Step,
    *,
    count: ir.Value | None = None,
    axis: int = 0,
    shown: int = 0,
) -> tuple[ir.Value, ...]:
    """The last states, and the one that is `shown` in each step, `[W, N, units]`, of a Loop over an axis of `x`."""
    body = StepBuilder()
    place = body.input("place", ir.DataType.INT64)
    going = body.input("going", ir.DataType.BOOL)
    states = [body.input(f"state_{index}", ir.DataType.FLOAT, *_dims(start)) for index, start in enumerate(starts)]
    new = step(body, body.op("Gather", x, place, axis=axis), states)
    body.graph.outputs.extend([body.op("Identity", going), *new, body.op("Identity", new[shown])])
    length = count or graph.constant(np.array((x.shape or ())[axis], np.int64), "length")
    return _placed(graph, "Loop", [length, graph.constant(np.array(True), "true"), *starts], body, len(starts) + 1)


def scanned(
    graph: GraphBuilder,
    sequences: Sequence[ir.Value],
    starts: Sequence[ir.Value],
    step: Step,
    shown: int = 0,
    **attributes: list[int],
) -> tuple[ir.Value, ...]:
    """As a Scan; of several sequences the step is given the join."""
    body = StepBuilder()
    states = [body.input(f"state_{index}", ir.DataType.FLOAT, *_dims(start)) for index, start in enumerate(starts)]
    axes = attributes.get("scan_input_axes", [0] * len(sequences))
    rows = []
    for index, (sequence, axis) in enumerate(zip(sequences, axes, strict=True)):
        dims = [dim for place, dim in enumerate(_dims(sequence)) if place != axis]
        rows.append(body.input(f"row_{index}", ir.DataType.FLOAT, *dims))
    new = step(body, rows[0] if len(rows) == 1 else body.op("Concat", *rows, axis=1), states)
    body.graph.outputs.extend([*new, body.op("Identity", new[shown])])
    given = {**attributes, "num_scan_inputs": len(sequences)}
    return _placed(graph, "Scan", [*starts, *sequences], body, len(starts) + 1, **given)


def _placed(
    graph: GraphBuilder, op_type: str, inputs: Sequence[ir.Value], body: StepBuilder, outputs: int, **attributes: object
) -> tuple[ir.Value, ...]:
    node = ir.node(op_type, inputs, attributes={"body": body.graph, **attributes}, num_outputs=outputs, name=op_type)  # type: ignore[dict-item]
    graph.graph.append(node)
    for index, output in enumerate(node.outputs):
        output.name, output.dtype = f"{op_type}:{index}", ir.DataType.FLOAT
        if index < outputs - 1:
            output.shape = inputs[index + 2 * (op_type == "Loop")].shape
    node.outputs[-1].shape = ir.Shape([ir.SymbolicDim(f"{op_type}_{axis}") for axis in range(3)])
    return tuple(node.outputs)


def _dims(value: ir.Value) -> list[int | str]:
    return [dim if isinstance(dim, int) else str(dim.value) for dim in value.shape or ()]


def lstm(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """One product each, and a Split: Keras."""
    h, c = states
    return combined(build, *build.gates(x, h, 4), c)


def combined(
    build: Builder, i: ir.Value, f: ir.Value, g: ir.Value, o: ir.Value, c: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """The new states of an LSTM."""
    new = build.op("Mul", build.op("Tanh", g), build.op("Sigmoid", i))
    c = build.op("Add", new, build.op("Mul", c, build.op("Sigmoid", f)))
    return build.op("Mul", build.op("Sigmoid", o), build.op("Tanh", c)), c


def lstm_apart(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """A Gemm and a MatMul for each gate, and the state C first."""
    c, h = states
    gates = []
    for _ in range(4):
        own = build.op("Gemm", x, build.weights(UNITS, INPUTS), build.weights(UNITS), transB=1, alpha=0.5)
        gates.append(build.op("Add", build.by_weights(h, UNITS), own))
    return combined(build, *gates, c)[::-1]


def lstm_joined(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """One product of the input and the state, one Sigmoid of three gates, a forget gate with one more: TensorFlow 1."""
    h, c = states
    whole = build.by_weights(build.op("Concat", x, h, axis=-1), 4 * UNITS)
    sizes = build.ints(3 * UNITS, UNITS, name="sizes")
    gates, g = build.ops("Split", build.op("Add", whole, build.weights(4 * UNITS)), sizes, outputs=2, axis=-1)
    more = build.constant(np.repeat(np.float32([0, 1, 0]), UNITS), "more")
    i, f, o = build.ops("Split", build.op("Sigmoid", build.op("Add", gates, more)), outputs=3, axis=1, num_outputs=3)
    c = build.op("Add", build.op("Mul", c, f), build.op("Mul", i, build.op("Tanh", g)))
    return build.op("Mul", build.op("Tanh", c), o), c


def gru(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """Keras, with a Slice for each gate of the state, which is reset after its product."""
    (h,) = states
    x_z, x_r, x_n = build.ops("Split", build.by_weights(x, 3 * UNITS), outputs=3, axis=1, num_outputs=3)
    own = build.op("Add", build.by_weights(h, 3 * UNITS), build.weights(3 * UNITS))
    h_z, h_r, h_n = (part(build, own, index) for index in range(3))
    z, r = build.op("Sigmoid", build.op("Add", x_z, h_z)), build.op("Sigmoid", build.op("Add", x_r, h_r))
    n = build.op("Tanh", build.op("Add", x_n, build.op("Mul", r, h_n)))
    less = build.op("Sub", build.constant(np.float32(1), "one"), z)
    return [build.op("Add", build.op("Mul", z, h), build.op("Mul", less, n))]


def part(build: Builder, value: ir.Value, index: int) -> ir.Value:
    """One of the gates, by a Slice that leaves the batch whole."""
    starts, ends = build.ints(0, index * UNITS), build.ints(2**31 - 1, (index + 1) * UNITS)
    return build.op("Slice", value, starts, ends, build.ints(0, 1))


def gru_before(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """The state is reset before its product; `n + z * (h - n)`."""
    (h,) = states
    z, r = build.ops(
        "Split",
        build.op("Sigmoid", build.op("Concat", *build.gates(x, h, 2), axis=1)),
        outputs=2,
        axis=1,
        num_outputs=2,
    )
    own = build.op("Add", build.by_weights(build.op("Mul", r, h), UNITS), build.by_weights(x, UNITS))
    n = build.op("Tanh", build.op("Add", own, build.weights(UNITS)))
    return [build.op("Add", build.op("Mul", build.op("Sub", h, n), z), n)]


def gru_update(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """The gate says how much is new: `h + u * (n - h)`, with Relu for what is new."""
    (h,) = states
    u, r = (build.op("Sigmoid", gate) for gate in build.gates(x, h, 2))
    own = build.op("Mul", build.op("Add", build.by_weights(h, UNITS), build.weights(UNITS)), r)
    n = build.op("Relu", build.op("Add", own, build.by_weights(x, UNITS)))
    return [build.op("Add", h, build.op("Mul", u, build.op("Sub", n, h)))]


def rnn(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """One gate, a Gemm that takes a Gemm."""
    (h,) = states
    own = build.op("Gemm", x, build.weights(INPUTS, UNITS), build.weights(UNITS))
    return [build.op("Tanh", build.op("Gemm", h, build.weights(UNITS, UNITS), own))]


CELLS: dict[str, tuple[Step, int, int, str]] = {
    # name: its step, how many states it has, which of them is H, what it is
    "lstm": (lstm, 2, 0, "LSTM"),
    "lstm_apart": (lstm_apart, 2, 1, "LSTM"),
    "lstm_joined": (lstm_joined, 2, 0, "LSTM"),
    "gru": (gru, 1, 0, "GRU"),
    "gru_before": (gru_before, 1, 0, "GRU"),
    "gru_update": (gru_update, 1, 0, "GRU"),
    "rnn": (rnn, 1, 0, "RNN"),
}
