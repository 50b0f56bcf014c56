"""What every frontend returns."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import onnx_ir as ir

from ovprep.interface import Interface
from ovprep.options import ReadOptions


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
    runtime: Literal["keras", "onnxruntime", "tensorflow", "tflite"]
    sha256: str
    interface: Interface
    parameters: int
    graph: ir.Model
    warnings: tuple[str, ...] = ()
    options: ReadOptions = field(default_factory=ReadOptions)


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, read in blocks; of a folder, that of the names and hashes of the files in it."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listing = "".join(f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
