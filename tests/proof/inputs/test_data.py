"""The user's own data: files into recordings, recordings into cases."""

import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from ovprep.errors import OptionError
from ovprep.interface import Interface, Port
from ovprep.proof.inputs.cases import Case
from ovprep.proof.inputs.data import read_data
from ovprep.proof.inputs.demand import Demand, checked_rate, demand_of
from ovprep.proof.inputs.windows import LONGEST, WINDOWS

RATE = 8000


def interface(*inputs: Port) -> Interface:
    return Interface(inputs, (Port("y", "float32", ("batch", 4), "NC"),))


def waveform(length: int | str = 100, channels: int = 1, layout: str = "NWC", dtype: str = "float32") -> Interface:
    dims = {"N": "batch", "W": length, "C": channels}
    return interface(Port("x", dtype, tuple(dims[letter] for letter in layout), layout))


def demand(data: Sequence[object], source: Interface, rate: int | None = RATE) -> Demand:
    return demand_of([str(one) if isinstance(one, Path) else one for one in data], source, rate, None)  # type: ignore[misc]


def only(found: Demand) -> Case:
    assert len(found.cases) == 1
    return found.cases[0]


def write_wav(path: Path, samples: NDArray[np.generic], rate: int = RATE) -> Path:
    wavfile.write(path, rate, samples)
    return path


def save(path: Path, array: object) -> Path:
    np.save(path, np.asarray(array))
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_pcm_is_scaled_as_its_width_says(tmp_path: Path) -> None:
    """16 bits, 8 bits around 128, and 24 bits, which the file holds in three bytes."""
    ramp = np.linspace(-1, 127 / 128, 100)
    write_wav(tmp_path / "16.wav", np.round(ramp * 2**15).astype(np.int16))
    write_wav(tmp_path / "8.wav", np.round(ramp * 128 + 128).astype(np.uint8))
    with wave.open(str(tmp_path / "24.wav"), "wb") as file:
        file.setparams((1, 3, RATE, 0, "NONE", ""))
        file.writeframes(b"".join(int(value * 2**23).to_bytes(3, "little", signed=True) for value in ramp))
    for name, step in (("16.wav", 2**-15), ("8.wav", 2**-7), ("24.wav", 2**-23)):
        case = only(demand([tmp_path / name], waveform()))
        assert (case.signal, case.batch, case.inputs[0].dtype) == (name, 1, np.float32)
        np.testing.assert_allclose(case.inputs[0][0, :, 0], ramp, atol=step)


def test_an_input_of_pcm_gets_it_as_it_is(tmp_path: Path) -> None:
    samples = np.arange(-50, 50, dtype=np.int16)
    found = demand([write_wav(tmp_path / "a.wav", samples)], waveform(dtype="int16"))
    np.testing.assert_array_equal(only(found).inputs[0][0, :, 0], samples)


@pytest.mark.parametrize("layout", ["NWC", "NCW"])
def test_channels_of_a_recording_are_those_of_the_model(tmp_path: Path, layout: str) -> None:
    samples = np.arange(200, dtype=np.int16).reshape(100, 2)
    array = only(demand([write_wav(tmp_path / "a.wav", samples)], waveform(channels=2, layout=layout))).inputs[0]
    assert array.shape == ((1, 100, 2) if layout == "NWC" else (1, 2, 100))
    np.testing.assert_array_equal((array if layout == "NWC" else array.transpose(0, 2, 1))[0] * 2**15, samples)


def test_a_column_of_a_table_is_a_channel(tmp_path: Path) -> None:
    rows = np.arange(300.0).reshape(100, 3)
    np.savetxt(tmp_path / "a.csv", rows, delimiter=",")
    array = only(demand([tmp_path / "a.csv"], waveform(channels=3, layout="NCW"))).inputs[0]
    np.testing.assert_array_equal(array[0].T, rows)


def test_a_row_of_a_table_is_an_item_of_a_model_without_time(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "a.csv", np.arange(20.0).reshape(5, 4), delimiter=",")
    case = only(demand([tmp_path / "a.csv"], interface(Port("x", "float32", ("batch", 4), "NC"))))
    np.testing.assert_array_equal(case.inputs[0], np.arange(20.0).reshape(5, 4))
    assert case.batch == 5


