"""Makes broken files out of sound ones, part by part."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from ovprep.errors import OvprepError
from ovprep.frontends.keras.reader import read_keras


def config_of(path: Path) -> Any:
    """The configuration that a model file holds."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def with_config(path: Path, config: Any) -> Path:
    """A copy of the file with another configuration: a JSON value, or the text itself."""
    text = config if isinstance(config, str) else json.dumps(config)
    if path.suffix == ".keras":
        return with_members(path, {"config.json": text.encode()})
    changed = _copy_of(path)
    with h5py.File(changed, "r+") as file:
        file.attrs["model_config"] = text
    return changed


def with_weights(path: Path, edit: Callable[[h5py.Group], object]) -> Path:
    """A copy of the file with its group of layers edited: `model_weights` of `.h5`, `layers` of `.keras`."""
    if path.suffix == ".h5":
        changed = _copy_of(path)
        with h5py.File(changed, "r+") as file:
            edit(file["model_weights"])
        return changed
    weights = path.with_name("weights.h5")
    with zipfile.ZipFile(path) as archive:
        weights.write_bytes(archive.read("model.weights.h5"))
    with h5py.File(weights, "r+") as file:
        edit(file["layers"])
    return with_members(path, {"model.weights.h5": weights.read_bytes()})


def with_members(path: Path, members: dict[str, bytes | None]) -> Path:
    """A copy of a `.keras` file with some members replaced, or left out where they are None."""
    changed = path.with_name(f"changed{path.suffix}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = members.get(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return changed


def cut(path: Path, length: int) -> Path:
    """A copy of the first bytes of a file."""
    changed = path.with_name(f"cut{path.suffix}")
    changed.write_bytes(path.read_bytes()[:length])
    return changed


def refusal_of(path: Path) -> str | None:
    """The sentence with which a file is refused, or None where it is read. Any other error goes through."""
    try:
        read_keras(path)
    except OvprepError as error:
        return str(error)
    return None


def _copy_of(path: Path) -> Path:
    return Path(shutil.copy(path, path.with_name(f"changed{path.suffix}")))
