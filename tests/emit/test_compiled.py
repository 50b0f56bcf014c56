"""What moves data in the compiled model: held against graphs in which the plugin has no choice."""

import onnx_ir as ir

from ovprep.emit.compiled import CompiledMoves, moves_when_compiled
from ovprep.graph.interface import interface_of
from tests.graphs import GraphBuilder

SIZES = {"batch": 1, "time": 16}


def moves(build: GraphBuilder) -> CompiledMoves:
    return moves_when_compiled(build.model, interface_of(build.model), SIZES)


def test_a_transpose_that_runs() -> None:
    build = GraphBuilder()
    turned = build.op("Transpose", build.input("x", "batch", "time", 3), perm=(0, 2, 1))
    build.output(build.op("Softmax", turned, axis=2), "y")
    found = moves(build)
    assert (found.device, found.precision, found.reason) == ("CPU", "f32", None)
    ((kind, source, shape, size),) = [
        (m.type, m.source, m.shape, m.bytes) for m in found.moves if m.type == "Transpose"
    ]
    assert (kind, source, shape, size) == ("Transpose", "x", (1, 3, 16), 3 * 16 * 4)


def test_nothing_moves_where_nothing_is_transposed() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", "batch", "time", 3)), "y")
    assert moves(build).moves == ()


def test_reorders_of_weights_are_left_out() -> None:
    """A constant of full size beside a convolution is reordered once; what runs each time is the ends."""
    build = GraphBuilder()
    conv = build.op("Conv", build.input("x", "batch", 16, "time"), build.weights(16, 16, 3), pads=(1, 1))
    build.output(build.op("Mul", conv, build.weights(1, 16, 16)), "y")
    assert [move.source for move in moves(build).moves] == ["x", "y"]


def test_why_it_does_not_compile() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", "time", 3)
    strange = ir.node("Strange", [x], domain="else.where", name="strange")
    build.graph.append(strange)
    strange.outputs[0].shape, strange.outputs[0].dtype = x.shape, x.dtype
    build.output(strange.outputs[0], "y")
    found = moves(build)
    assert found.moves == ()
    assert found.reason is not None
    assert "Strange" in found.reason
