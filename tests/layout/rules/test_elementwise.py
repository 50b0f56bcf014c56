"""Elementwise ops, and constants that broadcast."""

import numpy as np
import pytest

from ovprep.layout.rules.elementwise import BROADCASTING, UNARY
from tests.graphs import Array
from tests.layout.rules.support import SHAPES, build_op, check_rule, floats, ints, reason, reason_of

BOOLEAN = {"And", "Not", "Or", "Xor"}
BITWISE = {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}
ATTRIBUTES = {"Cast": {"to": 7}, "Mod": {"fmod": 1}}


@pytest.mark.parametrize("op_type", UNARY)
def test_unary(op_type: str) -> None:
    dtype = bool if op_type in BOOLEAN else None
    check_rule(op_type, ATTRIBUTES.get(op_type, {}), (2, 4, 4), dtype=dtype)


@pytest.mark.parametrize("op_type", [op_type for op_type in BROADCASTING if op_type not in ("Clip", "Where")])
@pytest.mark.parametrize("shape", SHAPES)
def test_two_computed_tensors(op_type: str, shape: tuple[int, int, int]) -> None:
    dtype = bool if op_type in BOOLEAN else np.int32 if op_type in BITWISE else None
    check_rule(op_type, ATTRIBUTES.get(op_type, {}), shape, shape, dtype=dtype)


def constants(a: int, b: int) -> list[Array]:
    """One of each rank, and with axes of size one in each place."""
    shapes = [(), (1,), (b,), (1, 1), (a, 1), (1, b), (a, b), (1, 1, b), (1, a, 1), (1, a, b), (2, 1, 1), (2, a, b)]
    return [floats(*shape) for shape in shapes]


@pytest.mark.parametrize(("a", "b"), [(3, 5), (4, 4), (2, 2), (1, 5), (5, 1)])
@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div", "Pow", "Max", "PRelu", "Less"])
def test_constant_of_each_rank(op_type: str, a: int, b: int) -> None:
    for constant in constants(a, b):
        check_rule(op_type, {}, (2, a, b), constant)


@pytest.mark.parametrize(("a", "b"), [(3, 5), (4, 4)])
@pytest.mark.parametrize("op_type", ["Add", "Sub", "Div", "Max"])
def test_constant_first(op_type: str, a: int, b: int) -> None:
    for constant in constants(a, b):
        check_rule(op_type, {}, constant, (2, a, b))


def test_computed_tensor_with_axes_of_size_one() -> None:
    check_rule("Mul", {}, (2, 3, 5), (2, 3, 1))
    check_rule("Mul", {}, (2, 3, 5), (1, 1, 5))
    check_rule("Mul", {}, (2, 3, 1), (2, 1, 5))
    check_rule("Mul", {}, (2, 4, 1), (1, 1, 4))


def test_computed_scalar() -> None:
    check_rule("Mul", {}, (2, 4, 4), ())


def test_constant_makes_the_rank() -> None:
    check_rule("Add", {}, (), floats(1, 3, 5))


def test_several_tensors() -> None:
    check_rule("Sum", {}, (2, 4, 4), floats(4), floats(4, 1), (2, 1, 4))


@pytest.mark.parametrize("condition", [(4,), (4, 1), (1, 4, 4)])
def test_where_with_constants(condition: tuple[int, ...]) -> None:
    chosen = np.arange(np.prod(condition)).reshape(condition) % 3 == 0
    check_rule("Where", {}, chosen, (2, 4, 4), floats(4))
    check_rule("Where", {}, chosen, floats(4, 1), (2, 4, 4))


def test_clip_with_bounds_in_either_place() -> None:
    low, high = np.float32(0.3), np.float32(0.6)
    check_rule("Clip", {}, (2, 4, 4), low, high)
    check_rule("Clip", {}, (2, 4, 4), None, high)
    check_rule("Clip", {}, (2, 4, 4), low)
    check_rule("Clip", {}, (2, 4, 4))


@pytest.mark.parametrize(("a", "b"), [(3, 5), (4, 4)])
@pytest.mark.parametrize("batch", [1, 3])
def test_computed_tensor_of_lower_rank_and_one_axis(batch: int, a: int, b: int) -> None:
    for other in [(b,), (1,), (1, b), (a, 1), (1, 1)]:
        check_rule("Sub", {}, (batch, a, b), other)
        check_rule("Sub", {}, other, (batch, a, b))
    check_rule("Sub", {}, (batch, a, 1), (1, b))


def test_computed_tensor_of_lower_rank_pins() -> None:
    assert reason("Add", {}, (2, 4, 4), (4, 4)) == "broadcasts a computed tensor of rank 2"


def test_what_no_rule_may_touch() -> None:
    assert reason("CumSum", {}, (2, 4, 4), np.int64(1)) == "no rule for CumSum"
    assert reason("Relu", {}, (2, 3, 4, 4, 4)) == "works on tensors of rank 5"
    assert reason("Relu", {}, floats(2, 4, 4)) == "works on a constant"
    assert reason("Slice", {}, floats(2, 4, 4), ints(0), ints(2), ints(1)) == "works on a constant"


def test_other_domains_and_unknown_ranks_pin() -> None:
    node = build_op("Relu", {}, (2, 4, 4))
    node.domain = "com.microsoft"
    assert reason_of(node) == "no rule for com.microsoft.Relu"
    node = build_op("Relu", {}, (2, 4, 4))
    node.outputs[0].shape = None
    assert reason_of(node) == "the rank of one of its tensors is not known"
