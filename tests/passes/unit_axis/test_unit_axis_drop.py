"""Whole regions lose their axis of size one; what needs it keeps it at the border."""

import pytest

from ovprep.graph.shapes import dims_of, rank_of
from ovprep.passes.unit_axis.drop import drop_unit_axis
from tests.graphs import FEW_ULP, GraphBuilder, listing
from tests.passes.support import applied, normalized, ops_of
from tests.passes.unit_axis.support import AXES, widened, window

TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def test_drawing() -> None:
    build = GraphBuilder()
    x = build.op("Unsqueeze", build.input("x", 2, 4, 8), build.ints(2))
    x = build.op("Relu", build.op("Conv", x, build.weights(5, 4, 1, 3)))
    x = build.op("MaxPool", x, kernel_shape=(1, 2))
    build.output(build.op("Squeeze", x, build.ints(2)), "y")
    change = applied(drop_unit_axis, build.model, FEW_ULP)
    assert change is not None
    assert change.summary == "dropped an axis of size one around 5 ops"
    assert change.details == ("Conv", "MaxPool")
    assert listing(build.model).splitlines() == [
        "Conv: Conv([2, 4, 8]) -> [2, 5, 6]",
        "Relu: Relu([2, 5, 6]) -> [2, 5, 6]",
        "MaxPool: MaxPool([2, 5, 6]) -> [2, 5, 5]",
    ]


@pytest.mark.parametrize("axis", AXES)
def test_interface_of_rank_4_stays(axis: int) -> None:
    build = GraphBuilder()
    x = build.input("x", *widened(axis, 2, 4, 8))
    build.output(build.op("Conv", x, build.weights(5, 4, *window(axis, 3))), "y")
    applied(drop_unit_axis, build.model, FEW_ULP)
    assert ops_of(build.model) == ["Squeeze", "Conv", "Unsqueeze"]
    assert dims_of(build.graph.inputs[0]) == widened(axis, 2, 4, 8)
    assert dims_of(build.graph.outputs[0]) == widened(axis, 2, 5, 6)


def test_op_that_needs_the_axis() -> None:
    """Between two convolutions, an op that no rule covers."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 1, 9), build.weights(4, 4, 1, 2))
    x = build.op("DepthToSpace", x, blocksize=1)
    x = build.op("Conv", x, build.weights(4, 4, 1, 2))
    build.output(build.op("Squeeze", x, build.ints(2)), "y")
    applied(drop_unit_axis, build.model, FEW_ULP)
    assert ops_of(build.model) == ["Squeeze", "Conv", "Unsqueeze", "DepthToSpace", "Squeeze", "Conv"]


def test_one_tensor_of_two_readers() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 1, 9), build.weights(4, 4, 1, 2))
    build.output(build.op("DepthToSpace", x, blocksize=1), "y")
    build.output(build.op("MaxPool", x, kernel_shape=(1, 2)), "z")
    applied(drop_unit_axis, build.model, FEW_ULP)
    assert [rank_of(node.inputs[0]) for node in build.graph if node.op_type in ("Conv", "MaxPool")] == [3, 3]


def test_images_stay() -> None:
    """A network of two axes whose gate has none: nothing here has one axis only."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 6, 6), build.weights(4, 4, 3, 3))
    gate = build.op("Conv", build.op("GlobalAveragePool", x), build.weights(4, 4, 1, 1))
    build.output(build.op("Mul", x, gate), "y")
    assert applied(drop_unit_axis, build.model) is None


