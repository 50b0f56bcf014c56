"""What does nothing is gone; names of outputs stay."""

import numpy as np

from ovprep.passes.noops import remove_noops
from tests.graphs import GraphBuilder, check, listing


def test_chain_of_noops() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4))
    x = build.op("Identity", build.op("Dropout", x))
    build.output(build.op("Sigmoid", x), "y")
    change = remove_noops(build.model)
    assert listing(build.model).splitlines() == ["Relu: Relu([2, 4]) -> [2, 4]", "Sigmoid: Sigmoid([2, 4]) -> [2, 4]"]
    assert change is not None
    assert (change.summary, set(change.details)) == ("removed 2 no-ops", {"Identity", "Dropout"})


def test_output_takes_the_place_of_its_identity() -> None:
    build = GraphBuilder()
    build.output(build.op("Identity", build.op("Relu", build.input("x", 2, 4))), "y")
    remove_noops(build.model)
    check(build.model)
    assert listing(build.model) == "Relu: Relu([2, 4]) -> [2, 4]"
    assert build.graph.outputs[0].name == "y"


def test_an_output_needs_a_node_of_its_own() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4)
    build.output(build.op("Identity", x), "same")
    build.output(build.op("Identity", build.constant(np.ones(3, np.float32))), "table")
    y = build.op("Relu", x)
    build.output(y, "y")
    build.output(build.op("Identity", y), "again")
    assert remove_noops(build.model) is None
    check(build.model)


def test_training_dropout_and_used_masks_stay() -> None:
    build = GraphBuilder()
    x, ratio = build.op("Relu", build.input("x", 2, 4)), build.constant(np.float32(0.5))
    training = build.op("Dropout", x, ratio, build.constant(np.array(True)))
    build.output(build.op("Neg", training), "training")
    build.output(build.op("Neg", build.op("Dropout", x, ratio, build.input("mode", dtype=bool))), "either")
    dropped, mask = build.ops("Dropout", x, outputs=2)
    build.output(build.op("Neg", dropped), "dropped")
    build.output(build.op("Cast", mask, to=1), "mask")
    assert remove_noops(build.model) is None


def test_dropout_that_says_it_does_not_train() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4))
    x = build.op("Dropout", x, build.constant(np.float32(0.5)), build.constant(np.array(False)))
    build.output(build.op("Tanh", x), "y")
    remove_noops(build.model)
    assert [node.op_type for node in build.graph] == ["Relu", "Tanh"]
    assert not build.graph.initializers


def test_unused_ops_go() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4)
    build.op("Sigmoid", build.op("Tanh", x))
    build.output(build.op("Relu", x), "y")
    change = remove_noops(build.model)
    assert change is not None
    assert change.summary == "removed 2 unused ops"
    assert listing(build.model) == "Relu: Relu([2, 4]) -> [2, 4]"
