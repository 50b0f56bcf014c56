"""The graph before and after, as `report.json` lists it."""

import numpy as np

from ovprep.report.graph import ListedOp, graph_change
from tests.graphs import GraphBuilder


def written() -> GraphBuilder:
    """x [N, W, C] -> Transpose -> Conv -> Add with what went in -> Transpose -> y"""
    build = GraphBuilder()
    x = build.input("x", "batch", 16, 4)
    first = build.op("Transpose", x, perm=[0, 2, 1])
    conv = build.op("Conv", first, build.weights(4, 4, 1))
    both = build.op("Add", conv, first)
    build.output(build.op("Transpose", both, perm=[0, 2, 1]), "y")
    for node, name in zip(build.graph, ("turn", "conv", "add", "turn_back"), strict=True):
        node.name = name
    return build


def test_ops_with_their_edges_and_layouts() -> None:
    graph = written().graph
    listed = graph_change(graph, graph)
    assert listed.before == listed.after
    assert listed.before == (
        ListedOp("x", "input", "NWC", (), None),
        ListedOp("turn", "Transpose", "NCW", (0,), None),
        ListedOp("conv", "Conv", "NCW", (1,), None),
        ListedOp("add", "Add", "NCW", (2, 1), None),
        ListedOp("turn_back", "Transpose", "NWC", (3,), None),
        ListedOp("y", "output", "NWC", (4,), None),
    )


def test_what_only_one_side_has() -> None:
    before, after = written().graph, written().graph
    for node in after:
        if node.name == "add":
            node.name = "sum"
    listed = graph_change(before, after)
    assert {op.name: op.change for op in listed.before if op.change} == {"add": "removed"}
    assert {op.name: op.change for op in listed.after if op.change} == {"sum": "added"}


def test_an_op_of_another_type_under_the_same_name() -> None:
    before, after = written().graph, written().graph
    for node in after:
        if node.name == "add":
            node.op_type = "Mul"
    listed = graph_change(before, after)
    assert [op.name for op in listed.before if op.change] == ["add"]
    assert [(op.type, op.change) for op in listed.after if op.change] == [("Mul", "added")]


def test_layouts_that_nothing_tells_are_none() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 3, 4)
    build.output(build.op("Add", x, build.constant(np.ones(1, np.float32))), "y")
    assert [op.layout for op in graph_change(build.graph, build.graph).after] == [None, None, None]
