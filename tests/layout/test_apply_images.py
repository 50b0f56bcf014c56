"""The plan in graphs with parts of rank 4."""

import onnx_ir as ir
import pytest
from hypothesis import given, note, settings

from ovprep.graph.constants import array_of
from ovprep.layout.apply import optimise_layout
from tests.graphs import FEW_ULP, GraphBuilder, check, difference, feeds_of, listing, run
from tests.layout.test_apply import optimised
from tests.passes.support import ops_of
from tests.random_images import TO_FIRST, TO_LAST, random_images

SIZES = [(3, 2, 5, 7), (1, 2, 5, 7), (3, 4, 4, 4), (1, 4, 4, 4)]
"""Batch, channels, height, width: all different, and so that no size tells one axis from another."""


def conv(build: GraphBuilder, x: ir.Value, filters: int) -> ir.Value:
    assert x.shape is not None
    channels = x.shape[1]
    assert isinstance(channels, int)
    return build.op("Conv", x, build.weights(filters, channels, 3, 3), pads=(1, 1, 1, 1))


def keras_conv(build: GraphBuilder, x: ir.Value, filters: int) -> ir.Value:
    made = conv(build, build.op("Transpose", x, perm=TO_FIRST), filters)
    return build.op("Add", build.op("Transpose", made, perm=TO_LAST), build.weights(filters))


@pytest.mark.parametrize(("batch", "channels", "height", "width"), SIZES)
def test_keras_style_stack(batch: int, channels: int, height: int, width: int) -> None:
    """Each convolution wrapped in Transposes: one pair is left, at the ends."""
    build = GraphBuilder()
    x = build.op("Relu", keras_conv(build, build.input("x", batch, height, width, channels), 4))
    x = build.op("Pad", x, build.ints(0, 1, 0, 0, 0, 0, 2, 0))
    x = build.op("Concat", keras_conv(build, x, 4), x, axis=-1)
    x = build.op("Softmax", keras_conv(build, x, 3), axis=-1)
    build.output(x, "y")
    change = optimised(build, FEW_ULP)
    assert (change.transposes_before, change.transposes_after) == (6, 2)
    perms = [tuple(node.attributes["perm"].as_ints()) for node in build.graph if node.op_type == "Transpose"]
    assert perms == [TO_FIRST, TO_LAST]


@pytest.mark.parametrize(("batch", "channels", "height", "width"), SIZES)
def test_permute_in_the_middle(batch: int, channels: int, height: int, width: int) -> None:
    """A normalisation over the channels, as ConvNeXt writes it: channels last for a while, and back."""
    build = GraphBuilder()
    x = conv(build, build.input("x", batch, channels, height, width), 6)
    x = build.op("Transpose", build.op("Relu", x), perm=TO_LAST)
    x = build.op("Mul", x, build.weights(6))
    x = build.op("Add", x, build.op("ReduceMean", x, build.ints(-1)))
    x = build.op("MatMul", x, build.weights(6, 4))
    build.output(conv(build, build.op("Transpose", x, perm=TO_FIRST), 2), "y")
    assert optimised(build, FEW_ULP).transposes_after == 0
    assert ops_of(build.model) == ["Conv", "Relu", "Mul", "ReduceMean", "Add", "Conv", "Conv"]


@pytest.mark.parametrize(("batch", "channels", "height", "width"), SIZES)
def test_heads_that_leave_rank_4(batch: int, channels: int, height: int, width: int) -> None:
    """A Dense on what is flattened, and one on the mean of both spatial axes, take any order."""
    build = GraphBuilder()
    x = keras_conv(build, build.input("x", batch, height, width, channels), 4)
    flat = build.op("MatMul", build.op("Reshape", x, build.ints(0, -1)), build.weights(height * width * 4, 3))
    mean = build.op("ReduceMean", x, build.ints(1, 2), keepdims=0)
    build.output(build.op("Add", flat, build.op("MatMul", mean, build.weights(4, 3))), "y")
    assert optimised(build, FEW_ULP).transposes_after == 1


@pytest.mark.parametrize(("batch", "channels", "height", "width"), SIZES)
@pytest.mark.parametrize("axis", [1, 2])
def test_from_two_spatial_axes_to_one(batch: int, channels: int, height: int, width: int, axis: int) -> None:
    """The mean over one spatial axis, and a 1D network behind it: one layout on both sides."""
    build = GraphBuilder()
    x = keras_conv(build, build.input("x", batch, height, width, channels), 4)
    x = build.op("ReduceMean", x, build.ints(axis), keepdims=0)
    x = build.op("Conv", build.op("Transpose", x, perm=(0, 2, 1)), build.weights(4, 4, 3), pads=(1, 1))
    build.output(x, "y")
    assert optimised(build, FEW_ULP).transposes_after == 1


def test_detour_of_a_signal_through_two_axes() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.op("Transpose", build.input("x", 3, 8, 4), perm=(0, 2, 1)), build.weights(4, 4, 1))
    x = build.op("Unsqueeze", build.op("Transpose", x, perm=(0, 2, 1)), build.ints(1))
    x = build.op("Squeeze", keras_conv(build, x, 4), build.ints(1))
    build.output(build.op("Conv", build.op("Transpose", x, perm=(0, 2, 1)), build.weights(4, 4, 1)), "y")
    assert optimised(build, FEW_ULP).transposes_after == 1


def test_nothing_tells_so_nothing_moves() -> None:
    build = GraphBuilder()
    x = build.op("Softmax", build.input("x", 2, 4, 4, 4), axis=1)
    build.output(build.op("Transpose", x, perm=(0, 1, 3, 2)), "y")
    change = optimised(build)
    assert (change.swapped, change.transposes_after) == ((), 1)
    assert change.pins == (
        ("Softmax", "nothing tells where its channels are"),
        ("Transpose", "moves other axes than channels and time"),
    )


def test_permute_that_no_layout_explains_stays() -> None:
    """Channels become width: behind the convolution this is no way to the other layout."""
    build = GraphBuilder()
    x = build.op("Relu", conv(build, build.input("x", 2, 4, 4, 4), 4))
    x = build.op("Relu", build.op("Transpose", x, perm=TO_FIRST))
    build.output(conv(build, x, 4), "y")
    change = optimised(build, pinned_bytes=4 * 2 * 4 * 4 * 4)
    assert (change.bytes_before, change.transposes_after, change.swapped) == (0, 1, ())


def test_pins_name_what_is_written_otherwise() -> None:
    build = GraphBuilder()
    x = conv(build, build.input("x", 2, 4, 4, 4), 4)
    build.output(build.op("MatMul", x, build.weights(4, 3)), "y")
    assert optimised(build).pins[1] == ("MatMul", "mixes an axis that is not the channels")


def test_one_channel_costs_nothing() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Relu", build.input("x", "batch", 8, 6, 1)), perm=TO_FIRST)
    build.output(conv(build, x, 3), "y")
    assert optimised(build).bytes_before == 0


@settings(max_examples=150)
@given(random_images())
def test_random_models(model: ir.Model) -> None:
    note(listing(model))
    check(model)
    feeds = feeds_of(model, signed=True)
    wanted = run(model, feeds)
    change = optimise_layout(model)
    check(model)
    for found, expected in zip(run(model, feeds), wanted, strict=True):
        assert difference(found, expected) <= 32 * FEW_ULP
    assert change.bytes_after <= change.bytes_before
    assert all(array_of(node.inputs[0]) is None for node in model.graph if node.op_type == "Transpose")