def test_samples_without_a_channel_axis(tmp_path: Path) -> None:
    """[batch, samples], whatever the letter of the second axis."""
    samples = np.arange(100, dtype=np.int16)
    case = only(demand([write_wav(tmp_path / "a.wav", samples)], interface(Port("x", "float32", ("batch", 100), "NC"))))
    np.testing.assert_array_equal(case.inputs[0][0] * 2**15, samples)


@pytest.mark.parametrize("shape", [(2, 100, 3), (100, 3)])
def test_an_array_with_or_without_a_batch(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    case = only(demand([save(tmp_path / "a.npy", array)], waveform(channels=3)))
    np.testing.assert_array_equal(case.inputs[0], array.reshape(-1, 100, 3))
    assert case.batch == len(case.inputs[0])


def test_a_flat_array_is_a_mono_recording(tmp_path: Path) -> None:
    case = only(demand([save(tmp_path / "a.npy", np.arange(100.0))], waveform()))
    np.testing.assert_array_equal(case.inputs[0], np.arange(100.0)[None, :, None])


def test_a_batch_that_is_not_the_first_axis(tmp_path: Path) -> None:
    array = np.arange(30.0).reshape(5, 2, 3)  # [time, batch, channels]
    case = only(demand([save(tmp_path / "a.npy", array)], interface(Port("x", "float32", (5, "batch", 3), "WNC"))))
    np.testing.assert_array_equal(case.inputs[0], array)
    assert case.batch == 2


def test_a_long_recording_is_cut_and_said_to_be(tmp_path: Path) -> None:
    found = demand([save(tmp_path / "a.npy", np.arange(250.0))], waveform())
    np.testing.assert_array_equal(only(found).inputs[0][:, :, 0], np.arange(200.0).reshape(2, 100))
    assert found.notes == ("a.npy: 250 samples were cut to 2 windows of 100; the last 50 were left out.",)


def test_a_short_recording_gets_zeros_and_is_said_to(tmp_path: Path) -> None:
    found = demand([save(tmp_path / "a.npy", np.ones(60))], waveform(layout="NCW"))
    np.testing.assert_array_equal(only(found).inputs[0][0, 0], [1.0] * 60 + [0.0] * 40)
    assert found.notes == ("a.npy has 60 samples; zeros were added to make 100.",)


def test_an_open_length_takes_the_recording_whole(tmp_path: Path) -> None:
    found = demand([save(tmp_path / "a.npy", np.ones(12_345))], waveform("time"))
    assert only(found).inputs[0].shape == (1, 12_345, 1)
    assert found.notes == ()
    longer = demand([save(tmp_path / "b.npy", np.ones(2 * LONGEST))], waveform("time"))
    assert only(longer).inputs[0].shape == (2, LONGEST, 1)


def test_of_very_many_windows_some_are_taken_from_all_over(tmp_path: Path) -> None:
    found = demand([save(tmp_path / "a.npy", np.arange(10_000.0))], waveform())
    firsts = only(found).inputs[0][:, 0, 0]
    assert len(firsts) == WINDOWS
    assert (firsts[0], firsts[-1]) == (0.0, 9_900.0)
    assert np.diff(firsts).min() > 1_000
    assert f"{WINDOWS} of 100 windows were compared" in found.notes[1]


@pytest.mark.parametrize("batch", [1, 2])
def test_a_fixed_batch_takes_several_runs(tmp_path: Path, batch: int) -> None:
    source = interface(Port("x", "float32", (batch, 100, 1), "NWC"))
    cases = demand([save(tmp_path / "a.npy", np.arange(300.0))], source).cases
    assert [case.batch for case in cases] == [batch] * (3 if batch == 1 else 2)
    assert cases[0].signal == ("a.npy (1 of 3)" if batch == 1 else "a.npy (1 of 2)")
    assert len({case.described() for case in cases}) == len(cases)
    given = np.concatenate([case.inputs[0] for case in cases])[:, 0, 0]
    assert list(given) == ([0, 100, 200] if batch == 1 else [0, 100, 200, 0]), "the first fills the last batch up"


def test_all_files_of_a_folder_by_name(tmp_path: Path) -> None:
    save(tmp_path / "b.npy", np.ones(100))
    write_wav(tmp_path / "a.wav", np.ones(100, np.int16))
    text(tmp_path / "labels.txt", "nothing to feed")
    found = demand([tmp_path], waveform())
    assert [case.signal for case in found.cases] == ["a.wav", "b.npy"]
    assert found.files == (tmp_path / "a.wav", tmp_path / "b.npy")


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "a.npy", np.ones(100))
    found = demand([tmp_path / "one", tmp_path / "two"], waveform())
    assert len({case.described() for case in found.cases}) == 2


