"""Times models of any format against each other.

found = ovprep.benchmark("model.h5", "model_openvino")
found.benchmark.pairs[0].ratio, found.benchmark.pairs[0].verdict
"""

import itertools
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ovprep.bench.against import compare, require_comparable
from ovprep.bench.gates import Limits, judged
from ovprep.bench.protocol import benchmark as measure
from ovprep.bench.results import Benchmark
from ovprep.errors import ModelError, OptionError
from ovprep.report.benched import Benchmarked, TimedModel
from ovprep.report.options import asked_of
from ovprep.tasks.arguments import Progress, as_file, checked_threads, read_options
from ovprep.tasks.benchmarking.carrying import Missing, carried
from ovprep.tasks.benchmarking.entrants import Entrants, opened, require_batch
from ovprep.tasks.sides import Side
from ovprep.workers.contender import Contender, Hint

HINTS: tuple[Hint, ...] = ("latency", "throughput")


@dataclass(frozen=True)
class Conditions:
    """Every combination of these is measured by itself."""

    threads: tuple[int, ...]
    batches: tuple[int, ...]
    hints: tuple[Hint, ...]


def benchmark(
    *models: str | os.PathLike[str] | Any,
    everything: bool = False,
    threads: int | Sequence[int] | None = None,
    batch: int | Sequence[int] = 1,
    hint: Hint | Sequence[Hint] = "latency",
    layout: str | Mapping[str, str] | None = None,
    weights: str | os.PathLike[str] | None = None,
    allow_code: bool = False,
    plugins: Sequence[str] = (),
    signature: str | None = None,
    input_values: Mapping[str, float] | None = None,
    dynamic: Sequence[str] = (),
    seconds: float = 10.0,
    seed: int = 0,
    against: str | os.PathLike[str] | None = None,
    fail_if_slower: float | None = None,
    max_latency_ms: float | None = None,
    max_memory_mb: float | None = None,
    on_progress: Progress | None = None,
) -> Benchmarked:
    """Times models on the same inputs, each in its own runtime and process, against the first of them.

    models      paths of `.h5`, `.keras`, `.onnx`, `.tflite`, `.pb` or `.xml` (OpenVINO IR) files, of SavedModel folders
                or of folders that `convert` wrote, or live `keras.Model`s; the others are held against the first
    everything  add what the first can be made into: ONNX Runtime, TFLite, OpenVINO's direct conversion, ovprep's IR at
                f32 and at the device's default precision
    threads     threads that every runtime may use, one number or several; all cores of the process by default
    batch       items in a batch, one number or several, where the models leave that open
    hint        "latency" (one inference at a time), "throughput" (as many under way as OpenVINO finds best), or both
    layout      "nwc", "ncw" or "keep" for inputs of a model that does not tell its axes, for all or by name
    weights, signature, input_values, dynamic
                of the first, as in `convert`; others with inputs of these names get the values, too
    allow_code, plugins
                of all
    seconds     budget of measuring under each combination of threads, batch and hint
    seed        of the inputs, and of the order of the measurements
    against     the report of an earlier run, or of a conversion, to compare with
    fail_if_slower, max_latency_ms, max_memory_mb
                limits that are judged in `gates`: see `ovprep.bench.gates.Limits`

    A model that crashes, hangs or cannot be run is a row with its reason. An interrupt (Ctrl-C) ends the measuring and
    gives what there is, as partial. Raises ModelError, UnsupportedError or OptionError where a model cannot be read, an
    option makes no sense, or the models do not take the same inputs.
    """
    asked = asked_of(benchmark, locals())
    say = on_progress or (lambda stage: None)
    conditions = _checked(threads, batch, hint, seconds)
    limits = Limits(fail_if_slower, max_latency_ms, max_memory_mb)
    if max_latency_ms is not None and "latency" not in conditions.hints:
        raise OptionError("--max-latency-ms is about single inferences: add latency to --hint.")
    if not models:
        raise OptionError("Give a model to time, as ovprep benchmark model.h5 model_openvino.")
    if fail_if_slower is not None and len(models) == 1 and not everything and against is None:
        raise OptionError("--fail-if-slower needs a second model, --all, or an earlier report with --against.")
    earlier = None if against is None else _read_report(Path(against))
    reading: dict[str, Any] = {"weights": weights, "allow_code": allow_code, "plugins": plugins, "signature": signature}
    options = read_options(**reading, values=input_values)
    with ExitStack() as stack:
        paths = [stack.enter_context(as_file(model)) for model in models]
        say(f"reading {', '.join(path.name for path in paths)}")
        entrants = opened(paths, options, dynamic, layout, max(conditions.threads))
        require_batch(entrants, conditions.batches)
        contenders, missing = list(entrants.contenders), Missing()
        if everything:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
            how = {**reading, "input_values": input_values, "dynamic": dynamic}
            further, missing = carried(entrants.sides[0], scratch, how, max(conditions.threads), say)
            contenders += further
        if earlier is not None:
            require_comparable([(one.label, one.role) for one in contenders], earlier)
        benchmarks = _measured(entrants, contenders, missing, conditions, seconds, seed, say)
        return _judged(entrants, benchmarks, earlier, limits, asked)


