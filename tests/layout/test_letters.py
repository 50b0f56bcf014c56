"""What the axes of the interface are, by the ops that use them."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.graph.builder import Builder
from ovprep.layout.letters import infer_interface
from tests.graphs import GraphBuilder


def layouts(build: GraphBuilder) -> tuple[list[str], list[str]]:
    interface = infer_interface(build.model)
    return [port.layout for port in interface.inputs], [port.layout for port in interface.outputs]


def conv(build: Builder, x: ir.Value, channels: int, filters: int = 4, kernel: int = 3) -> ir.Value:
    weights = build.constant(np.ones((filters, channels, kernel), np.float32), "kernel")
    return build.op("Conv", x, weights, pads=(kernel // 2, kernel // 2))


def swap(build: Builder, x: ir.Value) -> ir.Value:
    return build.op("Transpose", x, perm=(0, 2, 1))


@pytest.mark.parametrize("size", [4, 9])
def test_channel_first_as_pytorch_writes(size: int) -> None:
    build = GraphBuilder()
    y = build.op("Relu", conv(build, build.input("x", 2, 4, size), 4))
    build.output(build.op("MaxPool", y, kernel_shape=(2,)), "y")
    assert layouts(build) == (["NCW"], ["NCW"])


@pytest.mark.parametrize("size", [4, 9])
def test_channel_last_as_keras_writes(size: int) -> None:
    build = GraphBuilder()
    y = swap(build, conv(build, swap(build, build.input("x", 2, size, 4)), 4))
    build.output(build.op("Relu", build.op("Add", y, build.weights(4))), "y")
    assert layouts(build) == (["NWC"], ["NWC"])


def test_classifier() -> None:
    build = GraphBuilder()
    y = build.op("Flatten", conv(build, build.input("x", "batch", 4, 4), 4))
    build.output(build.op("Gemm", y, build.weights(16, 3)), "y")
    assert layouts(build) == (["NCW"], ["NC"])


@pytest.mark.parametrize("size", [4, 9])
def test_numbers_of_rows_lie_in_time(size: int) -> None:
    build = GraphBuilder()
    numbers = build.op("Cast", build.input("x", 4, size), to=int(ir.DataType.INT32))
    build.output(conv(build, swap(build, build.op("Gather", build.weights(7, 4), numbers)), 4), "y")
    assert layouts(build) == (["NW"], ["NCW"])


@pytest.mark.parametrize("keepdims", [0, 1])
def test_global_pooling_keeps_the_channels(keepdims: int) -> None:
    build = GraphBuilder()
    y = conv(build, build.input("x", 2, 4, 4), 4)
    build.output(build.op("ReduceMean", y, build.ints(-1), keepdims=keepdims), "y")
    assert layouts(build) == (["NCW"], ["NCW" if keepdims else "NC"])


def test_reduction_over_channels_keeps_time() -> None:
    build = GraphBuilder()
    y = conv(build, build.input("x", 2, 4, 4), 4)
    build.output(build.op("ReduceMean", y, build.ints(1), keepdims=0), "y")
    assert layouts(build) == (["NCW"], ["NW"])


def test_raw_audio() -> None:
    build = GraphBuilder()
    x = build.op("Unsqueeze", build.input("x", 1, 16), build.ints(1))
    build.output(build.op("Squeeze", conv(build, x, 1, 1), build.ints(-2)), "y")
    assert layouts(build) == (["NW"], ["NW"])


def test_gather_of_one_step() -> None:
    build = GraphBuilder()
    y = conv(build, build.input("x", 2, 4, 4), 4)
    build.output(build.op("Gather", y, build.constant(np.int64(-1)), axis=2), "y")
    assert layouts(build) == (["NCW"], ["NC"])


def recurrent(build: GraphBuilder, x: ir.Value) -> tuple[ir.Value, ...]:
    """LSTM of the 4 features of x."""
    return build.ops("LSTM", x, build.weights(1, 16, 4), build.weights(1, 16, 4), outputs=2, hidden_size=4)


def test_recurrent_input_is_time_first() -> None:
    build = GraphBuilder()
    build.output(recurrent(build, build.input("x", 4, 4, 4))[1], "y")
    assert layouts(build)[0] == ["WNC"]


def test_recurrent_input_turned_from_batch_first() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", 4, 4, 4), perm=(1, 0, 2))
    y, _ = recurrent(build, x)
    y = build.op("Transpose", build.op("Squeeze", y, build.ints(1)), perm=(1, 0, 2))
    build.output(y, "y")
    assert layouts(build)[0] == ["NWC"]


def test_recurrent_input_turned_from_channel_first() -> None:
    """A permutation that is not its own inverse: `[N, C, W]` becomes `[W, N, C]`."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", 4, 4, 4), perm=(2, 0, 1))
    build.output(recurrent(build, x)[1], "y")
    assert layouts(build)[0] == ["NCW"]


