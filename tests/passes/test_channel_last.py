"""The domain of channel-last ops, for which the layout pass places all others; `tests/emit/keras` has the numbers."""

from ovprep.layout.apply import optimise_layout
from ovprep.passes.batch_first import use_batch_first_recurrences
from ovprep.passes.channel_last import DOMAIN, use_channel_last_ops
from tests.graphs import GraphBuilder, listing
from tests.passes.support import ops_of


def test_the_drawing() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 12)
    build.output(build.op("Conv", x, build.weights(6, 4, 3)), "y")
    assert use_channel_last_ops(build.model) is not None
    assert listing(build.model) == (
        "Conv/Transpose: Transpose([batch, 4, 12]) -> [batch, 12, 4]\n"
        "Conv: Conv([batch, 12, 4]) -> [batch, 10, 6]\n"
        "Conv/Transpose_1: Transpose([batch, 10, 6]) -> [batch, 6, 10]"
    )
    assert [node.domain for node in build.model.graph] == ["", DOMAIN, ""]
    assert build.model.graph.outputs[0].name == "y"


def test_only_the_interface_is_left_to_turn() -> None:
    """A volume as well, of which the layout pass knows nothing."""
    for dims, taps in (((4, 12), (3,)), ((4, 5, 6), (3, 3)), ((4, 5, 6, 7), (3, 3, 3))):
        build = GraphBuilder()
        x = build.op("Conv", build.input("x", "batch", *dims), build.weights(6, 4, *taps))
        x = build.op("BatchNormalization", x, *(build.weights(6) for _ in range(4)))
        build.output(build.op("MaxPool", x, kernel_shape=(2,) * len(taps)), "y")
        use_channel_last_ops(build.model)
        optimise_layout(build.model)
        assert ops_of(build.model) == ["Transpose", "Conv", "BatchNormalization", "MaxPool", "Transpose"]


def test_a_dense_stays_one() -> None:
    """Else the solver would make it a convolution over what is now no channel."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 12), build.weights(6, 4, 3))
    build.output(build.op("MatMul", x, build.weights(10, 10)), "y")
    use_channel_last_ops(build.model)
    optimise_layout(build.model)
    assert ops_of(build.model).count("MatMul") == 1


def test_a_model_without_any_is_left_alone() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", "batch", 4, 12)), "y")
    assert use_channel_last_ops(build.model) is None
    assert use_batch_first_recurrences(build.model) is None
    assert DOMAIN not in build.model.graph.opset_imports


def test_a_recurrence_takes_the_batch_first() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 12, 4), perm=(1, 0, 2))
    weights = [build.weights(1, 20, 4), build.weights(1, 20, 5)]
    y = build.op("LSTM", x, *weights, hidden_size=5)
    build.output(build.op("Transpose", build.op("Squeeze", y, build.ints(1)), perm=(1, 0, 2)), "y")
    use_batch_first_recurrences(build.model)
    assert listing(build.model) == "LSTM: LSTM([batch, 12, 4]) -> [batch, 12, 5]"


def test_a_recurrence_whose_directions_are_asked_for() -> None:
    build = GraphBuilder()
    x = build.input("x", 12, "batch", 4)
    weights = [build.weights(2, 15, 4), build.weights(2, 15, 5)]
    build.output(build.op("GRU", x, *weights, hidden_size=5, direction="bidirectional"), "y")
    use_batch_first_recurrences(build.model)
    assert ops_of(build.model) == ["Transpose", "GRU", "Reshape", "Transpose"]
    assert [str(dim) for dim in build.model.graph.outputs[0].shape or ()] == ["12", "2", "batch", "5"]
