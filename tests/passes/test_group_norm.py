"""A GroupNormalization that is written as an InstanceNormalization of groups."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.interface import Dim
from ovprep.passes.group_norm import name_group_norms
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, ops_of


def grouped(
    *dims: Dim, groups: int = 2, scale: tuple[int, ...] | None = (6, 1), back: tuple[int, ...] | None = None
) -> ir.Model:
    """On `[N, 6, ...]`; `scale` is the shape of the two constants behind, `back` the target of the second Reshape."""
    build = GraphBuilder()
    x = build.input("x", "batch", *dims)
    cut = build.op("Reshape", x, build.ints(0, groups, -1))
    normed = build.op("InstanceNormalization", cut, build.weights(groups), build.weights(groups), epsilon=0.1)
    whole = back or (0, *(dim if isinstance(dim, int) else -1 for dim in dims))
    y = build.op("Reshape", normed, build.ints(*whole))
    if scale is not None:
        y = build.op("Add", build.op("Mul", y, build.weights(*scale)), build.weights(*scale))
    build.output(y, "y")
    return build.model


@pytest.mark.parametrize("dims", [(6, 10), (6, 6), (6, "time"), (6, 4, 5)])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_with_and_without_numbers_per_channel(dims: tuple[Dim, ...], groups: int) -> None:
    for scale in ((6, *(1,) * (len(dims) - 1)), None):
        model = grouped(*dims, groups=groups, scale=scale)
        assert applied(name_group_norms, model, 4 * FEW_ULP) is not None
        assert ops_of(model) == ["GroupNormalization"]


def test_numbers_per_step_stay_behind() -> None:
    """Six steps of six channels: only the place of the axis tells."""
    model = grouped(6, 6, scale=(1, 6))
    assert applied(name_group_norms, model, 4 * FEW_ULP) is not None
    assert ops_of(model) == ["GroupNormalization", "Mul", "Add"]


@pytest.mark.parametrize(
    ("dims", "groups", "back"),
    [
        ((6, 12), 4, None),  # no groups of channels
        ((6, 12), 2, (0, 12, 6)),  # another shape
        ((6, 12), 2, (0, 6, 3, 4)),
    ],
)
def test_what_is_none(dims: tuple[Dim, ...], groups: int, back: tuple[int, ...] | None) -> None:
    assert applied(name_group_norms, grouped(*dims, groups=groups, scale=None, back=back)) is None


def test_statistics_that_others_read_stay() -> None:
    model = grouped(6, 10)
    normed = next(node for node in model.graph if node.op_type == "InstanceNormalization")
    build = GraphBuilder()
    build.graph = model.graph
    build.output(build.op("Neg", normed.outputs[0]), "z")
    assert applied(name_group_norms, model) is None


def test_each_sample_is_normalised_alone() -> None:
    """The batch is no part of a group, though a Reshape to `[1, 2, -1]` of a batch of one would look alike."""
    build = GraphBuilder()
    x = build.input("x", 2, 6, 10)
    cut = build.op("Reshape", x, build.ints(1, 2, -1))
    normed = build.op("InstanceNormalization", cut, *(build.constant(np.ones(2, np.float32)) for _ in range(2)))
    build.output(build.op("Reshape", normed, build.ints(2, 6, 10)), "y")
    assert applied(name_group_norms, build.model) is None