def test_dense_on_sequences_is_channel_last_by_habit() -> None:
    build = GraphBuilder()
    build.output(build.op("MatMul", build.input("x", 2, 4, 4), build.weights(4, 4)), "y")
    assert layouts(build) == (["NWC"], ["NWC"])


def test_a_definition_outweighs_a_habit() -> None:
    """A Dense over time, then a convolution: the convolution says which axis is time."""
    build = GraphBuilder()
    y = build.op("MatMul", build.input("x", 2, 4, 4), build.weights(4, 4))
    build.output(conv(build, build.op("Relu", y), 4), "y")
    assert layouts(build) == (["NCW"], ["NCW"])


def test_the_op_nearest_to_the_tensor_speaks() -> None:
    """A real Permute makes channels of time: input and output are what their own convolutions say."""
    build = GraphBuilder()
    first = conv(build, build.input("x", 2, 4, 4), 4)
    build.output(conv(build, swap(build, build.op("Relu", first)), 4), "y")
    assert layouts(build) == (["NCW"], ["NCW"])


def test_contradiction_on_one_tensor_is_settled_by_the_first_reader() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4, 4))
    build.output(conv(build, x, 4), "y")
    build.output(conv(build, swap(build, x), 4), "z")
    assert layouts(build)[0] == ["NCW"]


def test_nothing_known_stays_unknown() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", 2, 4, 4)), "y")
    assert layouts(build) == (["???"], ["???"])


def test_an_open_first_axis_is_the_batch() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", "batch", 4, 4)), "y")
    assert layouts(build) == (["N??"], ["N??"])


def test_scalars_have_no_layout() -> None:
    build = GraphBuilder()
    build.output(build.op("Mul", build.input("x", 2, 4), build.input("gain")), "y")
    assert layouts(build)[0] == ["??", ""]


def test_images_have_height() -> None:
    build = GraphBuilder()
    y = build.op("Conv", build.input("x", 1, 4, 4, 4), build.weights(4, 4, 3, 3))
    build.output(build.op("Squeeze", build.op("ReduceMax", y, build.ints(1)), build.ints(1)), "y")
    assert layouts(build) == (["NCHW"], ["NHW"])


def test_several_inputs_and_outputs() -> None:
    build = GraphBuilder()
    signal = conv(build, build.input("signal", 2, 4, 4), 4)
    gate = swap(build, build.input("gate", 2, 4, 4))
    build.output(build.op("Mul", signal, gate), "gated")
    build.output(build.op("ReduceMax", signal, build.ints(2), keepdims=0), "features")
    assert layouts(build) == (["NCW", "NWC"], ["NCW", "NC"])


def test_broadcasting_ties_axes_from_the_right() -> None:
    """The axis of size one of an attention map is the same axis, and no more."""
    build = GraphBuilder()
    x = conv(build, build.input("x", 2, 4, 4), 4)
    build.output(build.op("Add", x, build.input("bias", 4, 4)), "y")
    assert layouts(build) == (["NCW", "CW"], ["NCW"])


