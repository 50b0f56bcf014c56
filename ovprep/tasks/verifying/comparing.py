"""Reads two models, finds what of one is what of the other, and runs the proof."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ovprep.errors import OptionError
from ovprep.graph.cost import receptive_field
from ovprep.interface import Interface
from ovprep.proof.certificate import File
from ovprep.proof.inputs.demand import Demand, checked_rate, demand_of
from ovprep.proof.match import Match, Stated, match
from ovprep.proof.verify import Verification, verify
from ovprep.report.options import asked_of
from ovprep.report.verified import Verified
from ovprep.tasks.arguments import Progress
from ovprep.tasks.examine import proven_on_stand_in, refusal_of, require_repeatable, stand_in
from ovprep.tasks.inspection import default_sizes
from ovprep.tasks.sides import Side, model_in, open_candidate, open_ir, open_original
from ovprep.tasks.verifying.certifying import certified, recorded
from ovprep.tasks.verifying.difference import kept
from ovprep.tasks.verifying.tracing import NOT_TRACED, trace_of
from ovprep.tasks.verifying.verify import Question
from ovprep.tasks.verifying.verify import verify as asked_function
from ovprep.workers.process import Worker


def compared(first: Path, second: Path, question: Question, early: Worker | None, say: Progress) -> Verified:
    """The candidate `second` against the original `first`, which an `early` worker may be loading already.

    Raises what `ovprep.verify` does.
    """
    say(f"reading {first.name} and {second.name}")
    count, stated = question.threads, Stated.by(question.layout)
    left = open_original(first, question.reading, question.dynamic, count)
    right = open_candidate(second, question.reading, count)
    if left.source is not None:
        require_repeatable(left.source)
    matched = match(left.interface, right.interface, left.names, right.names, stated)
    rate = checked_rate(question.sample_rate, left.rate)
    demand = demand_of(question.data, matched.source, rate, question.tolerance)
    say("comparing")
    beside = _beside(question.others, left, right, matched, stated)
    found = _compare(left, right, matched, demand, question, early, beside)
    found = certified(
        replace(found, notes=(*left.notes, *right.notes, *matched.notes, *demand.notes, *found.notes)),
        File(left.path, left.sha256),
        File(right.path, right.sha256),
        data=demand.files,
        options=recorded(asked_of(asked_function, question.given), question.data, question.seed),
        threads=count,
    )
    warnings = left.source.warnings if left.source is not None else ()
    return Verified(left, right, matched.source, matched.target, found, warnings)


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
    question: Question,
    early: Worker | None,
    others: Mapping[str, Path],
) -> Verification:
    """Runs both. Where an old Keras file is loaded by no Keras at hand, its graph stands in for it."""
    threads, explain, example = question.threads, question.explain, question.difference
    graph = left.canonical
    sizes = default_sizes(matched.source, receptive_field(graph.graph) if graph is not None else None)
    original, refusal = left.contender, None
    candidate = replace(right.contender, role="ovprep", wiring=matched.wiring)
    with ExitStack() as stack:
        worker = early if early is not None and early.contender == original else None
        worker = worker or stack.enter_context(Worker.launch(original, threads=threads))
        if left.source is not None and (refusal := refusal_of(left.source, worker)):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
            original = stand_in(left.source, folder)
            worker = stack.enter_context(Worker.launch(original, threads=threads))
        scratch = None
        if example is not None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
        trace = trace_of(left, right, matched, runs=refusal is None, always=explain, folder=scratch)
        found = verify(
            original,
            candidate,
            graph,
            matched.source,
            matched.target,
            sizes=sizes,
            seed=question.seed,
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
