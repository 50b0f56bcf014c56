"""Inputs and outputs become channel-last."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.errors import OptionError
from ovprep.interface import Interface
from ovprep.layout.letters import infer_interface
from ovprep.options import InterfaceOptions
from ovprep.passes.change import Change
from ovprep.passes.interface import (
    fix_shapes,
    lay_out_interface,
    raise_interface,
    raised_interface,
    wanted_interface,
)
from tests.graphs import GraphBuilder, check, feeds_of, listing, run


def turn(model: ir.Model, options: InterfaceOptions | None = None) -> Change | None:
    original = infer_interface(model)
    wanted = wanted_interface(original, options or InterfaceOptions())
    change = lay_out_interface(model, original, wanted)
    assert infer_interface(model) == wanted
    return change


def test_inputs_and_outputs_are_turned() -> None:
    build = GraphBuilder()
    build.output(build.op("Conv", build.input("x", "batch", 4, 8), build.weights(2, 4, 3)), "y")
    change = turn(build.model)
    check(build.model)
    assert change is not None
    assert (change.summary, change.details) == ("turned x, y (NCW to NWC)", ("x", "y"))
    assert listing(build.model).splitlines() == [
        "x/Transpose: Transpose([batch, 8, 4]) -> [batch, 4, 8]",
        "Conv: Conv([batch, 4, 8]) -> [batch, 2, 6]",
        "y/Transpose: Transpose([batch, 2, 6]) -> [batch, 6, 2]",
    ]
    assert [value.name for value in (*build.graph.inputs, *build.graph.outputs)] == ["x", "y"]


def test_what_is_channel_last_or_unknown_stays() -> None:
    build = GraphBuilder()
    build.output(build.op("MatMul", build.input("x", 2, 8, 4), build.weights(4, 4)), "y")
    build.output(build.op("Relu", build.input("u", 2, 4, 4)), "v")
    build.output(build.op("Gemm", build.input("flat", 2, 4), build.weights(4, 4)), "features")
    assert turn(build.model) is None


def test_an_output_that_is_also_used_inside() -> None:
    build = GraphBuilder()
    inner = build.output(build.op("Conv", build.input("x", 2, 4, 8), build.weights(2, 4, 3)), "inner")
    build.output(build.op("Conv", inner, build.weights(2, 2, 3)), "y")
    turn(build.model)
    check(build.model)
    assert build.graph[2].inputs[0] is build.graph[1].outputs[0]


def test_names_that_are_taken() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 8), build.weights(2, 4, 3))
    x.name = "y/ncw"
    build.output(build.op("Conv", x, build.weights(2, 2, 3)), "y")
    model = build.model.clone()
    turn(model)
    check(model)


def two_convolutions() -> GraphBuilder:
    """`x [batch, 4, time]` and `u [2, 4, 8]`, each through a convolution, and `v`, of which nothing is known."""
    build = GraphBuilder()
    build.output(build.op("Conv", build.input("x", "batch", 4, "time"), build.weights(2, 4, 3)), "y")
    build.output(build.op("Conv", build.input("u", 2, 4, 8), build.weights(3, 4, 3)), "w")
    build.output(build.op("Relu", build.input("v", 2, 4, 4)), "z")
    return build


def layouts(model: ir.Model) -> dict[str, str]:
    interface = infer_interface(model)
    return {port.name: port.layout for port in (*interface.inputs, *interface.outputs)}


def test_single_tensors_may_be_kept_or_turned() -> None:
    build = two_convolutions()
    change = turn(build.model, InterfaceOptions("nwc", {"u": "keep", "y": "ncw"}))
    assert change is not None
    assert change.details == ("x", "w")
    assert layouts(build.model) == {"x": "NWC", "u": "NCW", "v": "???", "y": "NCW", "w": "NWC", "z": "???"}


def test_channel_last_becomes_channel_first() -> None:
    build = GraphBuilder()
    turned = build.op("Transpose", build.input("x", 1, 9, 4), perm=[0, 2, 1])
    build.output(build.op("Transpose", build.op("Conv", turned, build.weights(2, 4, 3)), perm=[0, 2, 1]), "y")
    change = turn(build.model, InterfaceOptions("ncw"))
    check(build.model)
    assert change is not None
    assert (change.summary, layouts(build.model)) == ("turned x, y (NWC to NCW)", {"x": "NCW", "y": "NCW"})


def test_two_spatial_axes() -> None:
    build = GraphBuilder()
    build.output(build.op("Conv", build.input("x", 1, 3, 8, 6), build.weights(2, 3, 3, 1)), "y")
    turn(build.model)
    check(build.model)
    assert [tuple(value.shape or ()) for value in (*build.graph.inputs, *build.graph.outputs)] == [
        (1, 8, 6, 3),
        (1, 6, 6, 2),
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (InterfaceOptions("nwc", {"q": "keep"}), "There is no input or output 'q'; the model has x, u, v, y, w, z"),
        (InterfaceOptions("nwc", {"v": "ncw"}), "Nothing in the model tells what the axes of v"),
    ],
    ids=["no such tensor", "unknown axes"],
)
def test_a_layout_that_cannot_be(options: InterfaceOptions, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        turn(two_convolutions().model, options)


def test_shapes_are_in_the_layout_of_the_result() -> None:
    model = two_convolutions().model
    fix_shapes(model, infer_interface(model), InterfaceOptions(shapes={"x": (None, 50, 4), "u": (2, 8, 4)}, batch=None))
    check(model)
    assert [str(dim) for dim in model.graph.inputs[0].shape or ()] == ["batch", "4", "50"]
    assert [str(dim) for dim in model.graph.outputs[0].shape or ()] == ["batch", "2", "48"]


def test_a_batch_is_where_the_ops_have_it() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", "n", 4)  # a name that an exporter gave to time
    build.output(build.op("LSTM", x, build.weights(1, 20, 4), build.weights(1, 20, 5), hidden_size=5), "y")
    fix_shapes(build.model, infer_interface(build.model), InterfaceOptions(batch=2))
    assert [str(dim) for dim in build.graph.inputs[0].shape or ()] == ["batch", "2", "4"]


def test_a_batch_for_all() -> None:
    model = two_convolutions().model
    fix_shapes(model, infer_interface(model), InterfaceOptions("keep", batch=2))
    assert str((model.graph.outputs[0].shape or [None])[0]) == "2"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (InterfaceOptions(shapes={"q": (1,)}), "There is no input 'q'"),
        (InterfaceOptions(shapes={"x": (1, 4)}), "has not 3 axes"),
        (InterfaceOptions(shapes={"x": (1, 4, 50)}), "has 4 where a size of 50"),
        (InterfaceOptions(shapes={"x": (3, 50, 4)}, batch=2), "a batch of 3 and one of 2"),
        (InterfaceOptions(batch=3), "has 2 where a size of 3"),
        (InterfaceOptions(shapes={"x": (1, 50, 4)}, rank=4), "has not 4 axes"),
        (InterfaceOptions(shapes={"x": (1, 2, 50, 4)}, rank=4), "has not the size 1 at axis 1"),
        (InterfaceOptions("ncw", shapes={"x": (1, 4, 2, 50)}, rank=4), "has not the size 1 at axis 2"),
    ],
    ids=["no such input", "rank", "size", "two batches", "fixed batch", "rank 4", "height", "height behind channels"],
)
def test_a_shape_that_cannot_be(options: InterfaceOptions, words: str) -> None:
    model = two_convolutions().model
    with pytest.raises(OptionError, match=words):
        fix_shapes(model, infer_interface(model), options)


def test_a_shape_too_small_for_a_convolution() -> None:
    build = GraphBuilder()
    build.output(build.op("Conv", build.input("x", "batch", 2, "time"), build.weights(3, 2, 5)), "y")
    words = "The sizes asked for x are too small for 'Conv', whose output would be empty."
    with pytest.raises(OptionError, match=words):
        fix_shapes(build.model, infer_interface(build.model), InterfaceOptions(shapes={"x": (1, 2, 2)}))


@pytest.mark.parametrize("side", [0, 1])
def test_a_shape_too_small_for_a_mirror(side: int) -> None:
    """OpenVINO's reader crashes on such a Pad."""

    def fixed(time: int) -> None:
        build = GraphBuilder()
        pads = [0, 0, 0, 0]
        pads[2 * side + 1] = 3
        x = build.op(
            "Pad", build.input("x", "batch", 2, "time"), build.ints(*pads), None, build.ints(1, 2), mode="reflect"
        )
        build.output(build.op("Conv", x, build.weights(3, 2, 5)), "y")
        fix_shapes(build.model, infer_interface(build.model), InterfaceOptions(shapes={"x": (1, time, 2)}))

    fixed(4)
    with pytest.raises(OptionError, match="too small for 'Pad', which mirrors more than there is"):
        fixed(3)


