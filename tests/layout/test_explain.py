"""The plan in words, held against small graphs whose layouts are plain to see."""

import onnx_ir as ir
import pytest

from ovprep.layout.apply import LayoutChange, optimise_layout
from ovprep.layout.explain import PlacedOp, Reason, StayingTranspose, other_layout
from tests.graphs import GraphBuilder

SWAP = (0, 2, 1)
CHANNEL_FIRST = "Conv is channel-first by definition"


def conv(build: GraphBuilder, x: ir.Value, channels: int, filters: int) -> ir.Value:
    return build.op("Conv", x, build.weights(filters, channels, 3), pads=(1, 1))


def explained(build: GraphBuilder) -> tuple[dict[str, PlacedOp], tuple[StayingTranspose, ...]]:
    change: LayoutChange = optimise_layout(build.model)
    found = change.explanation
    assert sum(entry.bytes for entry in found.transposes) == change.bytes_after
    assert [(op.op, op.pin) for op in found.ops if op.pin and op.type not in ("input", "output")] == list(change.pins)
    return {op.op: op for op in found.ops}, found.transposes


def test_a_channel_last_interface_around_convolutions() -> None:
    """The interface gives NWC, a Conv takes NCW; the Relu between two of them moves."""
    build = GraphBuilder()
    x = build.input("x", "batch", 16, 3)
    inner = build.op("Transpose", conv(build, build.op("Transpose", x, perm=SWAP), 3, 4), perm=SWAP)
    relu = build.op("Transpose", build.op("Relu", inner), perm=SWAP)
    build.output(build.op("Transpose", conv(build, relu, 4, 5), perm=SWAP), "y")
    ops, (first, last) = explained(build)
    assert [(op.layout, op.type, op.moved) for op in ops.values()] == [
        ("NWC", "input", False),
        ("NCW", "Conv", False),
        ("NCW", "Relu", True),
        ("NCW", "Conv", False),
        ("NWC", "output", False),
    ]
    assert first == StayingTranspose(
        givers=("x",),
        takers=("Conv",),
        shape=("batch", 16, 3),
        layouts=("NWC", "NCW"),
        bytes=16 * 3 * 4,
        because=(Reason("x", "the interface gives NWC"), Reason("Conv", CHANNEL_FIRST)),
    )
    assert (last.givers, last.takers, last.layouts) == (("Conv_1",), ("y",), ("NCW", "NWC"))
    assert last.because == (Reason("Conv_1", CHANNEL_FIRST), Reason("y", "the interface asks for NWC"))


def test_a_cut_between_ops_that_can_move_names_the_pins_behind_them() -> None:
    """Cheapest between the two Relus, where two of three channels are gone; and the shape is that of what moved."""
    build = GraphBuilder()
    x = build.input("x", "batch", 16, 6)
    turned = build.op("Transpose", conv(build, build.op("Transpose", x, perm=SWAP), 6, 6), perm=SWAP)
    one = build.op("Slice", build.op("Relu", turned), build.ints(0), build.ints(2), build.ints(2))
    build.output(build.op("LayerNormalization", build.op("Tanh", one), build.weights(2), axis=-1), "y")
    ops, (_, cut) = explained(build)
    assert [op for op, placed in ops.items() if placed.moved] == ["Relu", "Slice"]
    assert (cut.givers, cut.takers, cut.shape, cut.bytes) == (("Slice",), ("Tanh",), ("batch", 2, 16), 2 * 16 * 4)
    assert cut.layouts == ("NCW", "NWC")
    assert [reason.op for reason in cut.because] == ["Conv", "LayerNormalization"]


def test_one_channel_is_free() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 16, 1)
    build.output(conv(build, build.op("Transpose", x, perm=SWAP), 1, 4), "y")
    _, (only,) = explained(build)
    assert (only.givers, only.takers, only.bytes) == (("x",), ("Conv",), 0)


def test_a_value_that_meets_its_own_transpose() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 8, 8)
    build.output(build.op("Add", x, build.op("Transpose", x, perm=SWAP)), "y")
    ops, (only,) = explained(build)
    assert only.because == (Reason("Add", "takes a value together with its own transpose"),)
    assert [op.pin for op in ops.values()] == [
        "nothing tells what the axes mean, so the interface stays",
        None,
        "nothing tells what the axes mean, so the interface stays",
    ]


@pytest.mark.parametrize(
    ("letters", "other"), [("NWC", "NCW"), ("NCW", "NWC"), ("NCHW", "NHWC"), ("NHWC", "NCHW"), ("WNC", "WCN")]
)
def test_the_other_layout(letters: str, other: str) -> None:
    assert other_layout(letters) == other


def test_images_that_moved_show_the_shape_that_they_have_now() -> None:
    """Cut behind an op written as NHWC that runs as NCHW."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", 1, 8, 6, 3), perm=(0, 3, 1, 2))
    x = build.op("Transpose", build.op("Conv", x, build.weights(5, 3, 1, 1)), perm=(0, 2, 3, 1))
    x = build.op("Slice", build.op("Relu", x), build.ints(0), build.ints(2), build.ints(3))
    build.output(build.op("LayerNormalization", x, build.weights(2), axis=-1), "y")
    ops, (_, cut) = explained(build)
    assert ops["Slice"].moved
    assert (cut.givers[-1:], cut.takers, cut.shape) == (("Slice",), ("LayerNormalization",), (1, 2, 8, 6))
