"""Moving axes by letters, and the signals."""

import numpy as np
import pytest

from ovprep.interface import Interface, Port
from ovprep.proof.inputs.cases import STACKED, case_of, make_cases, other_lengths, parts_of
from ovprep.proof.inputs.signals import SIGNALS, first_of_batch, generate
from ovprep.workers.arrays import permutation, relayout
from tests.proof.networks import NCW, NWC


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("NCW", "NWC", (0, 2, 1)),
        ("NWC", "NCW", (0, 2, 1)),
        ("NCHW", "NHWC", (0, 2, 3, 1)),
        ("NC", "NC", (0, 1)),
        ("N??", "N??", (0, 1, 2)),
        ("?N?", "N??", (1, 0, 2)),
    ],
)
def test_letters_decide(source: str, target: str, expected: tuple[int, ...]) -> None:
    assert permutation(source, target) == expected


def test_square_arrays_are_moved_too() -> None:
    array = np.arange(9.0).reshape(1, 3, 3)
    np.testing.assert_array_equal(relayout(array, "NCW", "NWC"), array.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("low", "high", "shape"),
    [
        ("NWC", "NHWC", (2, 1, 3, 3)),
        ("NWC", "NCHW", (2, 3, 1, 3)),
        ("NCW", "NHWC", (2, 1, 3, 3)),
        ("NCW", "NCHW", (2, 3, 1, 3)),
    ],
)
def test_a_height_of_one_comes_and_goes(low: str, high: str, shape: tuple[int, ...]) -> None:
    array = np.arange(18.0).reshape(2, 3, 3)
    raised = relayout(array, low, high)
    assert raised.shape == shape
    np.testing.assert_array_equal(raised.squeeze(high.index("H")), relayout(array, low, high.replace("H", "")))
    np.testing.assert_array_equal(relayout(raised, high, low), array)


def test_a_height_of_two_does_not_go() -> None:
    with pytest.raises(ValueError, match="size not equal to one"):
        relayout(np.zeros((1, 2, 5, 3)), "NHWC", "NWC")


def test_other_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="NCW"):
        permutation("NCW", "NHC")
    with pytest.raises(ValueError, match="rank"):
        relayout(np.zeros((1, 2)), "NCW", "NWC")


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_signals_have_type_and_shape_and_repeat(name: str, dtype: str) -> None:
    ports = [Port("a", dtype, ("batch", "time", 2), "NWC"), Port("b", dtype, (5,), "?")]
    first, second = (generate(name, ports, {"batch": 2, "time": 7}, 3) for _ in range(2))
    assert [array.shape for array in first] == [(2, 7, 2), (5,)]
    assert {array.dtype.name for array in first} == {dtype}
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_noise_is_standard_and_differs_by_seed_and_port() -> None:
    ports = [Port("a", "float32", (1, 20_000), "NW")] * 2
    one, other = generate("noise", ports, {}, 0)
    again = generate("noise", ports, {}, 1)[0]
    assert abs(one.mean()) < 0.03
    assert abs(one.std() - 1) < 0.03
    assert not np.allclose(one, other)
    assert not np.allclose(one, again)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_noise_for_a_table_is_each_of_its_rows(dtype: str) -> None:
    (numbers,) = generate("noise", [Port("a", dtype, (1, 400), "NW", rows=5)], {}, 0)
    assert numbers.dtype.name == dtype
    assert set(numbers.ravel()) == {0, 1, 2, 3, 4}


def test_one_item_is_the_first_of_several() -> None:
    port = Port("a", "float32", (4, "batch", 2), "WNC")
    array = np.arange(4 * 3 * 2, dtype=np.float32).reshape(4, 3, 2)
    np.testing.assert_array_equal(first_of_batch([array], [port])[0], array[:, :1])


def test_open_batches_are_run_with_one_item_and_several() -> None:
    alone, together = make_cases(NCW, {}, 0)
    assert (alone.batch, together.batch, together.items) == (1, len(STACKED), STACKED)
    np.testing.assert_array_equal(alone.inputs[0], together.inputs[0][:1])
    assert {case.inputs[0].shape[1:] for case in make_cases(NWC, {}, 0)} == {(64, 3)}
    parts = parts_of(together, NCW.inputs)
    assert [part.signal for part in parts] == list(STACKED[1:])
    for part, item in zip(parts, together.inputs[0][1:], strict=True):
        np.testing.assert_array_equal(part.inputs[0], item[None])


def test_a_row_leads_to_its_case() -> None:
    alone, together = cases = make_cases(NCW, {}, 0)
    assert case_of(cases, "noise", 1) is alone
    assert case_of(cases, "chirp", len(STACKED)) is together
    assert case_of(cases, "chirp", 1) is None


def test_a_fixed_batch_is_fed_one_signal_after_the_other() -> None:
    fixed = Interface((Port("x", "float32", (2, 64, 3), "NWC"),), ())
    assert [(case.signal, case.batch) for case in make_cases(fixed, {}, 0)] == [(name, 2) for name in SIGNALS]


def test_a_second_length_is_odd_or_halves() -> None:
    ports = (Port("x", "float32", ("batch", "time", 3), "NWC"), Port("y", "float32", ("batch", "steps"), "NW"))
    odd, even = other_lengths(Interface(ports, ()), {"time": 256, "steps": 320, "batch": 1}, 0)
    assert [array.shape for array in odd.inputs] == [(1, 193, 3), (1, 241)]
    assert [array.shape for array in even.inputs] == [(1, 320, 3), (1, 384)]
    assert odd.described() == "noise, time 193, steps 241 at batch 1"
    assert other_lengths(NCW, {}, 0) == []
