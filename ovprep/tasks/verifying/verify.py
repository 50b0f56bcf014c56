"""Holds any two models against each other.

found = ovprep.verify("model.h5", "model_openvino")
found.passed, found.verification.worst.max_abs_error
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovprep.frontends.formats import is_saved_model, runtime_of
from ovprep.options import ReadOptions
from ovprep.proof.inputs.demand import Data, Demand
from ovprep.tasks.arguments import Progress, as_file, checked_threads, read_options, require_seed
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker

if TYPE_CHECKING:
    from ovprep.report.verified import Verified

Layout = str | Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """The arguments of `verify`, as far as a comparison needs them; `given` are all of them as they were given."""

    reading: ReadOptions
    dynamic: Sequence[str]
    data: Sequence[Data]
    sample_rate: int | None
    tolerance: float | None
    layout: Layout | None
    others: Sequence[str | os.PathLike[str]]
    difference: Path | None
    explain: bool
    threads: int
    seed: int
    given: Mapping[str, Any]


def verify(
    original: str | os.PathLike[str] | Any,
    candidate: str | os.PathLike[str] | Any,
    *,
    data: Sequence[Data] = (),
    sample_rate: int | None = None,
    tolerance: float | None = None,
    layout: Layout | None = None,
    weights: str | os.PathLike[str] | None = None,
    allow_code: bool = False,
    plugins: Sequence[str] = (),
    signature: str | None = None,
    input_values: Mapping[str, float] | None = None,
    dynamic: Sequence[str] = (),
    threads: int | None = None,
    seed: int = 0,
    explain: bool = False,
    others: Sequence[str | os.PathLike[str]] = (),
    difference: str | os.PathLike[str] | None = None,
    on_progress: Progress | None = None,
) -> "Verified":
    """Feeds two models the same signals, and judges by an error budget whether they are the same model.

    original    path of a `.h5`, `.keras`, `.onnx`, `.tflite`, `.pb` or `.xml` (OpenVINO IR) file, of a SavedModel
                folder or of one that `convert` wrote, or a live `keras.Model`
    candidate   the same; inputs and outputs are matched by name, then by order, and layouts adapted
    data        the user's own signals besides: `.npy`, `.npz`, `.wav` and `.csv` files, folders of them, "NAME=FILE"
                for one of several inputs, or arrays by the names of inputs
    sample_rate what the model takes, in samples per second, which `.wav` files are held against
    tolerance   the largest difference allowed as a share of each output's scale, its largest magnitude over all
                signals; by default an error budget decides, that float32 rounding sets
    layout      "nwc", "ncw" or "keep" (as in the other model) for inputs and outputs of a model that does not tell its
                axes, for all or by name
    weights, signature, input_values, dynamic
                of the original, as in `convert`; a candidate with inputs of these names gets the values, too
    allow_code, plugins
                of both
    threads     threads that every runtime may use; all cores of the process by default
    seed        of the signals
    explain     search for the op that differs most even where the two are equal; where they are not, that is done
                without being asked
    others      more IRs of the same inputs and outputs as an IR `candidate`, as quantised ones: they stand beside it in
                the report and decide nothing
    difference  a folder for an example of the first op that differs, where one is found in an IR or behind its original

    The result says whether they are equal: nothing is raised where they are not. Raises ModelError, UnsupportedError or
    OptionError where a model, the data or an option is at fault, or the two cannot be compared; RuntimeFailure where
    one cannot be run, or the original gives NaN.
    """
    given = dict(locals())
    require_seed(seed)
    Demand(tolerance=tolerance)  # before anything is read
    question = Question(
        reading=read_options(weights, allow_code, plugins, signature, input_values),
        dynamic=dynamic,
        data=data,
        sample_rate=sample_rate,
        tolerance=tolerance,
        layout=layout,
        others=others,
        difference=None if difference is None else Path(difference),
        explain=explain,
        threads=checked_threads(threads),
        seed=seed,
        given=given,
    )
    with as_file(original) as first, as_file(candidate) as second, ExitStack() as stack:
        early = _launched(first, question, stack)
        from ovprep.tasks.verifying.comparing import compared  # takes a second, in which the original starts

        return compared(first, second, question, early, on_progress or (lambda stage: None))


def _launched(original: Path, question: Question, stack: ExitStack) -> Worker | None:
    """The original in its worker before it is read, where it is one of TensorFlow, which takes seconds to start."""
    if not original.is_file() or is_saved_model(original) or original.suffix.lower() == ".xml":
        return None
    runtime = runtime_of(original)
    if runtime == "onnxruntime":
        return None
    contender = Contender("original", runtime, original, options=question.reading)
    return stack.enter_context(Worker.launch(contender, threads=question.threads))
