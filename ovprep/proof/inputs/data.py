"""The user's own data: what `--data` names, read into arrays.

.npy            an array in the layout of the original, or without its batch axis
.npz            the same for several inputs, by name; what is no input is left alone
.wav            PCM: [samples, channels], integers scaled to -1 .. 1, or as they are for an input of their own type
.csv            one row per sample, one column per channel, comma between them
a folder        all of these in it, by name
"""

import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ovprep.errors import OptionError
from ovprep.workers.arrays import Array

SUFFIXES = (".csv", ".npy", ".npz", ".wav")


@dataclass(frozen=True, eq=False)
class Series:
    """One array of a file. `by_time` says that it is [samples, channels], whatever the layout of the model."""

    array: Array
    by_time: bool = False
    rate: int | None = None


@dataclass(frozen=True, eq=False)
class Recording:
    """What the model is fed as one signal: its name in the report, the files, and a series for each input."""

    name: str
    files: tuple[Path, ...]
    series: Mapping[str, Series]


def read_data(given: Sequence[str], inputs: Sequence[str]) -> list[Recording]:
    """What each FILE, DIR, NAME=FILE or NAME=DIR holds for the inputs of these names.

    Those with a NAME belong together: the first file of each name is one signal, the second the next.

    Raises OptionError where a file cannot be read, is of no known format, or is for no input, or where an input has
    none.
    """
    whole: list[Path] = []
    named: dict[str, list[Path]] = {}
    for text in given:
        name, path = _split(text, inputs)
        (whole if name is None else named.setdefault(name, [])).extend(_files(path))
    recordings = [Recording(_name(file, whole), (file,), _series_by_input(file, inputs)) for file in whole]
    return [*recordings, *_joined(named, inputs)]


def from_arrays(given: Sequence[Mapping[str, Array]], inputs: Sequence[str]) -> list[Recording]:
    """Arrays by the names of inputs, as one signal each. Raises OptionError where an input has none."""
    found = []
    for index, arrays in enumerate(given):
        name = "data" if len(given) == 1 else f"data {index}"
        _require_all(name, arrays, inputs)
        found.append(Recording(name, (), {key: Series(np.asarray(arrays[key])) for key in inputs}))
    return found


def _split(text: str, inputs: Sequence[str]) -> tuple[str | None, Path]:
    """The name of an input, if there is one before the first "=", and the path."""
    if Path(text).exists() or "=" not in text:
        return None, Path(text)
    name, _, path = text.partition("=")
    if name not in inputs:
        raise OptionError(f"There is no input {name!r} for the data {text}; the original has {', '.join(inputs)}.")
    return name, Path(path)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise OptionError(f"There is no file {path} to take data from.")
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in SUFFIXES)
    if not found:
        raise OptionError(f"The folder {path} holds no data: no {', '.join(SUFFIXES)} file.")
    return found


def _joined(named: Mapping[str, Sequence[Path]], inputs: Sequence[str]) -> Iterator[Recording]:
    """One recording for each first, second … file of every name."""
    if not named:
        return
    counts = {name: len(files) for name, files in named.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count} for {name!r}" for name, count in counts.items())
        raise OptionError(f"Data for several inputs belongs together, but there are {listed} files; give as many.")
    everything = [file for files in named.values() for file in files]
    for files in zip(*named.values(), strict=True):
        series = {name: _only_series(name, file) for name, file in zip(named, files, strict=True)}
        title = " + ".join(_name(file, everything) for file in files)
        _require_all(title, series, inputs)
        yield Recording(title, files, series)


def _series_by_input(file: Path, inputs: Sequence[str]) -> dict[str, Series]:
    """What a file without a name holds: arrays by name in a .npz, else all that there is for a single input."""
    if file.suffix.lower() == ".npz":
        arrays = _read_npz(file)
        if len(inputs) == 1 and len(arrays) == 1:
            return {inputs[0]: Series(next(iter(arrays.values())))}
        _require_all(str(file), arrays, inputs)
        return {name: Series(arrays[name]) for name in inputs}
    if len(inputs) != 1:
        raise OptionError(
            f"{file} is for one of the inputs {', '.join(inputs)}: say which, as {inputs[0]}={file}, or give a .npz."
        )
    return {inputs[0]: read_file(file)}


def _only_series(name: str, file: Path) -> Series:
    if file.suffix.lower() != ".npz":
        return read_file(file)
    arrays = _read_npz(file)
    if name not in arrays and len(arrays) != 1:
        raise OptionError(f"{file} holds {', '.join(arrays)}, and none of them is {name!r}.")
    return Series(arrays[name] if name in arrays else next(iter(arrays.values())))


def _require_all(what: str, given: Mapping[str, object], inputs: Sequence[str]) -> None:
    missing = [name for name in inputs if name not in given]
    if missing:
        raise OptionError(
            f"{what} has nothing for the input {missing[0]!r}, only {', '.join(given) or 'nothing'}; "
            f"the original takes {', '.join(inputs)}."
        )


def read_file(file: Path) -> Series:
    """The array of a .npy, .wav or .csv file. Raises OptionError where it is none, or damaged."""
    readers = {".npy": _read_npy, ".wav": _read_wav, ".csv": _read_csv}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise OptionError(f"{file} is no data that ovprep reads: it takes {', '.join(SUFFIXES)} files.")
    return reader(file)


def _read_npy(file: Path) -> Series:
    try:
        return Series(np.load(file, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise OptionError(f"{file} cannot be read as a .npy array of numbers: {_first_line(error)}.") from error


def _read_npz(file: Path) -> dict[str, Array]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise OptionError(f"{file} cannot be read as a .npz of arrays of numbers: {_first_line(error)}.") from error


def _read_csv(file: Path) -> Series:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an empty file, which is told below
            return Series(np.loadtxt(file, np.float64, delimiter=",", ndmin=2), by_time=True)
    except (OSError, ValueError) as error:
        raise OptionError(
            f"{file} is not a table of numbers, one column per channel: {_first_line(error)}; keep the numbers alone."
        ) from error


def _read_wav(file: Path) -> Series:
    from scipy.io import wavfile  # type: ignore[import-untyped, unused-ignore]  # typed by another package

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Reached EOF", wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", "Chunk", wavfile.WavFileWarning)  # a title, a cue
            rate, samples = wavfile.read(file)
    except (OSError, ValueError, wavfile.WavFileWarning) as error:
        raise OptionError(f"{file} cannot be read as a .wav of PCM: {_first_line(error)}.") from error
    if samples.dtype.kind not in "iu":
        raise OptionError(f"{file} holds {samples.dtype} samples and not PCM; write it anew as 16-bit PCM.")
    return Series(samples.reshape(len(samples), -1), by_time=True, rate=int(rate))


def _name(file: Path, beside: Sequence[Path]) -> str:
    """The file's own name; the path where another has the same."""
    return file.name if sum(other.name == file.name for other in beside) == 1 else str(file)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
