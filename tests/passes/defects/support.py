"""Runs small graphs in OpenVINO, in a process of their own."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from ovprep.workers import reproduce
from tests.graphs import Array


def are_right(models: dict[str, ir.Model], feeds: dict[str, dict[str, Array]], folder: Path) -> dict[str, bool]:
    """Whether OpenVINO computes each of some models as ONNX Runtime does; a crash is wrong."""
    for name, model in models.items():
        onnx.save(ir.to_proto(model), folder / f"{name}.onnx")
        np.savez(folder / f"{name}.npz", **feeds[name])  # type: ignore[arg-type]
    return reproduce.tried(folder, list(models))
