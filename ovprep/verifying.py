"""Holds any two models against each other, and runs the certificate of an earlier verification again.

found = ovprep.verify("model.h5", "model_openvino")
found.passed, found.verification.worst.max_abs_error
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ovprep.api import as_file, checked_threads, read_options, require_seed
from ovprep.certifying import certified, recorded
from ovprep.difference import kept
from ovprep.errors import OptionError
from ovprep.examine import proven_on_stand_in, refusal_of, require_repeatable, stand_in
from ovprep.graph.cost import receptive_field
from ovprep.inspection import default_sizes
from ovprep.interface import Interface
from ovprep.options import LAYOUTS
from ovprep.report.verified import Verified
from ovprep.sides import Side, model_in, open_candidate, open_ir, open_original
from ovprep.tracing import NOT_TRACED, trace_of
from ovprep.verify.certificate import File
from ovprep.verify.demand import Data, Demand, checked_rate, demand_of, file_names
from ovprep.verify.match import Match, Stated, match
from ovprep.verify.process import Worker
from ovprep.verify.verify import Verification
from ovprep.verify.verify import verify as run

Progress = Callable[[str], None]
Layout = str | Mapping[str, str]


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
) -> Verified:
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
    say = on_progress or (lambda stage: None)
    count = checked_threads(threads)
    require_seed(seed)
    options = read_options(weights, allow_code, plugins, signature, input_values)
    Demand(tolerance=tolerance)  # before anything is read
    with as_file(original) as first, as_file(candidate) as second:
        say(f"reading {first.name} and {second.name}")
        left, right = open_original(first, options, dynamic, count), open_candidate(second, options, count)
        if left.source is not None:
            require_repeatable(left.source)
        matched = match(left.interface, right.interface, left.names, right.names, _stated(layout))
        rate = checked_rate(sample_rate, left.rate)
        demand = demand_of(data, matched.source, rate, tolerance)
        say("comparing")
        example = None if difference is None else Path(difference)
        beside = _beside(others, left, right, matched, _stated(layout))
        found = _compare(left, right, matched, demand, count, seed, explain=explain, others=beside, example=example)
    found = certified(
        replace(found, notes=(*left.notes, *right.notes, *matched.notes, *demand.notes, *found.notes)),
        File(left.path, left.sha256),
        File(right.path, right.sha256),
        data=demand.files,
        options=recorded(
            data=file_names(data),
            sample_rate=sample_rate,
            tolerance=tolerance,
            layout=layout,
            weights=weights,
            allow_code=allow_code,
            plugins=plugins,
            signature=signature,
            input_values=input_values,
            dynamic=dynamic,
            others=[str(one) for one in others],
            seed=seed,
        ),
        threads=count,
    )
    warnings = left.source.warnings if left.source is not None else ()
    return Verified(left, right, matched.source, matched.target, found, warnings)


def _stated(layout: Layout | None) -> Stated:
    words = [layout] if isinstance(layout, str) else list((layout or {}).values())
    for word in words:
        if word not in LAYOUTS:
            raise OptionError(f"There is no layout {word!r}; choose {', '.join(LAYOUTS)}.")
    return Stated(layout=layout) if isinstance(layout, str) else Stated(layouts=layout or {})


def _beside(
    others: Sequence[str | os.PathLike[str]], left: Side, right: Side, matched: Match, stated: Stated
) -> dict[str, Path]:
    """More IRs by their names in the report. Raises OptionError where one cannot take the candidate's place."""
    found = {}
    for given in others:
        path = model_in(Path(given))
        if right.contender.runtime != "openvino" or path.suffix.lower() != ".xml":
            raise OptionError(f"Only IRs stand beside an IR, and one of {right.path} and {path} is none.")
        side = open_ir(path, str(given))
        other = match(left.interface, side.interface, left.names, side.names, stated)
        if (other.target, other.wiring) != (matched.target, matched.wiring):
            raise OptionError(f"{path} has other inputs or outputs than {right.path}: make it of that IR.")
        found[str(given)] = path
    return found


def _lettered(left: Side, source: Interface) -> Interface | None:
    """The interface of the original's graph, with the letters that the candidate lent to the original."""
    if left.graph_interface is None:
        return None
    inputs, outputs = (
        tuple(
            replace(port, layout=lent.layout) if port.layout == own.layout else port
            for port, own, lent in zip(*ports, strict=True)
        )
        for ports in (
            (left.graph_interface.inputs, left.interface.inputs, source.inputs),
            (left.graph_interface.outputs, left.interface.outputs, source.outputs),
        )
    )
    return Interface(inputs, outputs)


def _compare(
    left: Side,
    right: Side,
    matched: Match,
    demand: Demand,
    threads: int,
    seed: int,
    *,
    explain: bool,
    others: Mapping[str, Path],
    example: Path | None,
) -> Verification:
    """Runs both. Where an old Keras file is loaded by no Keras at hand, its graph stands in for it."""
    graph = left.canonical
    sizes = default_sizes(matched.source, receptive_field(graph.graph) if graph is not None else None)
    original, refusal = left.contender, None
    candidate = replace(right.contender, role="ovprep", wiring=matched.wiring)
    with ExitStack() as stack:
        worker = stack.enter_context(Worker.launch(original, threads=threads))
        if left.source is not None and (refusal := refusal_of(left.source, worker)):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
            original = stand_in(left.source, folder)
            worker = stack.enter_context(Worker.launch(original, threads=threads))
        scratch = None
        if example is not None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
        trace = trace_of(left, right, matched, runs=refusal is None, always=explain, folder=scratch)
        found = run(
            original,
            candidate,
            graph,
            matched.source,
            matched.target,
            sizes=sizes,
            seed=seed,
            threads=threads,
            worker=worker,
            extra=demand.cases,
            tolerance=demand.tolerance,
            graph_interface=_lettered(left, matched.source),
            finite=True,
            others=others,
            explaining=trace,
        )
        if example is not None:
            found = kept(found, example)
    if explain and trace is None:
        found = replace(found, notes=(*found.notes, NOT_TRACED))
    return found if refusal is None else proven_on_stand_in(found, refusal)