def test_files_of_one_name_are_told_apart_for_several_inputs_too(tmp_path: Path) -> None:
    given = []
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        given.append(f"a={save(tmp_path / name / 'a.npy', np.full((1, 3), number))}")
        given.append(f"b={save(tmp_path / 'b.npy', np.ones((1, 2)))}")
    assert len({case.described() for case in demand(given, TWO).cases}) == 2


TWO = interface(Port("a", "float32", ("batch", 3), "NC"), Port("b", "float32", ("batch", 2), "NC"))


def test_several_inputs_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", b=np.full((4, 2), 2.0), a=np.full((4, 3), 1.0), labels=np.zeros(4))
    save(tmp_path / "a.npy", np.full((1, 3), 1.0))
    save(tmp_path / "b.npy", np.full((1, 2), 2.0))
    named = [f"b={tmp_path / 'b.npy'}", f"a={tmp_path / 'a.npy'}"]
    for found, batch, name in (
        (demand([tmp_path / "both.npz"], TWO), 4, "both.npz"),
        (demand(named, TWO), 1, "b.npy + a.npy"),
        (demand([{"a": np.full((1, 3), 1.0), "b": np.full((1, 2), 2.0)}], TWO), 1, "data"),
    ):
        case = only(found)
        assert (case.batch, case.signal) == (batch, name)
        assert [(array.shape, array.flat[0]) for array in case.inputs] == [((batch, 3), 1.0), ((batch, 2), 2.0)]


def test_a_table_of_rows_bounds_what_points_into_it() -> None:
    tokens = interface(Port("x", "int64", ("batch", 5), "N?", rows=10))
    assert only(demand([{"x": np.arange(5)}], tokens)).inputs[0].dtype == np.int64
    with pytest.raises(OptionError, match=r"from 6 to 10, where .* a table of 10 rows"):
        demand([{"x": np.arange(6, 11)}], tokens)


def test_the_rate_is_held_against_the_models(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.ones(100, np.int16), 44_100)
    with pytest.raises(OptionError, match="has 44100 samples per second, where the model takes 8000"):
        demand([path], waveform())
    assert "nothing tells what the model takes" in demand([path], waveform(), None).notes[0]
    assert checked_rate(None, 16_000) == 16_000
    assert checked_rate(8_000, 16_000) == 8_000


def float_wav(folder: Path) -> Path:
    return write_wav(folder / "float.wav", np.ones(100, np.float32))


def mulaw_wav(folder: Path) -> Path:
    path = write_wav(folder / "mulaw.wav", np.ones(100, np.uint8))
    data = bytearray(path.read_bytes())
    data[20] = 7  # the format tag
    path.write_bytes(data)
    return path


def cut_wav(folder: Path) -> Path:
    path = write_wav(folder / "cut.wav", np.ones(100, np.int16))
    path.write_bytes(path.read_bytes()[:80])
    return path


def with_nan(folder: Path) -> Path:
    return save(folder / "nan.npy", np.where(np.arange(100) == 7, np.nan, 0.0))


