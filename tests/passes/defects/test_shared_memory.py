"""Values that are both an output in another shape and, transposed, what a convolution reads."""

import itertools
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.defects.shared_memory import part_shared_memory
from tests.graphs import GraphBuilder, feeds_of
from tests.passes.defects.support import are_right
from tests.passes.support import applied, ops_of


def tapped(rank: int, batch: int | str, reshaping: str = "Flatten", between: str | None = None) -> ir.Model:
    """An output that a convolution reads too, channels last."""
    build = GraphBuilder()
    ones = [1] * (rank - 3)
    x = build.op("Mul", build.input("x", batch, *ones, 6, 5), build.weights(5))
    if reshaping == "Squeeze":
        tap = build.op("Squeeze", x, build.ints(1))
    elif reshaping == "Unsqueeze":
        tap = build.op("Unsqueeze", x, build.ints(1))
    else:
        tap = build.op("Flatten", x)
    if reshaping == "Concat":
        tap = build.op("Concat", tap, tap, axis=1)
    build.output(tap, "tap")
    turned = build.op("Transpose", x, perm=(0, rank - 1, *range(1, rank - 1)))
    turned = build.op(between, turned) if between else turned
    build.output(build.op("Conv", turned, build.weights(4, 5, *ones, 3)), "y")
    return build.model


def test_the_rewrite_is_right(tmp_path: Path) -> None:
    models, feeds = {}, {}
    forms = [(3, "Flatten"), (3, "Unsqueeze"), (3, "Concat"), (4, "Squeeze"), (4, "Flatten")]
    for (rank, reshaping), batch in itertools.product(forms, (1, 2, 3)):
        model, name = tapped(rank, batch, reshaping), f"{rank}-{reshaping}-{batch}"
        feeds[name] = feeds_of(model, signed=True)
        change = applied(part_shared_memory, model)
        assert change is not None
        assert change.details == ("Transpose",)
        assert change.summary == "gave 1 Transpose a copy of a value that OpenVINO's CPU plugin would overwrite"
        models[name] = model
    assert all(are_right(models, feeds, tmp_path).values())


@pytest.mark.parametrize("rank", [3, 4])
def test_the_plugin_gets_it_wrong(rank: int, tmp_path: Path) -> None:
    """At any batch; which one is right by luck depends on what lay in memory."""
    models = {str(batch): tapped(rank, batch, "Squeeze" if rank == 4 else "Flatten") for batch in (1, 2, 3)}
    feeds = {name: feeds_of(model, signed=True) for name, model in models.items()}
    assert not all(are_right(models, feeds, tmp_path).values())


def test_many_ways_to_the_output() -> None:
    """Each Concat doubles them; who walks all of them does not come back."""
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 1, 6, 5))
    joined = x
    for _ in range(40):
        joined = build.op("Concat", joined, joined, axis=2)
    build.output(build.op("Relu", joined), "tap")
    build.output(build.op("Conv", build.op("Transpose", x, perm=(0, 2, 1)), build.weights(4, 5, 3)), "y")
    assert part_shared_memory(build.model) is None
    build.output(joined, "joined")
    assert part_shared_memory(build.model) is not None


def test_drawing() -> None:
    model = tapped(3, 2)
    part_shared_memory(model)
    assert ops_of(model) == ["Mul", "Flatten", "PRelu", "Transpose", "Conv"]
    slope = next(node for node in model.graph if node.op_type == "PRelu").inputs[1]
    assert slope is not None
    assert slope.const_value is not None
    assert np.array_equal(slope.const_value.numpy(), [1.0])


def test_what_is_right_stays(tmp_path: Path) -> None:
    build = GraphBuilder()
    x = build.op("Mul", build.input("x", 2, 6, 5), build.weights(5))
    build.output(x, "tap")  # in its own shape
    build.output(build.op("MatMul", build.op("Flatten", x), build.weights(30, 2)), "scores")
    turned = build.op("Transpose", x, perm=(0, 2, 1))
    build.output(build.op("Conv", turned, build.weights(4, 5, 3)), "y")
    read = GraphBuilder()
    x = read.input("x", 2, 6, 5)
    read.output(read.op("Flatten", x), "tap")
    turned = read.op("Transpose", x, perm=(0, 2, 1))
    read.output(read.op("Conv", turned, read.weights(4, 5, 3)), "y")
    models = {"other shape": build.model, "input": read.model, "between": tapped(3, 2, between="Relu")}
    assert all(part_shared_memory(model) is None for model in models.values())
    feeds = {name: feeds_of(model, signed=True) for name, model in models.items()}
    assert all(are_right(models, feeds, tmp_path).values())