def test_gate_of_a_network_of_one_axis() -> None:
    """Its convolution is part of the region, though both its axes are of size one."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 1, 6), build.weights(4, 4, 1, 3))
    gate = build.op("Conv", build.op("GlobalAveragePool", x), build.weights(4, 4, 1, 1))
    build.output(build.op("Mul", x, build.op("Sigmoid", gate)), "y")
    applied(drop_unit_axis, build.model, FEW_ULP)
    assert ops_of(build.model) == ["Squeeze", "Conv", "GlobalAveragePool", "Conv", "Sigmoid", "Mul", "Unsqueeze"]


def test_recurrence_stays() -> None:
    """Steps `[W, 1, N, C]` lose the axis of their directions in a Squeeze, which is as good in any other place."""
    build = GraphBuilder()
    x = build.input("x", 6, 2, 3)
    steps = build.ops("LSTM", x, build.weights(1, 16, 3), build.weights(1, 16, 4), outputs=3, hidden_size=4)[0]
    turned = build.op("Transpose", steps, perm=(2, 1, 0, 3))
    build.output(build.op("Squeeze", turned, build.ints(1)), "y")
    assert applied(drop_unit_axis, build.model) is None


def test_region_without_a_border() -> None:
    """Nothing is saved, and nothing is lost."""
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", 2, 24), build.ints(2, 6, 1, 4))
    x = build.op("Add", x, build.weights(4))
    build.output(build.op("ReduceMean", x, build.ints(1, 2), keepdims=0), "y")
    applied(drop_unit_axis, build.model, FEW_ULP)
    assert "Add: Add([2, 6, 4]) -> [2, 6, 4]" in listing(build.model)


def test_loop_reads_a_tensor_of_rank_4() -> None:
    """A model of an If, whose branches read the tensor from outside."""
    import onnx
    import onnx_ir as ir

    text = """
        <ir_version: 10, opset_import: ["" : 21]>
        agraph (float[2, 4, 1, 9] x, bool flag) => (float[2, 4, 1, 8] y)
        <float[4, 1, 1, 2] w = {1, 2, 3, 4, 5, 6, 7, 8}>
        {
            c = Conv <group = 4> (x, w)
            y = If (flag) <
                then_branch = yes () => (float[2, 4, 1, 8] a) { a = Relu(c) },
                else_branch = no () => (float[2, 4, 1, 8] b) { b = Neg(c) }
            >
        }
    """
    model = ir.from_proto(onnx.shape_inference.infer_shapes(onnx.parser.parse_model(text)))
    assert applied(drop_unit_axis, model) is not None
    assert ops_of(model) == ["Squeeze", "Conv", "Unsqueeze", "If"]


def nhwc(build: GraphBuilder, batch: int | str = "batch", axis: int = 1) -> None:
    """A small network as tf2onnx writes it: every op of two axes between Transposes of its own."""
    x = build.op("Unsqueeze", build.input("x", batch, 16, 4), build.ints(axis))
    spatial = axis + 1

    def between(op_type: str, x: object, *others: object, **attributes: object) -> object:
        y = build.op(op_type, build.op("Transpose", x, perm=TO_NCHW), *others, **attributes)
        return build.op("Transpose", y, perm=TO_NHWC)

    pads = (*window(spatial, 1, 0), *window(spatial, 1, 0))
    y = between("Conv", x, build.weights(8, 4, *window(spatial, 3)), build.weights(8), pads=pads)
    y = build.op("Relu", build.op("Squeeze", y, build.ints(axis)))
    y = build.op("Unsqueeze", y, build.ints(axis))
    y = between("MaxPool", y, kernel_shape=window(spatial, 2), strides=window(spatial, 2))
    y = build.op("Add", y, build.weights(8))
    y = between("Conv", y, build.weights(3, 8, *window(spatial, 3)))
    build.output(build.op("Squeeze", y, build.ints(axis)), "y")


@pytest.mark.parametrize("batch", [1, "batch"])
@pytest.mark.parametrize("axis", [1, 2])
def test_all_passes_leave_two_transposes(axis: int, batch: int | str) -> None:
    build = GraphBuilder()
    nhwc(build, batch, axis)
    done = normalized(build.model)
    assert done.layout.transposes_after == 2
    assert sorted(set(ops_of(build.model))) == ["Add", "Conv", "MaxPool", "Relu", "Transpose"]
    assert [port.layout for port in (*done.interface.inputs, *done.interface.outputs)] == ["NWC", "NWC"]
    assert done.original.inputs[0].layout == "NWC"


def test_two_axes_that_are_tied_to_each_other_stay() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4, 1, 1)
    x = build.op("Add", x, build.op("Transpose", x, perm=(0, 1, 3, 2)))
    build.output(build.op("ConvTranspose", x, build.weights(4, 2, 1, 3), strides=(1, 3)), "y")
    applied(drop_unit_axis, build.model, FEW_ULP)
    assert ops_of(build.model) == ["Transpose", "Add", "ConvTranspose"]
