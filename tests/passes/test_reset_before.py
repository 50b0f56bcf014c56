"""GRUs that reset before their matrix product, step by step."""

from typing import Any

import numpy as np
import pytest

from ovprep.passes.reset_before import MAX_STEPS, unroll_reset_before
from tests.graphs import FEW_ULP, GraphBuilder, check, difference, feeds_of, run

UNITS, CHANNELS = 5, 3


def gru(
    steps: int | str = 7, batch: int | str = 2, bias: bool = True, start: bool = False, **attributes: Any
) -> GraphBuilder:
    build = GraphBuilder()
    rng = np.random.default_rng(1)
    x = build.input("x", steps, batch, CHANNELS)
    shapes = [(1, 3 * UNITS, CHANNELS), (1, 3 * UNITS, UNITS), (1, 6 * UNITS)]
    weights = [build.constant(rng.normal(0, 0.6, shape).astype(np.float32), "w") for shape in shapes]
    if not bias:
        weights[2:] = [None]
    rest = (None, build.input("h", 1, batch, UNITS)) if start else ()
    y, last = build.ops("GRU", x, *weights, *rest, outputs=2, hidden_size=UNITS, **attributes)
    build.output(y, "y")
    build.output(last, "last")
    return build


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"start": True},
        {"direction": "reverse"},
        {"direction": "reverse", "start": True},
        {"steps": 1},
        {"activations": ["Sigmoid", "Tanh"]},
    ],
    ids=str,
)
def test_equal_step_by_step(options: dict[str, Any]) -> None:
    build = gru(**options)
    feeds = feeds_of(build.model, signed=True)
    wanted = run(build.model, feeds)
    change = unroll_reset_before(build.model)
    check(build.model)
    assert change is not None
    assert change.summary == "unrolled 1 GRU that reset before the matrix product"
    assert "GRU" not in {node.op_type for node in build.graph}
    for found, expected in zip(run(build.model, feeds), wanted, strict=True):
        assert found.shape == expected.shape
        assert difference(found, expected) <= FEW_ULP


def test_only_the_last_state() -> None:
    build = gru()
    del build.graph.outputs[0]
    feeds = feeds_of(build.model, signed=True)
    wanted = run(build.model, feeds)
    unroll_reset_before(build.model)
    check(build.model)
    assert "Concat" not in {node.op_type for node in build.graph}
    assert difference(run(build.model, feeds)[0], wanted[0]) <= FEW_ULP


@pytest.mark.parametrize(
    "options",
    [
        {"linear_before_reset": 1},
        {"batch": "batch"},
        {"steps": "time"},
        {"steps": MAX_STEPS + 1},
        {"activations": ["HardSigmoid", "Tanh"]},
        {"clip": 1.0},
    ],
    ids=str,
)
def test_others_stay(options: dict[str, Any]) -> None:
    build = gru(**options)
    assert unroll_reset_before(build.model) is None
    assert [node.op_type for node in build.graph] == ["GRU"]
