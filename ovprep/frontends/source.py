"""What every frontend returns."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import onnx_ir as ir

from ovprep.interface import Interface
from ovprep.options import ReadOptions

Runtime = Literal["keras", "onnxruntime", "tensorflow", "tflite"]


@dataclass(frozen=True)
class Source:
    """A model as it was found, and the graph that says what it computes.

    `graph` has the model's own interface (names, order, layout); passes change a clone of it.
    `runtime` is the runner that knows the original. `parameters` are counted as the framework counts them. `options`
    are those that it was read with, which the runner needs too.
    """

    path: Path
    format: str
    framework: str
    runtime: Runtime
    sha256: str
    interface: Interface
    parameters: int
    graph: ir.Model
    warnings: tuple[str, ...] = ()
    options: ReadOptions = field(default_factory=ReadOptions)


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, read in blocks; of a folder, that of the names and hashes of the files in it."""
    if path.is_dir():
        return sha256_of_files(path, sorted(file for file in path.rglob("*") if file.is_file()))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(first: Path, *others: Path | None) -> str:
    """Hash of a model that lies in one file or in several; each is named by its place beside the first."""
    files = [first, *(file for file in others if file is not None)]
    return sha256_of_files(first.parent, files) if len(files) > 1 else sha256_of(first)


def sha256_of_files(folder: Path, files: Sequence[Path]) -> str:
    """Hash of a list of hashes, each with the file's name under the folder, as `sha256sum` prints them."""
    names = (Path(os.path.relpath(file, folder)).as_posix() for file in files)
    listing = "".join(f"{sha256_of(file)}  {name}\n" for file, name in zip(files, names, strict=True))
    return hashlib.sha256(listing.encode()).hexdigest()