def test_broadcasting_a_batch_of_one_ties_no_time() -> None:
    """The gate `[1, C]` of a squeeze-and-excite, as TFLite writes it."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", 1, 9, 5, 4), perm=(0, 3, 1, 2))
    x = build.op("Transpose", build.op("Conv", x, build.weights(4, 4, 3, 3)), perm=(0, 2, 3, 1))
    gate = build.op("Gemm", build.op("ReduceMean", x, build.ints(1, 2), keepdims=0), build.weights(4, 4))
    build.output(build.op("Mul", x, build.op("Sigmoid", gate)), "y")
    assert layouts(build) == (["NHWC"], ["NHWC"])


def test_a_batch_that_reshape_spells_as_zero() -> None:
    build = GraphBuilder()
    y = conv(build, build.input("x", "batch", 4, 4), 4)
    build.output(build.op("Reshape", y, build.ints(0, 16)), "y")
    assert layouts(build) == (["NCW"], ["NC"])


@pytest.mark.parametrize("size", [4, 9])
@pytest.mark.parametrize("batch", ["batch", 2])
def test_a_group_normalization_keeps_the_axes(size: int, batch: str | int) -> None:
    """It takes its statistics in another shape, and goes back."""
    build = GraphBuilder()
    x = conv(build, build.input("x", batch, 4, size), 4)
    groups = build.op("Reshape", x, build.ints(0, 2, -1))
    groups = build.op("InstanceNormalization", groups, build.weights(2), build.weights(2), epsilon=1e-5)
    y = build.op("Mul", build.op("Reshape", groups, build.ints(0, 4, size)), build.weights(4, 1))
    build.output(y, "y")
    assert layouts(build) == (["NCW"], ["NCW"])


def test_another_shape_has_other_axes() -> None:
    build = GraphBuilder()
    x = conv(build, build.input("x", 2, 4, 9), 4)
    groups = build.op("Softmax", build.op("Reshape", x, build.ints(0, 2, -1)))
    build.output(build.op("Reshape", groups, build.ints(0, 9, 4)), "y")
    assert layouts(build) == (["NCW"], ["N??"])


SHUFFLES = [
    ((0, 2, 1, 3), "NCW"),  # of the channels: the time is where it was
    ((0, 3, 1, 2), "NWC"),
    ((0, 2, 3, 1), "N??"),  # of both
]


@pytest.mark.parametrize(("perm", "layout"), SHUFFLES)
def test_a_transpose_on_the_way_is_no_return(perm: tuple[int, ...], layout: str) -> None:
    """It leaves the shape alone, and elements elsewhere."""
    build = GraphBuilder()
    x = conv(build, build.input("x", 2, 4, 4), 4)
    x = build.op("Transpose", build.op("Reshape", x, build.ints(0, 2, 2, 4)), perm=perm)
    build.output(build.op("Reshape", x, build.ints(0, 4, 4)), "y")
    assert layouts(build) == (["NCW"], [layout])


@pytest.mark.parametrize("batch", ["batch", 3])
def test_what_comes_out_of_the_batch_is_no_channel(batch: str | int) -> None:
    """Two sources beside each other, as Conv-TasNet gives them: nothing says that they are channels."""
    build = GraphBuilder()
    x = build.op("Reshape", conv(build, build.input("x", batch, 4, 9), 4), build.ints(-1, 2, 9))
    x = conv(build, x, 2, 1)
    build.output(build.op("Reshape", x, build.ints(-1, 2, 9)), "y")
    assert layouts(build) == (["NCW"], ["N?W"])


@pytest.mark.parametrize("size", [4, 9])
@pytest.mark.parametrize("batch", ["batch", 3])
def test_a_reshape_leaves_alone_what_it_does_not_cut(size: int, batch: str | int) -> None:
    """Channels go into the batch and come back."""
    build = GraphBuilder()
    x = conv(build, build.input("x", batch, 4, size), 4)
    x = build.op("Relu", build.op("Reshape", x, build.ints(-1, 2, size)))
    build.output(build.op("Reshape", x, build.ints(-1, 4, size)), "y")
    assert layouts(build) == (["NCW"], ["NCW"])
