"""Keras files: which names they may have, whose files are replaced, and saving with ovprep's mark."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py

from ovprep.errors import OutputError, UnsupportedError

if TYPE_CHECKING:
    import keras

_MARK = "ovprep"


def require_keras_place(path: Path) -> None:
    """Raises OutputError unless the path is that of a new file, or of a Keras file that ovprep wrote."""
    if path.exists() and not _is_ours(path):
        raise OutputError(f"{path} exists, and ovprep did not write it. Choose another place with --output.")


def save_keras(model: "keras.Model", path: Path, version: str) -> None:
    """Saves the model as its name says, with the version of ovprep that wrote it in a place that Keras leaves alone.

    Raises UnsupportedError where Keras cannot save it so.
    """
    try:
        model.save(path)
    except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        advice = " Write a .keras file instead." if path.suffix == ".h5" else ""
        raise UnsupportedError(f"Keras cannot save {model.name!r} as {path.name}: {reason}.{advice}") from error
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = f"{_MARK} {version}".encode()
    else:
        with h5py.File(path, "a") as file:
            file.attrs[_MARK] = version


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.comment.startswith(_MARK.encode())
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            return _MARK in file.attrs
    return False
