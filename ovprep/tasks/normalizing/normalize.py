"""Writes a model as another model file.

done = ovprep.normalize("model.onnx", "model.keras")
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ovprep.options import InterfaceOptions
from ovprep.report.document import Normalized
from ovprep.tasks.arguments import Progress, as_file, checked_threads, read_options, require_seed
from ovprep.tasks.normalizing.files import Job, write_normalized


def normalize(
    model: str | os.PathLike[str] | Any,
    output: str | os.PathLike[str] | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    allow_code: bool = False,
    plugins: Sequence[str] = (),
    signature: str | None = None,
    input_values: Mapping[str, float] | None = None,
    dynamic: Sequence[str] = (),
    interface: InterfaceOptions | None = None,
    verify: bool = True,
    threads: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Normalized:
    """Writes a model as ONNX or as a Keras file, channel-last unless told otherwise, and proves the file equal.

    output      the file to write, `<stem>_normalized.onnx` by default; an earlier result of ovprep is replaced. Its
                suffix decides: `.onnx` is the canonical graph. `.keras` and `.h5` are a model for Keras 3: a Keras
                model keeps its layers, each in the other data format where it has one; any other model is written
                anew, as `ovprep.to_keras` does

    The layout of `interface` is that of the layers of a Keras file, too: "ncw" makes them channels_first, "keep" leaves
    the inputs and outputs alone. An ONNX file that is "ncw" from end to end has layers and weights as PyTorch's modules
    have them, which `torch_state` reads. The other parameters, and what is raised, are those of `convert`.
    """
    say = on_progress or (lambda stage: None)
    count = checked_threads(threads)
    require_seed(seed)
    with as_file(model) as path:
        return write_normalized(
            Job(
                path,
                Path(output) if output is not None else Path(f"{path.stem}_normalized.onnx"),
                read_options(weights, allow_code, plugins, signature, input_values),
                tuple(dynamic),
                interface or InterfaceOptions(),
                verify,
                count,
                seed,
                say,
            )
        )
