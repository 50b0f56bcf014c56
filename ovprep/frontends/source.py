"""What every frontend returns."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx_ir as ir

from ovprep.interface import Interface


@dataclass(frozen=True)
class Source:
    """A model as it was found, and the graph that says what it computes.

    `graph` has the model's own interface (names, order, layout); passes change a clone of it.
    `runtime` is the runner that knows the original. `parameters` are counted as the framework counts them.
    """

    path: Path
    format: str
    framework: str
    runtime: Literal["keras", "onnxruntime"]
    sha256: str
    interface: Interface
    parameters: int
    graph: ir.Model
    warnings: tuple[str, ...] = ()


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
