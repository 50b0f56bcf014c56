"""Max pooling between a convolution and an activation that falls somewhere."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.defects.moved_pooling import hold_pooling
from tests.graphs import FEW_ULP, GraphBuilder, feeds_of
from tests.passes.defects.support import are_right
from tests.passes.support import applied, ops_of

Activation = Callable[[GraphBuilder, ir.Value], ir.Value]


def erf_gelu(build: GraphBuilder, x: ir.Value) -> ir.Value:
    root, one, half = (build.constant(np.float32([number])) for number in (2**0.5, 1.0, 0.5))
    return build.op("Mul", build.op("Mul", x, build.op("Add", build.op("Erf", build.op("Div", x, root)), one)), half)


def slope(build: GraphBuilder, number: float) -> ir.Value:
    return build.constant(np.float32([number]))


FALLING: dict[str, Activation] = {
    "HardSwish": lambda build, x: build.op("HardSwish", x),
    "Gelu": lambda build, x: build.op("Gelu", x),
    "Mish": lambda build, x: build.op("Mish", x),
    "Abs": lambda build, x: build.op("Abs", x),
    "Elu": lambda build, x: build.op("Elu", x, alpha=-1.0),
    "LeakyRelu": lambda build, x: build.op("LeakyRelu", x, alpha=-0.5),
    "PRelu": lambda build, x: build.op("PRelu", x, slope(build, -0.5)),
    "Swish": lambda build, x: build.op("Mul", x, build.op("Sigmoid", x)),
    "HardSigmoid": lambda build, x: build.op("Mul", x, build.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)),
    "Erf": erf_gelu,
}
RISING: dict[str, Activation] = {
    "Relu": lambda build, x: build.op("Relu", x),
    "Sigmoid": lambda build, x: build.op("Sigmoid", x),
    "Elu": lambda build, x: build.op("Elu", x),
    "LeakyRelu": lambda build, x: build.op("LeakyRelu", x, alpha=0.1),
    "PRelu": lambda build, x: build.op("PRelu", x, slope(build, 0.2)),
    "Conv": lambda build, x: build.op("Conv", x, build.weights(2, 4, *[1] * (len(x.shape or ()) - 2))),
}


def pooled(activation: Activation, rank: int = 3, depthwise: bool = False, bias: bool = False) -> ir.Model:
    """Of a convolution that gives numbers of either sign."""
    build = GraphBuilder()
    ones = [1] * (rank - 3)
    x = build.input("x", 2, 4, *ones, 12)
    weights = build.rng.normal(size=(4, 1 if depthwise else 4, *ones, 3)).astype(np.float32)
    x = build.op("Conv", x, build.constant(weights), group=4 if depthwise else 1)
    if bias:
        x = build.op("Add", x, build.constant(build.rng.normal(size=(4, *ones, 1)).astype(np.float32)))
    build.output(activation(build, build.op("MaxPool", x, kernel_shape=[*ones, 3])), "y")
    return build.model


@pytest.mark.parametrize("rank", [3, 4])
@pytest.mark.parametrize(("depthwise", "bias"), [(False, False), (True, False), (False, True)])
def test_the_rewrite_is_right(rank: int, depthwise: bool, bias: bool, tmp_path: Path) -> None:
    models, feeds = {}, {}
    for name, activation in FALLING.items():
        model = pooled(activation, rank, depthwise, bias)
        feeds[name] = feeds_of(model, signed=True)
        change = applied(hold_pooling, model, FEW_ULP)
        assert change is not None
        assert change.details == ("MaxPool",)
        models[name] = model
    found = are_right(models, feeds, tmp_path)
    assert found == dict.fromkeys(models, True)


def test_the_plugin_gets_each_wrong(tmp_path: Path) -> None:
    """But a HardSwish in two ops: it does not know it as one."""
    models = {name: pooled(activation) for name, activation in FALLING.items() if name != "HardSigmoid"}
    feeds = {name: feeds_of(model, signed=True) for name, model in models.items()}
    found = are_right(models, feeds, tmp_path)
    assert found == dict.fromkeys(models, False)


def test_drawing() -> None:
    model = pooled(FALLING["Gelu"])
    change = hold_pooling(model)
    assert change is not None
    assert change.summary == "kept OpenVINO from moving 1 MaxPool behind an activation that is not monotonic"
    assert ops_of(model) == ["Conv", "PRelu", "MaxPool", "Gelu"]


def test_what_is_right_stays(tmp_path: Path) -> None:
    models = {name: pooled(activation) for name, activation in RISING.items()}
    build = GraphBuilder()
    x = build.op("Relu", build.op("Conv", build.input("x", 2, 4, 12), build.weights(4, 4, 3)))
    build.output(build.op("HardSwish", build.op("MaxPool", x, kernel_shape=[3])), "y")
    models["behind an activation"] = build.model
    build = GraphBuilder()
    build.output(build.op("Gelu", build.op("MaxPool", build.input("x", 2, 4, 12), kernel_shape=[3])), "y")
    models["without convolution"] = build.model
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 12), build.weights(4, 4, 3))
    build.output(build.op("Gelu", build.op("AveragePool", x, kernel_shape=[3])), "y")
    models["average"] = build.model
    assert all(hold_pooling(model) is None for model in models.values())
    feeds = {name: feeds_of(model, signed=True) for name, model in models.items()}
    found = are_right(models, feeds, tmp_path)
    assert found == dict.fromkeys(models, True)
