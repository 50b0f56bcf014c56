"""A Resize to sizes that are computed for all axes."""

from typing import Any

import onnx_ir as ir
import pytest

from ovprep.graph.constants import array_of, ints_of
from ovprep.passes.change import Change
from ovprep.passes.rank.lift import lift_to_rank_4
from ovprep.passes.resizes import name_resized_axes
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, normalized, ops_of


def upsampling(
    *dims: int | str, to: int = 37, times: int = 0, channels: int | None = None, **attributes: Any
) -> ir.Model:
    """`[N, C, W]` to a length of `to`, or to `times` its own, as PyTorch's exporters write it."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", *dims), build.weights(4, 4, 3), pads=(1, 1))
    shape = build.op("Shape", x)
    first = build.op("Slice", shape, build.ints(0), build.ints(2 if channels is None else 1), build.ints(0))
    more = [] if channels is None else [build.ints(channels)]
    length = build.op("Mul", build.op("Gather", shape, build.ints(2)), build.ints(times)) if times else build.ints(to)
    sizes = build.op("Concat", first, *more, length, axis=0)
    x = build.op("Resize", x, None, None, sizes, **attributes)
    build.output(build.op("Conv", x, build.weights(3, channels or 4, 3)), "y")
    return build.model


LINEAR = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def the_resize(model: ir.Model) -> ir.Node:
    (node,) = (node for node in model.graph if node.op_type == "Resize")
    return node


@pytest.mark.parametrize("attributes", [LINEAR, NEAREST], ids=["linear", "nearest"])
@pytest.mark.parametrize("to", [37, 5])
def test_a_length_of_its_own(attributes: dict[str, Any], to: int) -> None:
    model = upsampling("batch", 4, 16, to=to, **attributes)
    change = applied(name_resized_axes, model, FEW_ULP)
    assert change is not None
    assert change.summary == "named the axis of 1 Resize"
    assert ops_of(model) == ["Conv", "Resize", "Conv"]
    assert (ints_of(the_resize(model), "sizes", 3), ints_of(the_resize(model), "axes")) == ((to,), (2,))


@pytest.mark.parametrize("attributes", [LINEAR, NEAREST], ids=["linear", "nearest"])
def test_a_multiple_of_an_open_length(attributes: dict[str, Any]) -> None:
    model = upsampling("batch", 4, "time", times=3, **attributes)
    assert applied(name_resized_axes, model, FEW_ULP) is not None
    assert ops_of(model) == ["Conv", "Resize", "Conv"]
    scales = array_of(the_resize(model).inputs[2])
    assert scales is not None
    assert scales.tolist() == [1, 1, 3]


@pytest.mark.parametrize(
    "model",
    [upsampling("batch", 4, 16, channels=8, **NEAREST), upsampling("batch", 4, "time", to=37, channels=8, **NEAREST)],
    ids=["other channels", "and an open length"],
)
def test_what_resizes_channels_stays(model: ir.Model) -> None:
    assert applied(name_resized_axes, model) is None
    assert "Shape" in ops_of(model)


@pytest.mark.parametrize(("policy", "to"), [("not_larger", 37), ("not_smaller", 5)])
def test_sizes_that_are_bounds_stay(policy: str, to: int) -> None:
    """The channels, which stay as they are, decide over the length as well."""
    model = upsampling("batch", 4, 16, to=to, keep_aspect_ratio_policy=policy, **NEAREST)
    assert applied(name_resized_axes, model) is None


@pytest.mark.parametrize("attributes", [LINEAR, NEAREST], ids=["linear", "nearest"])
def test_it_takes_part_in_layout_and_lift(attributes: dict[str, Any]) -> None:
    """Channel-last outside, one Transpose at each end, and a form at rank 4."""
    model = upsampling("batch", 4, 16, **attributes)
    done = normalized(model)
    assert [name for name, _ in done.layout.pins] == ["Conv", "Conv_1"]
    assert ops_of(model) == ["Transpose", "Conv", "Resize", "Conv", "Transpose"]

    def lift(model: ir.Model) -> Change | None:
        change = lift_to_rank_4(model)
        assert isinstance(change, Change), change
        return change

    applied(lift, model, FEW_ULP)
    assert ints_of(the_resize(model), "axes") == (3,)
