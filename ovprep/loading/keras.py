"""Loads a Keras file with the Keras that wrote it, or the nearest to it that is installed.

Keras 3 refuses some files of Keras 1 and 2, and computes others differently: its `hard_sigmoid` has another slope.
`tf_keras`, which is Keras 2 still maintained, is the honest reference for these.
"""

import json
import logging
import os
import re
import sys
import time
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from ovprep.errors import MissingDependencyError
from ovprep.frontends.keras.harmless import harmful_call
from ovprep.options import ReadOptions

_REASON_LENGTH = 120

_SAFE_MODULES = re.compile(
    r"builtins|(tf_)?keras(\.(src\.)?(activations|constraints|engine|initializers|layers|models|regularizers)(\..*)?)?"
)
"""Where Keras' own layers and functions live; naming any other module would import it."""


@dataclass(frozen=True)
class Original:
    """A live model, the framework that loaded it, and when that began and ended (`time.perf_counter`)."""

    model: Any
    version: str
    begin: float
    end: float


class CannotLoad(Exception):
    """No Keras that is installed loads the file as it is meant; the message says why for each of them."""


def load_original(path: Path, reading: ReadOptions) -> Original:
    """Loads a whole model, or an architecture (`.json`) with its weights beside it.

    A file of Keras 1 or 2 goes to tf_keras, and to Keras 3 where that does not load it; any other to Keras 3 alone.
    Raises CannotLoad.
    """
    text, major = _architecture(path)
    reasons = []
    for load in (_load_with_tf_keras, _load_with_keras_3) if major < 3 else (_load_with_keras_3,):
        try:
            return load(path, reading, text, major)
        except CannotLoad as error:  # the other is asked
            reasons.append(str(error))
    raise CannotLoad("; ".join(reasons))


def load_with_keras_3(path: Path, reading: ReadOptions) -> Original:
    """Loads as `load_original` does, with Keras 3 alone. Raises CannotLoad."""
    text, major = _architecture(path)
    return _load_with_keras_3(path, reading, text, major)


@contextmanager
def quiet_keras() -> Iterator[None]:
    """Imports Keras 3, and keeps what it and TensorFlow tell besides off stderr.

    Raises MissingDependencyError where there is no Keras 3.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # has to be there before the import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _shut_stderr():
                import keras
        except ImportError as error:
            raise MissingDependencyError(
                f"Keras does not load ({error}), so no Keras file can be written; install keras and tensorflow."
            ) from error
        if not hasattr(keras, "ops"):
            raise MissingDependencyError(f"Keras {keras.__version__} writes no file for Keras 3; install Keras 3.")
        logger = logging.getLogger("absl")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


@contextmanager
def _shut_stderr() -> Iterator[None]:
    """TensorFlow's libraries greet on stderr while they are loaded, whatever their log level is."""
    if "tensorflow" in sys.modules or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _load_with_keras_3(path: Path, reading: ReadOptions, text: str, major: int) -> Original:
    import keras

    name = f"Keras {keras.__version__}"
    if major < 3 and '"hard_sigmoid"' in text:
        raise CannotLoad(f"{name} computes the hard_sigmoid of Keras 1 and 2 differently")
    _refuse_early_gru(name, text, major)
    return _load(keras, name, path, reading, text)


def _refuse_early_gru(name: str, text: str, major: int) -> None:
    if major < 3 and '"GRU"' in text and '"reset_after"' not in text:
        raise CannotLoad(f"{name} takes a GRU of Keras 1 or 2.0 for one with reset_after")


def _load_with_tf_keras(path: Path, reading: ReadOptions, text: str, major: int) -> Original:
    try:
        import tf_keras
    except ImportError as error:
        raise CannotLoad("tf_keras is not installed") from error

    name = f"tf_keras {tf_keras.__version__}"
    _refuse_early_gru(name, text, major)
    # Its own safe mode covers .keras files only, and lets a file import any module.
    if not reading.allow_code and (found := next(_code_in(json.loads(text)), None)):
        raise CannotLoad(f"{name} is not given the file, which would run code ({found})")
    return _load(tf_keras, name, path, reading, text)


def _load(framework: Any, name: str, path: Path, reading: ReadOptions, text: str) -> Original:
    """Loads with Keras or tf_keras, which have the same interface; `name` is what errors and reports call it."""
    import tensorflow

    begin = time.perf_counter()
    safe = not reading.allow_code
    try:
        if path.suffix.lower() == ".json":
            with framework.src.saving.serialization_lib.SafeModeScope(safe):
                model = framework.models.model_from_json(text)
        else:
            model = framework.models.load_model(path, compile=False, safe_mode=safe)
        if reading.weights is not None:
            model.load_weights(reading.weights)
    except Exception as error:
        raise CannotLoad(f"{name} cannot load the file: {_described(error)}") from error
    return Original(model, f"{name} on TensorFlow {tensorflow.__version__}", begin, time.perf_counter())


def _described(error: BaseException) -> str:
    """What went wrong, in one line; Keras puts the configuration of the layer, or of the model, around it."""
    text = str(error)
    if isinstance(error, CannotLoad):
        return text
    told = text.rpartition("Exception encountered:")[2] or text
    line = next((line.strip() for line in told.splitlines() if line.strip()), type(error).__name__)
    return line if len(line) <= _REASON_LENGTH else f"{line[:_REASON_LENGTH]}…"


def _code_in(config: Any) -> Iterator[str]:
    """What in a configuration would make tf_keras run code that is not its own, or import a module."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, Mapping):
            waiting += value.values()
            if value.get("class_name") in ("Lambda", "__lambda__", "__typespec__"):
                yield f"a {value['class_name']}"
            if harmful := harmful_call(value):
                yield harmful
            module = value.get("module")
            if isinstance(module, str) and "class_name" in value and not _SAFE_MODULES.fullmatch(module):
                yield f"from the module {module}"


def _architecture(path: Path) -> tuple[str, int]:
    """The configuration in a file, and the major version of the Keras that wrote it: 1 where it does not say."""
    if path.suffix.lower() == ".json":
        text = path.read_text("utf-8")
        stated = json.loads(text)
        # Keras 3 leaves its version out, and Keras 1 and 2 all that Keras 3 adds.
        version = stated.get("keras_version", "3" if "registered_name" in stated else "1")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            text = archive.read("config.json").decode()
            stated = json.loads(archive.read("metadata.json")) if "metadata.json" in archive.namelist() else {}
            version = str(stated.get("keras_version", "3"))
    else:
        with h5py.File(path) as file:
            text = _text(file.attrs["model_config"])
            version = _text(file.attrs.get("keras_version", file["model_weights"].attrs.get("keras_version", "1")))
    head = str(version).split(".")[0]
    return text, int(head) if head.isdecimal() else 3


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
