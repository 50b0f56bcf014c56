"""Which port and which axis of one model is which of another's."""

import numpy as np
import pytest

from ovprep.errors import OptionError
from ovprep.interface import Interface, Port
from ovprep.proof.match import Match, Stated, match
from ovprep.workers.arrays import relayout


def port(text: str, layout: str = "", dtype: str = "float32") -> Port:
    """`x[batch,64,3]` and its letters; "?" for all where none are given."""
    name, _, rest = text.partition("[")
    dims = tuple(int(dim) if dim.isdigit() else dim for dim in rest.rstrip("]").split(","))
    return Port(name, dtype, dims, layout or "?" * len(dims))


OUT = port("y[batch,4]", "NC")


def matched(
    original: Port | list[Port],
    candidate: Port | list[Port],
    outputs: tuple[list[Port], list[Port]] | None = None,
    **stated: object,
) -> Match:
    sides = [one if isinstance(one, list) else [one] for one in (original, candidate)]
    ends = outputs or ([OUT], [OUT])
    first, second = (Interface(tuple(side), tuple(end)) for side, end in zip(sides, ends, strict=True))
    return match(first, second, {}, {}, Stated(**stated))  # type: ignore[arg-type]


def turn_of(found: Match) -> tuple[int, ...]:
    """The axes of the candidate's first input, as places of the original's, by what happens to an array."""
    source, target = found.source.inputs[0], found.target.inputs[0]
    shape = tuple(range(2, 2 + len(source.dims)))
    moved = relayout(np.zeros(shape), source.layout, target.layout)
    return tuple(size - 2 for size in moved.shape)


def test_letters_decide_also_where_channels_equal_length() -> None:
    found = matched(port("x[batch,64,64]", "NCW"), port("x[batch,64,64]", "NWC"))
    assert turn_of(found) == (0, 2, 1)


def test_letters_of_images_are_no_swap() -> None:
    """A cycle of three axes, unlike a swap, is not its own inverse."""
    found = matched(port("x[batch,8,8,8]", "NCHW"), port("x[batch,8,8,8]", "NHWC"))
    assert turn_of(found) == (0, 2, 3, 1)
    assert found.target.inputs[0].layout == "NHWC"


def test_the_same_letters_leave_it_as_it_is() -> None:
    assert turn_of(matched(port("x[batch,64,3]", "NWC"), port("x[batch,64,3]", "NWC"))) == (0, 1, 2)


def test_time_first_is_another_order_by_its_letters() -> None:
    assert turn_of(matched(port("x[batch,50,3]", "NWC"), port("x[50,batch,3]", "WNC"))) == (1, 0, 2)


@pytest.mark.parametrize("candidate", ["x[batch,3,64]", "x[8,3,64]", "x[batch,3,length]"])
def test_shapes_decide_where_one_side_does_not_tell(candidate: str) -> None:
    original = port("x[batch,64,3]" if "length" not in candidate else "x[batch,time,3]", "NWC")
    found = matched(original, port(candidate))
    assert turn_of(found) == (0, 2, 1)
    assert found.target.inputs[0].layout == "NCW"


def test_letters_are_lent_to_the_original() -> None:
    found = matched(port("x[batch,3,64]"), port("x[batch,64,3]", "NWC"))
    assert found.source.inputs[0].layout == "NCW"
    assert turn_of(found) == (0, 2, 1)


def test_two_that_do_not_tell_are_turned_by_their_shapes_all_the_same() -> None:
    assert turn_of(matched(port("x[batch,3,64]"), port("x[batch,64,3]"))) == (0, 2, 1)
    assert turn_of(matched(port("x[batch,3,64,32]"), port("x[batch,64,32,3]"))) == (0, 2, 3, 1)


