"""MatMul by weights: a Dense on NWC, a convolution of kernel one on NCW."""

import pytest

from tests.graphs import FEW_ULP, GraphBuilder
from tests.layout.rules.support import check_move, check_rule, floats, reason


@pytest.mark.parametrize(("width", "channels", "units"), [(3, 5, 4), (4, 4, 4), (1, 4, 2), (4, 1, 3), (4, 3, 1)])
def test_dense(width: int, channels: int, units: int) -> None:
    node = check_rule("MatMul", {}, (2, width, channels), floats(channels, units), tolerance=FEW_ULP)
    assert node.op_type == "Conv"


@pytest.mark.parametrize("bias", [(4,), (1, 4), (1, 1, 4)])
def test_dense_with_a_bias_behind(bias: tuple[int, ...]) -> None:
    build = GraphBuilder()
    product = build.op("MatMul", build.input("x", 2, 4, 4), build.weights(4, 4))
    build.output(build.op("Add", product, build.weights(*bias)), "y")
    check_move(build.model, FEW_ULP)


def test_refusals() -> None:
    definition = "MatMul of two computed tensors works on the last axes by definition"
    assert reason("MatMul", {}, (2, 4, 4), (2, 4, 4)) == definition
    assert reason("MatMul", {}, (2, 4, 4), floats(1, 4, 4)) == definition
    assert reason("MatMul", {}, (2, 4, 4), floats(4)) == definition
    assert reason("MatMul", {}, floats(2, 4, 4), floats(4, 4)) == "works on a constant"
