"""Opens `.h5` and `.keras` files: which Keras wrote them, the model's configuration, the weights of each layer."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.legacy import major_of, modernize, name_models
from ovprep.frontends.keras.weights import WeightStore
from ovprep.frontends.keras.weights_archive import ArchiveWeights
from ovprep.frontends.keras.weights_hdf5 import Hdf5Weights, names_in
from ovprep.frontends.keras.weights_keras_1 import Keras1Weights

JsonObject = dict[str, Any]

_MAX_BYTES = 4 * 2**30
"""More than any 1D CNN has: what unpacks to more is damaged, or meant to fill the memory."""


@dataclass(frozen=True)
class KerasFile:
    """An open Keras file. `architecture` is the serialised model: its `class_name` and `config`."""

    format: str
    version: str
    architecture: JsonObject
    weights: WeightStore


@contextmanager
def open_keras(path: Path) -> Iterator[KerasFile]:
    """Opens a Keras file for the time of the `with` block.

    Raises ModelError where the file is damaged, is no Keras model, or holds weights without an architecture.
    """
    _require_readable(path)
    if zipfile.is_zipfile(path):
        with _open_archive(path) as file:
            yield file
    elif h5py.is_hdf5(path):
        with _open_hdf5(path) as file:
            yield file
    else:
        raise ModelError(_not_a_model(path))


def _require_readable(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"There is no file {path}.")
    try:
        path.open("rb").close()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error


def _not_a_model(path: Path) -> str:
    if path.stat().st_size == 0:
        return f"{path} is empty."
    kind = "zip archive" if path.suffix == ".keras" else "HDF5 file"
    return f"{path} is not a Keras file: it is no {kind}, or was cut off. Save the model again, or copy the file again."


@contextmanager
def _open_archive(path: Path) -> Iterator[KerasFile]:
    members = _members(path)
    architecture = _json_object(members["config.json"], path)
    metadata = _json_object(members.get("metadata.json", b"{}"), path)
    with _hdf5(io.BytesIO(members["model.weights.h5"]), path) as file:
        yield KerasFile("keras", str(metadata.get("keras_version", "3")), architecture, ArchiveWeights(file))


def _members(path: Path) -> dict[str, bytes]:
    """The files in the archive that make a model, read into memory; nothing is written anywhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            missing = sorted({"config.json", "model.weights.h5"} - set(archive.namelist()))
            if missing:
                raise ModelError(f"{path} is a zip archive but no Keras model: it has no {' and no '.join(missing)}.")
            names = {"config.json", "model.weights.h5", "metadata.json"} & set(archive.namelist())
            if sum(archive.getinfo(name).file_size for name in names) > _MAX_BYTES:
                raise UnsupportedError(f"{path} unpacks to more than {_MAX_BYTES // 2**30} GiB.")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}). Save the model again, or copy the file again.") from error


@contextmanager
def _open_hdf5(path: Path) -> Iterator[KerasFile]:
    with _hdf5(path, path) as file:
        attributes = _attributes(file, path)
        if "model_config" not in attributes:
            if "layer_names" in attributes or {"layers", "_layer_checkpoint_dependencies"} & set(file):
                raise ModelError(
                    f"{path} holds weights but no architecture. Save the whole model with model.save({path.name!r}), "
                    "not with save_weights."
                )
            raise ModelError(f"{path} is an HDF5 file but no Keras model: it has no model_config.")
        architecture = _json_object(attributes["model_config"], path)
        group = file.get("model_weights")
        if not isinstance(group, h5py.Group):
            raise ModelError(f"{path} has an architecture but no weights (no group model_weights).")
        own = _attributes(group, path)
        version = _text(attributes.get("keras_version", own.get("keras_version", "1")))
        architecture = name_models(architecture, names_in(group, "layer_names"))
        yield KerasFile("keras-h5", version, architecture, _hdf5_weights(group, own, architecture, version))


def _hdf5_weights(group: h5py.Group, attributes: JsonObject, architecture: JsonObject, version: str) -> Hdf5Weights:
    """The weights in a group for an architecture of that version; the group has the version of its own writer."""
    if _text(attributes.get("backend", "")) == "theano":
        raise UnsupportedError("The weights were written by Keras on Theano, which stores its kernels turned round.")
    by_keras_1 = major_of(_text(attributes.get("keras_version", version))) == 1
    return Hdf5Weights(group, Keras1Weights(modernize(architecture, version)) if by_keras_1 else None)


def _attributes(group: h5py.Group, path: Path) -> dict[str, Any]:
    try:
        return dict(group.attrs)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is damaged: its attributes cannot be read ({error}). Copy the file again.") from error


@contextmanager
def _hdf5(file: Path | io.BytesIO, path: Path) -> Iterator[h5py.File]:
    try:
        opened = h5py.File(file, "r")
    except OSError as error:
        raise ModelError(f"{path} is damaged: HDF5 cannot open its weights ({error}). Copy the file again.") from error
    with opened:
        _refuse_links(opened, path)
        yield opened


def _refuse_links(file: h5py.File, path: Path) -> None:
    """A link may lead to any file on the machine; Keras writes none."""

    def is_link(name: str, link: object) -> str | None:
        return name if isinstance(link, (h5py.ExternalLink, h5py.SoftLink)) else None

    try:
        found = file.visititems_links(is_link)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, SystemError) as error:  # SystemError: from h5py
        raise ModelError(f"{path} is damaged: its groups cannot be read ({error}). Copy the file again.") from error
    if found is not None:
        raise UnsupportedError(f"{path} has a link to another place in {found!r}, which ovprep does not follow.")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _json_object(data: Any, path: Path) -> JsonObject:
    try:
        parsed = json.loads(_text(data))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} holds a model configuration that is not JSON ({error}).") from error
    if not isinstance(parsed, dict):
        raise ModelError(f"{path} holds a model configuration that is not a JSON object.")
    return parsed
