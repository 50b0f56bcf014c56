"""Opens Keras files: which Keras wrote them, the model's configuration, the weights of each layer."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.archive import read_members
from ovprep.frontends.keras.hdf5 import attributes_of, open_hdf5
from ovprep.frontends.keras.legacy import major_of, modernize, name_models
from ovprep.frontends.keras.weights import WeightStore, text_of
from ovprep.frontends.keras.weights_archive import ArchiveWeights
from ovprep.frontends.keras.weights_hdf5 import Hdf5Weights, names_in
from ovprep.frontends.keras.weights_keras_1 import Keras1Weights

JsonObject = dict[str, Any]

_MAX_TEXT = 2**25
"""Bytes of a configuration; that of a thousand layers has one million."""

_WEIGHTS = "model.weights.h5"
_CHECKPOINT = {"layers", "_layer_checkpoint_dependencies"}
"""The groups of a `.weights.h5`, the second as Keras 2.12 and 2.13 called it."""


@dataclass(frozen=True)
class KerasFile:
    """An open Keras file. `architecture` is the serialised model: its `class_name` and `config`."""

    format: str
    version: str
    architecture: JsonObject
    weights: WeightStore


@contextmanager
def open_keras(path: Path, weights: Path | None = None) -> Iterator[KerasFile]:
    """Opens a Keras file for the time of the `with` block; `weights` are those of an architecture (`.json`).

    Raises ModelError where a file is damaged, is no Keras model, or lacks its architecture or its weights.
    """
    _require_readable(path)
    if path.suffix.lower() == ".json":
        with _open_architecture(path, weights) as file:
            yield file
    elif weights is not None:
        raise ModelError(f"{path} has weights of its own; --weights is for an architecture alone (.json).")
    elif zipfile.is_zipfile(path):
        with _open_archive(path) as file:
            yield file
    elif h5py.is_hdf5(path):
        with _open_model(path) as file:
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
    members = read_members(path, ("config.json", _WEIGHTS), ("metadata.json",))
    architecture = _json_object(members["config.json"], path)
    metadata = _json_object(members.get("metadata.json", b"{}"), path)
    with open_hdf5(io.BytesIO(members[_WEIGHTS]), path) as file:
        yield KerasFile("keras", str(metadata.get("keras_version", "3")), architecture, ArchiveWeights(file))


@contextmanager
def _open_model(path: Path) -> Iterator[KerasFile]:
    with open_hdf5(path, path) as file:
        attributes = attributes_of(file, path)
        if "model_config" not in attributes:
            if "layer_names" in attributes or _CHECKPOINT & set(file):
                raise ModelError(
                    f"{path} holds weights but no architecture. Save the whole model with model.save({path.name!r}), "
                    "or convert the file that model.to_json() gives, with --weights for this one."
                )
            raise ModelError(f"{path} is an HDF5 file but no Keras model: it has no model_config.")
        architecture = _json_object(attributes["model_config"], path)
        group = file.get("model_weights")
        if not isinstance(group, h5py.Group):
            raise ModelError(f"{path} has an architecture but no weights (no group model_weights).")
        own = attributes_of(group, path)
        version = text_of(attributes.get("keras_version", own.get("keras_version", "1")))
        architecture = name_models(architecture, names_in(group, "layer_names"))
        yield KerasFile("keras-h5", version, architecture, _layer_weights(group, path, architecture, version))


@contextmanager
def _open_architecture(path: Path, weights: Path | None) -> Iterator[KerasFile]:
    """What `model.to_json()` gave, and the file of `model.save_weights()`."""
    if path.stat().st_size > _MAX_TEXT:
        raise UnsupportedError(f"{path} is too large for an architecture.")
    architecture = _json_object(path.read_bytes(), path)
    if not isinstance(architecture.get("class_name"), str):
        raise ModelError(f"{path} is no Keras architecture: it has no class_name. Write it with model.to_json().")
    if weights is None:
        raise ModelError(f"{path} holds an architecture without weights; name their file with --weights FILE.")
    # Keras 3 leaves its version out, and Keras 1 and 2 all that Keras 3 adds.
    version = str(architecture.get("keras_version", "3" if "registered_name" in architecture else "1"))
    with _open_weights(weights) as file:
        attributes = attributes_of(file, weights)
        group = file["model_weights"] if isinstance(file.get("model_weights"), h5py.Group) else file
        if _CHECKPOINT & set(file):
            yield KerasFile("keras-json", version, architecture, ArchiveWeights(file))
        elif group is not file or {"layer_names", "layer_names0"} & set(attributes):
            architecture = name_models(architecture, names_in(group, "layer_names"))
            yield KerasFile("keras-json", version, architecture, _layer_weights(group, weights, architecture, version))
        else:
            raise ModelError(f"{weights} holds no weights of Keras: it has neither layer_names nor layers.")


@contextmanager
def _open_weights(path: Path) -> Iterator[h5py.File]:
    _require_readable(path)
    if zipfile.is_zipfile(path):
        with open_hdf5(io.BytesIO(read_members(path, (_WEIGHTS,))[_WEIGHTS]), path) as file:
            yield file
    elif h5py.is_hdf5(path):
        with open_hdf5(path, path) as file:
            yield file
    else:
        raise ModelError(f"{path} is not a file of weights: it is no HDF5 file, or was cut off.")


def _layer_weights(group: h5py.Group, path: Path, architecture: Mapping[str, Any], version: str) -> Hdf5Weights:
    """The weights in a group for an architecture of that version; the group has the version of its own writer."""
    attributes = attributes_of(group, path)
    if text_of(attributes.get("backend", "")) == "theano":
        raise UnsupportedError(f"{path} was written by Keras on Theano, which stores its kernels turned round.")
    by_keras_1 = major_of(text_of(attributes.get("keras_version", version))) == 1
    return Hdf5Weights(group, Keras1Weights(modernize(architecture, version)) if by_keras_1 else None)


def _json_object(data: Any, path: Path) -> JsonObject:
    text = text_of(data)
    if len(text) > _MAX_TEXT:
        raise UnsupportedError(f"{path} holds a model configuration of an absurd size.")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} holds a model configuration that is not JSON ({error}).") from error
    if not isinstance(parsed, dict):
        raise ModelError(f"{path} holds a model configuration that is not a JSON object.")
    return parsed
