"""Activations that the plugin is slow at, written in others: the same values, the same NaN and infinities."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.emit.compiled import moves_when_compiled
from ovprep.graph.interface import interface_of
from ovprep.passes.activations import spell_out_activations
from tests.graphs import FEW_ULP, GraphBuilder, check, run
from tests.passes.support import applied, ops_of

CASES = [
    ("Selu", {}, ["Elu", "Mul"]),
    ("Selu", {"alpha": 2.0, "gamma": 0.5}, ["Elu", "Mul"]),
    ("HardSigmoid", {}, ["Mul", "Add", "Clip"]),
    ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.25}, ["Mul", "Add", "Clip"]),
]


def activation(op_type: str, attributes: dict[str, float], dtype: type[np.generic] = np.float32) -> GraphBuilder:
    build = GraphBuilder()
    build.output(build.op(op_type, build.input("x", "batch", 4, "time", dtype=dtype), **attributes), "y")
    return build


@pytest.mark.parametrize(("op_type", "attributes", "ops"), CASES)
def test_the_same_values(op_type: str, attributes: dict[str, float], ops: list[str]) -> None:
    build = activation(op_type, attributes)
    change = applied(spell_out_activations, build.model, FEW_ULP)
    assert change is not None
    assert change.details == (op_type,)
    assert ops_of(build.model) == ops


@pytest.mark.parametrize(("op_type", "attributes", "ops"), CASES)
def test_the_same_at_the_ends(op_type: str, attributes: dict[str, float], ops: list[str]) -> None:
    """On both sides of each bend, far out, and for what is no number."""
    points = [-np.inf, -90.0, -3.1, -2.5, -1e-3, -0.0, 0.0, 1e-3, 2.5, 3.1, 4.6, 90.0, 3e38, np.inf, np.nan, 1.0]
    feed = {"x": np.array(points, np.float32).reshape(1, 4, 4)}
    build = activation(op_type, attributes)
    wanted = run(build.model, feed)[0]
    spell_out_activations(build.model)
    check(build.model)
    np.testing.assert_allclose(run(build.model, feed)[0], wanted, rtol=1e-6, atol=1e-7)


def test_double_precision_is_left_alone() -> None:
    assert spell_out_activations(activation("Selu", {}, np.float64).model) is None


def moved(model: ir.Model) -> int:
    found = moves_when_compiled(model, interface_of(model), {"batch": 1, "time": 64})
    assert found.reason is None
    return sum(move.bytes for move in found.moves)


@pytest.mark.parametrize("op_type", ["Selu", "HardSigmoid"])
def test_nothing_is_reordered_around_it_any_more(op_type: str) -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 16, "time"), build.weights(16, 16, 3), pads=(1, 1))
    build.output(build.op("Conv", build.op(op_type, x), build.weights(16, 16, 3), pads=(1, 1)), "y")
    before = moved(build.model)
    spell_out_activations(build.model)
    assert moved(build.model) < before