def test_a_dense_over_time_turns_nothing() -> None:
    """As in DLinear: by habit a Dense mixes channels, but here it mixes the steps."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 9, 4), perm=[0, 2, 1])
    build.output(build.op("Transpose", build.op("MatMul", x, build.weights(9, 5)), perm=[0, 2, 1]), "y")
    assert layouts(build.model) == {"x": "N??", "y": "N??"}
    assert turn(build.model) is None


def raised(model: ir.Model, options: InterfaceOptions) -> tuple[Interface, Change | None]:
    before = infer_interface(model)
    after = raised_interface(before, options)
    return after, raise_interface(model, before, after)


def test_a_height_for_tensors_of_rank_3() -> None:
    """Whose axes are known, and which compute what they did."""
    model = two_convolutions().model
    feeds = feeds_of(model)
    wanted = run(model, feeds)
    interface, change = raised(model, InterfaceOptions(rank=4))
    assert change is not None
    assert change.details == ("x", "u", "y", "w")
    check(model)
    ports = (*interface.inputs, *interface.outputs)
    assert {port.name: port.layout for port in ports} == {
        **dict.fromkeys("xuyw", "NCHW"),
        **dict.fromkeys("vz", "???"),
    }
    values = (*model.graph.inputs, *model.graph.outputs)
    assert [(value.name, len(value.shape or ())) for value in values] == [(port.name, len(port.dims)) for port in ports]
    assert [str(dim) for dim in model.graph.inputs[0].shape or ()] == [str(dim) for dim in ports[0].dims]
    found = run(model, {name: array[:, :, None] if name != "v" else array for name, array in feeds.items()})
    for array, expected, port in zip(found, wanted, interface.outputs, strict=True):
        assert np.array_equal(array, expected[:, :, None] if port.name != "z" else expected)


def test_a_height_before_the_length_of_channel_last() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 9, 4), perm=[0, 2, 1])
    build.output(build.op("Transpose", build.op("Conv", x, build.weights(2, 4, 3)), perm=[0, 2, 1]), "y")
    interface, _ = raised(build.model, InterfaceOptions(rank=4))
    assert [(port.dims, port.layout) for port in interface.inputs] == [(("batch", 1, 9, 4), "NHWC")]
    assert [line.split(": ")[1] for line in listing(build.model).splitlines()] == [
        "Squeeze([batch, 1, 9, 4]) -> [batch, 9, 4]",
        "Transpose([batch, 9, 4]) -> [batch, 4, 9]",
        "Conv([batch, 4, 9]) -> [batch, 2, 7]",
        "Transpose([batch, 2, 7]) -> [batch, 7, 2]",
        "Unsqueeze([batch, 7, 2]) -> [batch, 1, 7, 2]",
    ]


def test_rank_3_and_two_spatial_axes_stay() -> None:
    build = GraphBuilder()
    build.output(build.op("Conv", build.input("x", 1, 3, 8, 6), build.weights(2, 3, 3, 1)), "y")
    assert raised(build.model, InterfaceOptions(rank=4))[1] is None
    assert raised(two_convolutions().model, InterfaceOptions())[1] is None


def test_shapes_with_a_height() -> None:
    model = two_convolutions().model
    fix_shapes(model, infer_interface(model), InterfaceOptions(shapes={"x": (3, 1, 50, 4)}, rank=4))
    assert tuple(model.graph.inputs[0].shape or ()) == (3, 4, 50)


def test_there_is_no_interface_of_rank_5() -> None:
    with pytest.raises(OptionError, match="There is no interface of rank 5; choose 3 or 4"):
        InterfaceOptions(rank=5)
