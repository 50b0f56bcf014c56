"""The layout pass, and Transposes that move nothing."""

import numpy as np
import pytest

from ovprep.passes.layout import lay_out, reshape_trivial_transposes
from tests.graphs import GraphBuilder, check, difference, feeds_of, listing, run
from tests.passes.support import applied, ops_of

SWAP = (0, 2, 1)


def test_what_it_did_is_one_line() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.op("Transpose", build.input("x", 2, 4, 4), perm=SWAP))
    build.output(build.op("Transpose", x, perm=SWAP), "y")
    change, result = lay_out(build.model)
    assert change is not None
    assert (change.summary, change.details) == ("placed layouts: 2 Transposes became 0", ("Relu",))
    assert result.bytes_before == 2 * 2 * 4 * 4 * 4


def test_nothing_to_do_says_nothing() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", 2, 4, 4)), "y")
    assert lay_out(build.model)[0] is None


@pytest.mark.parametrize("dims", [("batch", 8, 1), ("batch", 1, 8), (2, "time", 1), ("batch", "time", 1), (2, 1, 1)])
def test_transpose_of_one_channel(dims: tuple[int | str, int | str, int]) -> None:
    build = GraphBuilder()
    x = build.input("x", *dims)
    build.output(build.op("Transpose", build.op("Relu", x), perm=SWAP), "y")
    build.output(build.op("Sigmoid", build.graph[1].outputs[0]), "z")
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    change = reshape_trivial_transposes(build.model)
    check(build.model)
    assert [difference(found, expected) for found, expected in zip(run(build.model, feeds), wanted, strict=True)] == [
        0,
        0,
    ]
    assert change is not None
    assert change.summary == "wrote 1 Transpose of one channel as a Reshape"
    assert (build.graph[1].op_type, build.graph[1].name) == ("Reshape", "Transpose")


TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
ONE_CHANNEL = [
    (("batch", 1, 1, 8), TO_FIRST),
    ((2, 8, 1, 1), TO_LAST),
    (("batch", 4, 4, 1), TO_FIRST),
    ((2, 1, "time", 4), TO_LAST),
]


@pytest.mark.parametrize(("dims", "perm"), ONE_CHANNEL)
def test_transpose_of_an_image_of_one_channel_or_one_pixel(dims: tuple[int | str, ...], perm: tuple[int, ...]) -> None:
    build = GraphBuilder()
    build.output(build.op("Transpose", build.op("Relu", build.input("x", *dims)), perm=perm), "y")
    assert applied(reshape_trivial_transposes, build.model) is not None
    assert ops_of(build.model) == ["Relu", "Reshape"]


@pytest.mark.parametrize(
    ("dims", "perm"), [((2, 1, 4, 4), TO_FIRST), ((2, 4, 1, 4), TO_LAST), ((2, 1, "height", "width"), TO_LAST)]
)
def test_other_transposes_of_images_stay(dims: tuple[int | str, ...], perm: tuple[int, ...]) -> None:
    """Of two open sizes, a Reshape could not tell which is which."""
    build = GraphBuilder()
    build.output(build.op("Transpose", build.input("x", *dims), perm=perm), "y")
    assert reshape_trivial_transposes(build.model) is None


def test_other_transposes_stay() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 2, 4), perm=SWAP)
    build.output(build.op("Transpose", x, perm=(1, 0, 2)), "y")
    build.output(build.op("Transpose", build.input("open", "batch", "time", "time"), perm=SWAP), "z")
    assert reshape_trivial_transposes(build.model) is None


def test_two_changes_are_counted() -> None:
    build = GraphBuilder()
    for index in range(2):
        build.output(build.op("Transpose", build.input(f"x{index}", 2, 4, 1), perm=SWAP), f"y{index}")
    change = reshape_trivial_transposes(build.model)
    assert change is not None
    assert change.summary == "wrote 2 Transposes of one channel as a Reshape"
    assert listing(build.model).splitlines()[0] == "Transpose: Reshape([2, 4, 1]) -> [2, 1, 4]"
    np.testing.assert_array_equal(build.graph[0].inputs[1].const_value.numpy(), [0, 1, 4])
