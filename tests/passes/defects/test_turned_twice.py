"""An activation between two Transposes behind a convolution."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.defects.turned_twice import hold_turn
from tests.graphs import FEW_ULP, GraphBuilder, feeds_of
from tests.passes.defects.support import are_right
from tests.passes.support import SWAP, applied, ops_of

Between = Callable[[GraphBuilder, ir.Value], ir.Value]


def turned(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("Transpose", x, perm=SWAP)


def model(between: Between, batch: int = 2, op: str = "Conv") -> ir.Model:
    build = GraphBuilder()
    x = build.input("x", batch, 4, 12)
    weights = build.rng.normal(size=(5, 4, 3) if op == "Conv" else (4, 5, 3)).astype(np.float32)
    x = build.op(op, x, build.constant(weights))
    build.output(turned(build, between(build, turned(build, x))), "y")
    return build.model


def clip(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("Clip", x, build.constant(np.float32(0)), build.constant(np.float32(6)))


def reshapes(build: GraphBuilder, x: ir.Value) -> ir.Value:
    """As a TimeDistributed joins steps and takes them apart."""
    x = build.op("Reshape", build.op("Relu", x), build.ints(1, -1, 10, 5))
    return build.op("Reshape", x, build.ints(-1, 10, 5))


WRONG: dict[str, Between] = {
    "Relu": lambda build, x: build.op("Relu", x),
    "Tanh": lambda build, x: build.op("Tanh", x),
    "two": lambda build, x: build.op("Sigmoid", build.op("Relu", x)),
    "scale": lambda build, x: build.op("Mul", x, build.constant(np.float32(0.5))),
    "Clip": clip,
    "Reshapes": reshapes,
}


@pytest.mark.parametrize("batch", [1, 3])
def test_the_rewrite_is_right(batch: int, tmp_path: Path) -> None:
    models = {name: model(between, batch) for name, between in WRONG.items()}
    feeds = {name: feeds_of(one, signed=True) for name, one in models.items()}
    assert are_right(models, feeds, tmp_path) == dict.fromkeys(WRONG, False)
    for one in models.values():
        assert applied(hold_turn, one, FEW_ULP) is not None
    assert are_right(models, feeds, tmp_path) == dict.fromkeys(WRONG, True)


def test_what_is_right_stays(tmp_path: Path) -> None:
    models = {
        "PRelu": model(lambda build, x: build.op("PRelu", x, build.weights(5))),
        "Softmax": model(lambda build, x: build.op("Softmax", x, axis=-1)),
        "ConvTranspose": model(WRONG["Relu"], op="ConvTranspose"),
    }
    assert all(hold_turn(one) is None for one in models.values())
    feeds = {name: feeds_of(one, signed=True) for name, one in models.items()}
    assert are_right(models, feeds, tmp_path) == dict.fromkeys(models, True)


def test_drawing() -> None:
    one = model(WRONG["Relu"])
    change = hold_turn(one)
    assert change is not None
    assert change.summary == "kept OpenVINO from leaving out 1 Transpose behind an activation"
    assert ops_of(one) == ["Conv", "Transpose", "Relu", "PRelu", "Transpose"]
