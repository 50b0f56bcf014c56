"""The signals: what each is there for, at the level and in the range that the model takes."""

import numpy as np
import pytest

from ovprep.interface import Level, Port
from ovprep.proof.inputs.signals import FULL_SCALE, SIGNALS, generate

PORT = Port("x", "float32", ("batch", 400, 3), "NWC")


def made(name: str, port: Port = PORT, **sizes: int) -> np.ndarray:
    (array,) = generate(name, [port], {"batch": 2, **sizes}, 0)
    return array


@pytest.mark.parametrize("name", [name for name in SIGNALS if name not in ("noise", "silence")])
def test_every_channel_has_a_signal_of_its_own(name: str) -> None:
    """One taken for another must show; items are alike."""
    array = made(name)
    np.testing.assert_array_equal(array[0], array[1])
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert not np.array_equal(array[0, :, one], array[0, :, other])


def test_time_is_the_axis_w_wherever_it_stands() -> None:
    for name in set(SIGNALS) - {"noise"}:
        turned = made(name, Port("x", "float32", ("batch", 3, 400), "NCW"))
        np.testing.assert_array_equal(turned.transpose(0, 2, 1), made(name))


def test_shapes_in_time() -> None:
    impulse, step, chirp, square, dc = (made(name)[0, :, 0] for name in ("impulse", "step", "chirp", "square", "DC"))
    assert np.count_nonzero(impulse) == 1
    assert impulse.max() == FULL_SCALE
    assert np.count_nonzero(np.diff(step)) == 1
    crossings = np.flatnonzero(np.diff(np.sign(chirp)))
    assert np.diff(crossings[:5]).min() > 4 * np.diff(crossings[-5:]).max()
    assert set(square) == {-FULL_SCALE, FULL_SCALE}
    assert np.ptp(dc) == 0
    assert dc[0] != 0


def test_signals_lie_at_the_level_of_the_model_but_silence_is_zero() -> None:
    port = Port("x", "float32", ("batch", 400, 3), "NWC", level=Level((5.0, 0.0, -100.0), (0.1, 2.0, 30.0), 2))
    noise = made("noise", port)
    np.testing.assert_allclose(noise.mean(axis=(0, 1)), [5, 0, -100], atol=4)
    np.testing.assert_allclose(noise.std(axis=(0, 1)), [0.1, 2, 30], rtol=0.1)
    np.testing.assert_allclose(made("square", port)[0, :, 1], 2 * made("square")[0, :, 1])
    assert not made("silence", port).any()


def test_numbers_stay_inside_their_table() -> None:
    for dtype in ("int32", "float32"):
        port = Port("x", dtype, ("batch", 400), "NW", rows=7)
        for name in SIGNALS:
            array = made(name, port)
            assert array.dtype == dtype
            assert set(np.unique(array)) <= set(range(7)), name
        assert {0, 6} <= set(np.unique(made("square", port)))


def test_bytes_use_their_whole_range_and_flags_are_zero_or_one() -> None:
    assert set(np.unique(made("square", Port("x", "int8", ("batch", 400), "NW")))) == {-128, 127}
    assert set(np.unique(made("square", Port("x", "uint8", ("batch", 400), "NW")))) == {0, 255}
    for dtype in ("int64", "bool"):
        assert set(np.unique(made("step", Port("x", dtype, ("batch", 400), "NW")))) == {0, 1}


def test_an_input_without_time_has_all_signals_too() -> None:
    for name in SIGNALS:
        assert made(name, Port("x", "float32", ("batch", 5), "NC")).shape == (2, 5)
        assert made(name, Port("x", "float32", (), "")).shape == ()
        assert made(name, Port("x", "float32", ("batch",), "N")).shape == (2,)
