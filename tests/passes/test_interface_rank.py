"""Tensors of the interface are turned at the lower of their ranks, and compute the same to the bit."""

import onnx_ir as ir
import pytest

from ovprep.passes.interface_rank import turn_at_low_rank
from tests.graphs import GraphBuilder
from tests.passes.support import applied, ops_of


def perms(model: ir.Model) -> list[tuple[int, ...]]:
    return [tuple(node.attributes["perm"].as_ints()) for node in model.graph if node.op_type == "Transpose"]


@pytest.mark.parametrize(
    ("dims", "perm", "axes", "left"),
    [
        ((1, 16, 3), (0, 3, 1, 2), (2,), [(0, 2, 1)]),
        ((16, 1, 3), (0, 3, 1, 2), (3,), [(0, 2, 1)]),
        ((16, 1, 3), (0, 3, 1, 2), (-1,), [(0, 2, 1)]),
        ((1, 16, 1), (0, 3, 1, 2), (1, 2), []),
        ((3, 1, 3), (0, 3, 2, 1), (2,), [(0, 2, 1)]),
        ((5, 1, 3), (1, 3, 0, 2), (), []),
    ],
)
def test_an_input(dims: tuple[int, ...], perm: tuple[int, ...], axes: tuple[int, ...], left: list[int]) -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", *dims), perm=perm)
    x = build.op("Squeeze", x, build.ints(*axes)) if axes else x
    build.output(build.op("Relu", x), "y")
    change = applied(turn_at_low_rank, build.model)
    if not axes:
        assert change is None
        return
    assert ops_of(build.model) == ["Squeeze", *(["Transpose"] * len(left)), "Relu"]
    assert perms(build.model) == left


@pytest.mark.parametrize(
    ("axes", "perm", "left"),
    [
        ((2,), (0, 2, 3, 1), [(0, 2, 1)]),  # [N, C, W] to [N, C, 1, W] to [N, 1, W, C]
        ((3,), (0, 2, 3, 1), [(0, 2, 1)]),
        ((-1,), (0, 2, 3, 1), [(0, 2, 1)]),
        ((3,), (0, 1, 3, 2), []),
        ((0, 4), (4, 1, 3, 0, 2), [(0, 2, 1)]),
    ],
)
def test_an_output(axes: tuple[int, ...], perm: tuple[int, ...], left: list[tuple[int, ...]]) -> None:
    build = GraphBuilder()
    x = build.op("Unsqueeze", build.op("Relu", build.input("x", "batch", 5, 5)), build.ints(*axes))
    build.output(build.op("Transpose", x, perm=perm), "y")
    assert applied(turn_at_low_rank, build.model) is not None
    assert ops_of(build.model) == ["Relu", *(["Transpose"] * len(left)), "Unsqueeze"]
    assert perms(build.model) == left


def test_a_turned_input_that_others_read() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 1, 16, 3), perm=(0, 3, 1, 2))
    build.output(build.op("Squeeze", x, build.ints(2)), "y")
    build.output(build.op("Relu", x), "z")
    assert applied(turn_at_low_rank, build.model) is None


def test_what_is_no_interface() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Relu", build.input("x", "batch", 1, 16, 3)), perm=(0, 3, 1, 2))
    build.output(build.op("Relu", build.op("Squeeze", x, build.ints(2))), "y")
    assert applied(turn_at_low_rank, build.model) is None
