"""Each op is judged by the inputs that the other side had."""

import numpy as np
import onnx_ir as ir

from ovprep.proof.location.walk import Walk, first_unexplained
from ovprep.workers.arrays import Array
from tests.graphs import GraphBuilder, run


def graph() -> GraphBuilder:
    """Convolution, activation, a sum with the input of the activation, mean."""
    build = GraphBuilder()
    x = build.input("x", "batch", 3, 16)
    y = build.op("Conv", x, build.weights(4, 3, 3))
    y.name = "conv"
    z = build.op("Sigmoid", y)
    z.name = "sigmoid"
    build.output(build.op("ReduceMean", build.op("Add", y, z), build.ints(2), keepdims=0), "mean")
    return build


X = np.random.default_rng(0).standard_normal((2, 3, 16)).astype(np.float32)


def seen(model: ir.Model) -> dict[str, Array]:
    """All tensors as ONNX Runtime has them."""
    wider = model.clone()
    inner = [output for node in wider.graph for output in node.outputs if not output.is_graph_output()]
    wider.graph.outputs.extend(inner)
    return dict(zip([str(value.name) for value in wider.graph.outputs], run(wider, {"x": X}), strict=True))


def test_a_right_run_is_within_every_tolerance() -> None:
    model = graph().model
    steps = Walk(model, [X]).steps(seen(model))
    assert [step.op_type for step in steps] == ["Conv", "Sigmoid", "Add", "ReduceMean"]
    assert all(step.region == (step.node,) for step in steps)
    assert first_unexplained(steps) is None


def test_what_went_wrong_before_an_op_is_not_held_against_it() -> None:
    """The sigmoid is off, and all that follows is what it should be, given that."""
    model = graph().model
    tensors = seen(model)
    tensors["sigmoid"] = tensors["sigmoid"] + np.float32(0.01)
    add = next(node for node in model.graph if node.op_type == "Add")
    tensors[str(add.outputs[0].name)] = tensors["conv"] + tensors["sigmoid"]
    tensors["mean"] = tensors[str(add.outputs[0].name)].mean(2)
    steps = Walk(model, [X]).steps(tensors)
    assert [step.op_type for step in steps if step.excess > 1] == ["Sigmoid"]
    found = first_unexplained(steps)
    assert found is not None
    assert abs(found.error - 0.01) < 1e-6
    assert found.share == 1
    assert found.place == 1
    np.testing.assert_array_equal(found.inputs["conv"], tensors["conv"])


def test_ops_between_shared_tensors_are_one_region() -> None:
    model = graph().model
    tensors = {name: array for name, array in seen(model).items() if name in ("conv", "mean")}
    tensors["mean"] = tensors["mean"] * np.float32(1.01)
    found = first_unexplained(Walk(model, [X]).steps(tensors))
    assert found is not None
    assert [name.rpartition("/")[2] for name in found.region] == ["Sigmoid", "Add", "ReduceMean"]
    assert list(found.inputs) == ["conv"]


def test_another_shape_differs_infinitely() -> None:
    model = graph().model
    tensors = {**seen(model), "mean": np.zeros((2, 5), np.float32)}
    found = first_unexplained(Walk(model, [X]).steps(tensors))
    assert found is not None
    assert (found.op_type, found.error, found.share) == ("ReduceMean", np.inf, 1)


def test_an_op_that_float64_is_beyond_is_told_and_passed_over() -> None:
    """What stands behind it is judged again, from what the other side has."""
    build = GraphBuilder()
    x = build.input("x", "batch", 3, 16)
    weights = [build.weights(1, 8, size) for size in (3, 2)]
    y, *_ = build.ops("LSTM", build.op("Transpose", x, perm=[2, 0, 1]), *weights, outputs=3, hidden_size=2,
                      activations=["Sigmoid", "Gelu", "Tanh"])  # fmt: skip
    y.name = "steps"
    build.output(build.op("Neg", y), "negative")
    walk = Walk(build.model, [X])
    tensors = {"steps": np.ones((16, 1, 2, 2), np.float32), "negative": np.ones((16, 1, 2, 2), np.float32)}
    found = first_unexplained(walk.steps(tensors))
    assert found is not None
    assert found.op_type == "Neg"
    assert [name.rpartition("/")[2] for name in walk.unjudged] == ["LSTM"]


def test_the_nearest_tensors_before_one() -> None:
    walk = Walk(graph().model, [X])
    assert sorted(walk.before("mean", ["conv", "sigmoid"])) == ["conv", "sigmoid"]
    assert walk.before("mean", ["conv"]) == ["conv"]
    assert walk.before("mean", []) == ["x"]


def test_a_tensor_without_axes() -> None:
    build = GraphBuilder()
    total = build.op("ReduceSum", build.input("x", "batch", 3, 16), keepdims=0)
    build.output(build.op("Neg", total), "negative")
    (step,) = Walk(build.model, [X]).steps({"negative": np.array(0, np.float32)})
    assert step.error == abs(float(step.expected)) > 0
