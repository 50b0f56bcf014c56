"""The rows of a drawing: every op or run of ops, in its lane, with its edges."""

from ovprep.report.html.drawing import ROW, draw_graph, drawings
from ovprep.report.html.runs import TOO_MANY, rows_of, side_of
from tests.report.html.reports import graph, op


def test_each_op_has_a_row_below_the_last() -> None:
    before, after = drawings(graph())
    assert [dot.row.name for dot in before.dots] == ["x", "t1", "conv1", "add", "t2", "y"]
    assert [dot.y for dot in before.dots] == [ROW * (number + 0.5) for number in range(6)]
    assert before.words == "4 ops, 2 Transposes, 1 removed"
    assert after.words == "3 ops, 1 Transpose"


def test_edges_go_from_what_makes_a_value_to_what_reads_it() -> None:
    before, after = drawings(graph())
    places = {dot.row.name: (dot.x, dot.y) for dot in after.dots}
    (x, top), (_, add) = places["t1"], places["add"]
    assert (f"M{x:g} {top:g}V{add:g}", "") in after.edges, "the shortcut is straight"
    assert len(after.edges) == 5
    reach = {dot.row.name: dot.right for dot in after.dots}
    assert reach["conv1"] == reach["add"] > reach["t1"] == reach["x"] == reach["y"], "beside the shortcut"
    assert [kind for _, kind in before.edges].count("removed") == 2, "to and from the Transpose that goes"


def test_sides() -> None:
    assert [side_of(layout) for layout in ("NWC", "NHWC", "NCW", "NCHW", "NC", "NW?", None)] == [
        *("last", "last", "first", "first", "none", "none", "none")
    ]


def long_chain(length: int) -> list[dict[str, object]]:
    ops = [op("x", "input", "NCW")]
    for number in range(1, length):
        kind = "Transpose" if number % 50 == 0 else "Relu" if number % 2 else "Conv"
        ops.append(op(f"op{number}", kind, "NCW", [number - 1]))
    return ops


def test_runs_of_large_graphs_are_one_row() -> None:
    ops = long_chain(TOO_MANY + 10)
    rows = rows_of(ops, shortened=True)
    assert [row.type for row in rows] == [
        "input",
        "49 ops",
        "Transpose",
        "49 ops",
        "Transpose",
        "49 ops",
        "Transpose",
        "9 ops",
    ]
    assert [row.inputs for row in rows] == [(), *((number,) for number in range(7))]
    assert rows[1].name == "Relu ×25, Conv ×24"
    assert rows[1].layout == "NCW"
    assert sum(row.count for row in rows) == len(ops)
    both = drawings({"before": ops, "after": graph()["after"]})
    assert len(both[0].dots) == 8
    assert len(drawings({"before": ops[:TOO_MANY], "after": ops[:TOO_MANY]})[0].dots) == TOO_MANY


def test_a_run_ends_where_the_fate_of_ops_differs() -> None:
    ops = [op(f"a{n}", "Mul", None, [n - 1] if n else [], "removed") for n in range(3)]
    ops += [op(f"b{n}", "Mul", None, [n + 2]) for n in range(3)]
    ops += [op(f"c{n}", "Mul", "NWC", [n + 5]) for n in range(2)]
    rows = rows_of(ops, shortened=True)
    assert [(row.type, row.change) for row in rows] == [
        *(("3 ops", "removed"), ("3 ops", None), ("Mul", None), ("Mul", None))
    ]


def test_many_lanes_stay_within_the_page() -> None:
    ops = [op(f"x{number}", "input", None) for number in range(80)]
    drawing = draw_graph("many", [*ops, op("all", "Concat", None, list(range(80)))])
    assert drawing.width < 200
    assert len(drawing.edges) == 80
