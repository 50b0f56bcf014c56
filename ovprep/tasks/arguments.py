"""What the arguments of the public functions mean, where several of them take the same."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ovprep.errors import OptionError
from ovprep.options import InputValue, ReadOptions

Progress = Callable[[str], None]
"""Called with the name of each stage when it begins."""


def read_options(
    weights: str | os.PathLike[str] | None,
    allow_code: bool,
    plugins: Sequence[str],
    signature: str | None,
    values: Mapping[str, float] | None,
) -> ReadOptions:
    """How a model is read, from the arguments of a call."""
    fixed = tuple(InputValue(name, number) for name, number in (values or {}).items())
    return ReadOptions(None if weights is None else Path(weights), allow_code, tuple(plugins), signature, fixed)


def require_seed(seed: int) -> None:
    """Raises OptionError for a seed that random numbers cannot start from."""
    if seed < 0:
        raise OptionError(f"A seed of {seed} cannot be; give 0 or more.")


def checked_threads(threads: int | None) -> int:
    """The number of threads that is asked for, or all cores of the process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads is not None and threads < 1:
        raise OptionError(f"{threads} threads cannot compute anything; give 1 or more.")
    return threads or cores


@contextmanager
def as_file(model: Any) -> Iterator[Path]:
    """The path of a model; a live Keras model is saved to a temporary file first."""
    if isinstance(model, (str, os.PathLike)):
        yield Path(model)
        return
    if not any(base.__module__.startswith("keras.") for base in type(model).__mro__) or not hasattr(model, "save"):
        raise OptionError(f"A model is a path or a keras.Model, not a {type(model).__name__}.")
    with tempfile.TemporaryDirectory(prefix="ovprep.") as folder:
        path = Path(folder) / f"{model.name}.keras"
        model.save(path)
        yield path
