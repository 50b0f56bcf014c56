"""Several recurrent layers on one sequence."""

import itertools
from pathlib import Path

import numpy as np
import onnx_ir as ir

from ovprep.passes.defects.shared_sequence import part_shared_sequences
from tests.graphs import FEW_ULP, Array, GraphBuilder, feeds_of
from tests.passes.defects.support import are_right
from tests.passes.support import applied, ops_of

STEPS, UNITS, CHANNELS = 7, 4, 3
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def layer(build: GraphBuilder, x: ir.Value, kind: str = "LSTM", direction: str = "forward") -> ir.Value:
    ways = 2 if direction == "bidirectional" else 1
    rows = GATES[kind] * UNITS

    def signed(*shape: int) -> ir.Value:
        return build.constant(build.rng.normal(size=shape).astype(np.float32), "weights")

    weights = signed(ways, rows, CHANNELS), signed(ways, rows, UNITS), signed(ways, 2 * rows)
    outputs = 3 if kind == "LSTM" else 2
    return build.ops(kind, x, *weights, outputs=outputs, hidden_size=UNITS, direction=direction)[0]


def both_ways(batch: int | str = 2, batch_first: bool = False, twice: bool = False) -> GraphBuilder:
    """A layer that runs forwards and one that runs backwards, as frameworks write what is bidirectional."""
    build = GraphBuilder()
    if batch_first:
        x = build.input("x", batch, STEPS, CHANNELS)
        turned = [build.op("Transpose", x, perm=(1, 0, 2)) for _ in range(2)] if twice else []
        first, second = turned or [build.op("Transpose", x, perm=(1, 0, 2))] * 2
    else:
        first = second = build.input("x", STEPS, batch, CHANNELS)
    sequences = [layer(build, first), layer(build, second, direction="reverse")]
    squeezed = [build.op("Squeeze", one, build.ints(1)) for one in sequences]
    build.output(build.op("Concat", *squeezed, axis=2), "y")
    return build


def test_both_ways(tmp_path: Path) -> None:
    models, feeds = {}, {}
    forms = [(False, False), (True, False), (True, True)]
    for batch, (batch_first, twice) in itertools.product((2, 3, "batch"), forms):
        model = both_ways(batch, batch_first, twice).model
        name = f"{batch}-{batch_first}-{twice}"
        feeds[name] = feeds_of(model, signed=True)
        change = applied(part_shared_sequences, model, FEW_ULP)
        assert change is not None
        assert change.details == ("LSTM_1",)
        models[name] = model
    assert all(are_right(models, feeds, tmp_path).values())


def test_drawing() -> None:
    build = both_ways()
    part_shared_sequences(build.model)
    assert ops_of(build.model) == ["PRelu", "LSTM", "LSTM", "Squeeze", "Squeeze", "Concat"]
    first, second = (node for node in build.graph if node.op_type == "LSTM")
    assert first.inputs[0] is build.graph.inputs[0]
    assert second.inputs[0] is build.graph[0].outputs[0]


def test_more_layers(tmp_path: Path) -> None:
    """Each takes a copy of what the one before took: OpenVINO would make equal copies one."""
    models, feeds = {}, {}
    several = [("LSTM", "GRU"), ("GRU", "GRU", "GRU"), ("RNN", "LSTM", "LSTM", "GRU")]
    for kinds, computed in itertools.product(several, (False, True)):
        build = GraphBuilder()
        x = build.input("x", STEPS, 2, CHANNELS)
        x = build.op("Tanh", x) if computed else x
        for index, kind in enumerate(kinds):
            build.output(layer(build, x, kind), f"y{index}")
        name = f"{'-'.join(kinds)}-{computed}"
        feeds[name] = feeds_of(build.model, signed=True)
        change = applied(part_shared_sequences, build.model, FEW_ULP)
        assert change is not None
        assert len(change.details) == len(kinds) - 1
        models[name] = build.model
    assert all(are_right(models, feeds, tmp_path).values())


def test_one_of_them_bidirectional(tmp_path: Path) -> None:
    build = GraphBuilder()
    x = build.input("x", STEPS, 3, CHANNELS)
    build.output(layer(build, x, direction="bidirectional"), "y0")
    build.output(layer(build, x), "y1")
    feeds: dict[str, Array] = feeds_of(build.model, signed=True)
    written = build.model.clone()
    assert applied(part_shared_sequences, build.model, FEW_ULP) is not None
    models = {"written": written, "avoided": build.model}
    assert are_right(models, dict.fromkeys(models, feeds), tmp_path) == {"written": False, "avoided": True}


def test_what_is_right_stays(tmp_path: Path) -> None:
    """Sequences of their own, and layers that all run both ways."""
    apart, ways = GraphBuilder(), GraphBuilder()
    x = apart.input("x", STEPS, 2, CHANNELS)
    apart.output(layer(apart, x), "y0")
    apart.output(layer(apart, apart.op("Tanh", x)), "y1")
    apart.output(apart.op("MatMul", x, apart.weights(CHANNELS, 2)), "y2")
    x = ways.input("x", STEPS, 2, CHANNELS)
    for index in range(2):
        ways.output(layer(ways, x, direction="bidirectional"), f"y{index}")
    models = {"apart": apart.model, "ways": ways.model}
    assert all(part_shared_sequences(model) is None for model in models.values())
    feeds = {name: feeds_of(model, signed=True) for name, model in models.items()}
    assert are_right(models, feeds, tmp_path) == {"apart": True, "ways": True}