def test_equal_sizes_are_a_question() -> None:
    with pytest.raises(OptionError, match="say --layout x=nwc or ncw") as caught:
        matched(port("x[batch,64,64]", "NCW"), port("x[batch,64,64]"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("word", "turn"), [("nwc", (0, 2, 1)), ("ncw", (0, 1, 2)), ("keep", (0, 1, 2))])
def test_the_caller_answers_it(word: str, turn: tuple[int, ...]) -> None:
    original, candidate = port("x[batch,64,64]", "NCW"), port("x[batch,64,64]")
    assert turn_of(matched(original, candidate, layout=word)) == turn
    assert turn_of(matched(original, candidate, layouts={"x": word})) == turn


def test_a_size_of_one_is_no_question() -> None:
    assert turn_of(matched(port("x[1,1,1]", "NCW"), port("x[1,1,1]"))) == (0, 1, 2)


def test_a_height_of_one_comes_and_goes() -> None:
    low, high = port("x[batch,64,3]", "NWC"), port("x[batch,1,64,3]", "NHWC")
    x = np.arange(2 * 64 * 3).reshape(2, 64, 3)
    for first, second, given, wanted in ((low, high, x, x[:, None]), (high, low, x[:, None], x)):
        found = matched(first, second)
        turned = relayout(given, found.source.inputs[0].layout, found.target.inputs[0].layout)
        np.testing.assert_array_equal(turned, wanted)
    found = matched(port("x[batch,3,64]", "NCW"), port("x[batch,1,64,3]"))
    turned = relayout(x.transpose(0, 2, 1), found.source.inputs[0].layout, found.target.inputs[0].layout)
    np.testing.assert_array_equal(turned, x[:, None])


def test_sizes_that_the_candidate_fixes_are_those_of_the_signals() -> None:
    outputs = ([port("y[batch,time,8]", "NWC")], [port("y[1,100,8]", "NWC")])
    found = matched(port("x[batch,time,3]", "NWC"), port("x[1,3,100]"), outputs)
    assert found.source.inputs[0].dims == (1, 100, 3)
    assert found.source.outputs[0].dims == (1, 100, 8)
    assert found.source.open_dims() == ()


def test_one_open_axis_cannot_have_two_sizes() -> None:
    with pytest.raises(OptionError, match="has 100 for 'time' elsewhere"):
        matched(
            [port("a[batch,time,3]", "NWC"), port("b[batch,time,2]", "NWC")],
            [port("a[1,100,3]", "NWC"), port("b[1,90,2]", "NWC")],
        )


def test_names_go_before_order() -> None:
    a, b = port("a[batch,3]", "NC"), port("b[batch,3]", "NC")
    found = matched([a, b], [b, a], ([OUT, a], [a, OUT]))
    arrays = [np.full((1, 3), 1.0), np.full((1, 3), 2.0)]
    assert [array[0, 0] for array in found.wiring.feed(arrays)] == [2.0, 1.0]
    assert found.wiring.given(["a", "y", "inner"]) == ["y", "a", "inner"]  # type: ignore[list-item]
    assert found.wiring.places_of_outputs((1,)) == (0,)
    assert [one.name for one in found.target.inputs] == ["a", "b"]
    assert found.notes == ()


def test_three_inputs_come_in_the_candidates_order() -> None:
    """A swap of two is its own inverse, which a cycle of three is not."""
    a, b, c = (port(f"{name}[batch,3]", "NC") for name in "abc")
    found = matched([a, b, c], [c, a, b])
    assert found.wiring.places(["a", "b", "c"]) == ["c", "a", "b"]


def test_what_tensorflow_adds_to_a_name_is_no_other_name() -> None:
    a, b = port("a[batch,3]", "NC"), port("b[batch,3]", "NC")
    found = matched([a, b], [port("serving_default_b:0[batch,3]"), port("serving_default_a:0[batch,3]")])
    assert found.wiring.inputs == (1, 0)


def test_other_names_of_a_port_count() -> None:
    inputs = (port("a[batch,3]", "NC"), port("b[batch,3]", "NC"))
    others = (port("first[batch,3]", "NC"), port("second[batch,3]", "NC"))
    names = {"first": frozenset({"first", "b"}), "second": frozenset({"second", "a"})}
    found = match(Interface(inputs, (OUT,)), Interface(others, (OUT,)), {}, names, Stated())
    assert found.wiring.inputs == (1, 0)


def test_without_names_order_counts_and_is_told() -> None:
    found = matched(
        [port("a[batch,3]", "NC"), port("b[batch,3]", "NC")], [port("p[batch,3]", "NC"), port("q[batch,3]", "NC")]
    )
    assert found.wiring.inputs == (0, 1)
    assert found.notes == ("Names of inputs differ, so that they were matched by order: a is p, b is q.",)


def test_an_order_that_does_not_fit_gives_way_to_the_only_one_that_does() -> None:
    found = matched(
        [port("a[batch,3]", "NC"), port("b[batch,5]", "NC")], [port("p[batch,5]", "NC"), port("q[batch,3]", "NC")]
    )
    assert found.wiring.inputs == (1, 0)
    assert "matched by shape: a is q, b is p" in found.notes[0]


def test_floats_of_another_width_are_cast() -> None:
    found = matched(port("x[batch,3]", "NC"), port("x[batch,3]", "NC", "float16"))
    assert found.wiring.feed([np.ones((1, 3), np.float32)])[0].dtype == np.float16


X = port("x[batch,64,3]", "NWC")
BAD = {
    "an output too few": (lambda: matched(X, X, ([OUT, X], [OUT])), r"lacks an output .*: x \[batch, 64, 3\]"),
    "an output too many": (lambda: matched(X, X, ([OUT], [OUT, X])), "original lacks an output of the candidate: x"),
    "an input too few": (lambda: matched([X, OUT], X), "candidate lacks an input of the original: y"),
    "another size": (lambda: matched(X, port("x[batch,60,3]", "NWC")), "cannot be the same in both"),
    "another size in any layout": (lambda: matched(X, port("x[batch,60,3]")), "cannot be the same in both"),
    "another rank": (lambda: matched(X, port("x[batch,192]", "NC")), "cannot be the same in both"),
    "another type": (lambda: matched(X, port("x[batch,64,3]", "NWC", "int8")), "float32 in the original and int8"),
    "an unknown name": (lambda: matched(X, X, layouts={"z": "nwc"}), "There is no input or output 'z'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_compared_gets_one_sentence(kind: str) -> None:
    call, words = BAD[kind]
    with pytest.raises(OptionError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