def _measured(
    entrants: Entrants,
    contenders: Sequence[Contender],
    missing: Missing,
    conditions: Conditions,
    seconds: float,
    seed: int,
    say: Progress,
) -> list[Benchmark]:
    """Under each combination of the conditions, until one is interrupted."""
    found: list[Benchmark] = []
    for hint, threads, batch in itertools.product(conditions.hints, conditions.threads, conditions.batches):
        stage = f"timing for {hint}, {threads} threads, batch {batch}"
        say(stage)
        try:
            one = measure(
                *_for_hint(contenders, hint),
                entrants.interface,
                sizes=entrants.sizes,
                seconds=seconds,
                threads=threads,
                seed=seed,
                batch=batch,
                missing={replace(one, hint=hint): reason for one, reason in missing.items()},
                anatomy=True,
                interruptible=True,
            )
        except KeyboardInterrupt:
            if not found:
                raise
            note = f"Interrupted before anything was measured: {stage}."
            found[-1] = replace(found[-1], partial=True, notes=(*found[-1].notes, note))
            break
        found.append(one)
        if one.partial:
            break
    return found


def _for_hint(contenders: Sequence[Contender], hint: Hint) -> tuple[Contender, list[Contender]]:
    baseline, *others = (replace(one, hint=hint) for one in contenders)
    return baseline, others


def _judged(
    entrants: Entrants,
    benchmarks: Sequence[Benchmark],
    earlier: Mapping[str, Any] | None,
    limits: Limits,
    asked: Mapping[str, Any],
) -> Benchmarked:
    compared = [None if earlier is None else compare(found, earlier) for found in benchmarks]
    changes = [() if against is None else against.changes for against in compared]
    return Benchmarked(
        models=tuple(
            TimedModel(label, side.path, side.format, side.sha256, side.framework)
            for label, side in zip(entrants.labels, entrants.sides, strict=True)
        ),
        interface=entrants.interface,
        sizes=entrants.sizes,
        benchmarks=tuple(judged(found, limits, then) for found, then in zip(benchmarks, changes, strict=True)),
        against=compared[0],
        warnings=tuple(_warnings(entrants.sides)),
        options=asked,
    )


def _warnings(sides: Sequence[Side]) -> list[str]:
    found = [text for side in sides for text in (*side.notes, *(side.source.warnings if side.source else ()))]
    return list(dict.fromkeys(found))


def _read_report(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as a report of ovprep: {error}.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is no report of ovprep.")
    return content


def _checked(
    threads: int | Sequence[int] | None,
    batch: int | Sequence[int],
    hint: Hint | Sequence[Hint],
    seconds: float,
) -> Conditions:
    if not 0 < seconds < float("inf"):
        raise OptionError(f"A benchmark of {seconds:g} seconds measures nothing; give a positive number.")
    batches = (batch,) if isinstance(batch, int) else tuple(batch)
    for number in batches:
        if number < 1:
            raise OptionError(f"A batch of {number} holds nothing; give 1 or more.")
    hints: tuple[Any, ...] = (hint,) if isinstance(hint, str) else tuple(hint)
    for word in hints:
        if word not in HINTS:
            raise OptionError(f"There is no hint {word!r}; choose latency, throughput or both.")
    several: Sequence[int | None] = [threads] if threads is None or isinstance(threads, int) else threads
    counts = tuple(checked_threads(number) for number in several)
    if not (batches and hints and counts):
        raise OptionError("Give at least one number of threads, one batch and one hint.")
    return Conditions(counts, batches, hints)
