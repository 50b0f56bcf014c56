"""BatchNormalization as a Mul and an Add."""

import numpy as np
import pytest

from ovprep.passes.batch_norm import decompose_batch_norm
from tests.graphs import FEW_ULP, GraphBuilder, check, difference, feeds_of, listing, run


@pytest.mark.parametrize("dims", [(2, 4), (2, 4, 4), (4, 4, 4), (2, 4, 3, 5)])
@pytest.mark.parametrize("epsilon", [None, 0.1])
def test_every_rank(dims: tuple[int, ...], epsilon: float | None) -> None:
    build = GraphBuilder()
    numbers = [build.constant(build.rng.normal(size=4).astype(np.float32)) for _ in range(3)]
    x = build.op("BatchNormalization", build.input("x", *dims), *numbers, build.weights(4), epsilon=epsilon)
    build.output(x, "y")
    feeds = feeds_of(build.model, signed=True)
    wanted = run(build.model, feeds)
    change = decompose_batch_norm(build.model)
    check(build.model)
    assert difference(run(build.model, feeds)[0], wanted[0]) <= FEW_ULP
    assert change is not None
    assert change.summary == "wrote 1 BatchNormalization as a Mul and an Add"
    shape = list(dims)
    assert listing(build.model).splitlines() == [
        f"BatchNormalization/Mul: Mul({shape}) -> {shape}",
        f"BatchNormalization/Add: Add({shape}) -> {shape}",
    ]


def test_computed_statistics_stay() -> None:
    build = GraphBuilder()
    numbers = [build.weights(4) for _ in range(3)]
    build.output(build.op("BatchNormalization", build.input("x", 2, 4), *numbers, build.input("v", 4)), "y")
    assert decompose_batch_norm(build.model) is None


def test_training_stays() -> None:
    build = GraphBuilder()
    numbers = [build.weights(4) for _ in range(4)]
    y, *_ = build.ops("BatchNormalization", build.input("x", 2, 4), *numbers, outputs=3, training_mode=1)
    build.output(y, "y")
    assert decompose_batch_norm(build.model) is None