MONO = waveform()
BAD: dict[str, tuple[Callable[[Path], object], Interface, str]] = {
    "missing": (lambda folder: folder / "none.wav", MONO, "There is no file"),
    "unknown": (lambda folder: text(folder / "a.mp3", "no"), MONO, "is no data that ovprep reads"),
    "an empty folder": (lambda folder: folder, MONO, "holds no data"),
    "float wav": (float_wav, MONO, "float32 samples and not PCM"),
    "mu-law wav": (mulaw_wav, MONO, r"cannot be read as a \.wav of PCM"),
    "cut wav": (cut_wav, MONO, r"cannot be read as a \.wav of PCM"),
    "text named wav": (lambda folder: text(folder / "a.wav", "no sound" * 9), MONO, r"cannot be read as a \.wav"),
    "stereo": (lambda f: write_wav(f / "a.wav", np.ones((100, 2), np.int16)), MONO, "has 2 channels, where .* takes 1"),
    "csv with a head": (lambda f: text(f / "a.csv", "left\n1\n2\n"), MONO, "not a table of numbers.*'left'"),
    "csv with holes": (lambda f: text(f / "a.csv", "1,2\n3\n"), MONO, "not a table of numbers"),
    "csv with too many columns": (lambda f: text(f / "a.csv", "1,2\n3,4\n"), MONO, "2 channels"),
    "empty csv": (lambda folder: text(folder / "a.csv", ""), MONO, "holds no data"),
    "an empty array": (lambda f: save(f / "a.npy", np.ones((0, 100, 1))), MONO, "holds no data for the input 'x'"),
    "text named npy": (lambda folder: text(folder / "a.npy", "no array"), MONO, r"cannot be read as a \.npy"),
    "text named npz": (lambda folder: text(folder / "a.npz", "no array"), MONO, r"cannot be read as a \.npz"),
    "objects": (lambda f: save(f / "a.npy", np.array([{}], object)), MONO, r"cannot be read as a \.npy"),
    "words": (lambda f: save(f / "a.npy", np.array(["a"])), MONO, "holds <U1 values"),
    "complex": (lambda f: save(f / "a.npy", np.ones(100, complex)), MONO, "holds complex128 values"),
    "NaN": (with_nan, MONO, "holds NaN or infinity"),
    "infinity": (lambda f: save(f / "a.npy", np.full(100, 1e300)), MONO, "holds NaN or infinity"),
    "fractions": (lambda f: save(f / "a.npy", np.full(100, 0.5)), waveform(dtype="int16"), "cannot have"),
    "too large": (lambda f: save(f / "a.npy", np.full(100, 70_000)), waveform(dtype="int16"), "cannot have"),
    "rank": (lambda f: save(f / "a.npy", np.ones((1, 1, 100, 1))), MONO, r"rank 4, \[1, 1, 100, 1\]"),
    "channels": (lambda f: save(f / "a.npy", np.ones((1, 100, 2))), MONO, r"the shape \[100, 2\]"),
    "the other layout": (lambda f: save(f / "a.npy", np.ones((1, 1, 100))), MONO, r"the shape \[1, 100\]"),
    "no name": (lambda f: save(f / "a.npy", np.ones((1, 3))), TWO, "say which, as a="),
    "an unknown name": (lambda f: f"z={save(f / 'a.npy', np.ones((1, 3)))}", TWO, "There is no input 'z'"),
    "one input alone": (lambda f: f"a={save(f / 'a.npy', np.ones((1, 3)))}", TWO, "nothing for the input 'b'"),
    "no time": (
        lambda f: text(f / "a.csv", "1,2,3\n"), interface(Port("x", "float32", ("batch", 5, 3), "N??")),
        "Nothing tells which axis",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_data_gets_one_sentence(tmp_path: Path, kind: str) -> None:
    make, source, words = BAD[kind]
    with pytest.raises(OptionError, match=words) as caught:
        demand([make(tmp_path)], source)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_inputs_must_have_as_many_items() -> None:
    with pytest.raises(OptionError, match="2 for 'a', 3 for 'b'"):
        demand([{"a": np.ones((2, 3)), "b": np.ones((3, 2))}], TWO)


def test_files_for_several_inputs_must_be_as_many(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npy", np.ones((1, 3)))
    with pytest.raises(OptionError, match="2 for 'a', 1 for 'b'"):
        read_data([f"a={path}", f"a={path}", f"b={path}"], ["a", "b"])


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_says_nothing(tolerance: float) -> None:
    with pytest.raises(OptionError, match="says nothing"):
        Demand(tolerance=tolerance)
