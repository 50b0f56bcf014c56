"""`ovprep convert`, for people."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.markup import escape

from ovprep.cli.render_inspection import interface_lines
from ovprep.cli.tables import columns, section, size
from ovprep.report.document import Conversion, Normalized
from ovprep.report.folder import MANIFEST

if TYPE_CHECKING:
    from rich.console import Console

    from ovprep.bench.results import Benchmark, Measurement, Pair
    from ovprep.proof.precisions import AtPrecision
    from ovprep.proof.verify import Verification


def render_conversion(console: "Console", done: Conversion) -> None:
    """What was done, what came out, whether it is equal, how fast it is, where it is, what to do next."""
    console.print(f"[bold]{escape(str(done.source.path))}[/]  {escape(done.source.framework)}", soft_wrap=True)
    changes = [report.change.summary for report in done.normalization.passes]
    section(console, "Done", map(escape, changes or ["nothing to do but the change of format"]))
    section(console, "Left out", [escape(f"{one.name}: {one.reason}") for one in done.normalization.skipped])
    section(console, "Rank", [escape(f"{done.rank.chosen}: {done.rank.why}")])
    section(console, "Interface", map(escape, interface_lines(done.original, done.interface)))
    section(console, "Warnings", map(escape, done.warnings))
    section(console, "Equality", _equality(done.verification))
    section(console, "Latency", latency_lines(done.benchmark))
    section(console, "Files", map(escape, _files(done)))
    section(console, "Next", map(escape, _next_steps(done)))


def render_normalized(console: "Console", done: Normalized) -> None:
    """What was done, what came out, whether it is equal, and where it is."""
    console.print(f"[bold]{escape(str(done.source.path))}[/]  {escape(done.source.framework)}", soft_wrap=True)
    changes = [report.change.summary for report in done.normalization.passes]
    section(console, "Done", map(escape, changes or ["nothing to do"]))
    section(console, "Interface", map(escape, interface_lines(done.original, done.interface)))
    section(console, "Warnings", map(escape, done.warnings))
    section(console, "Equality", _equality(done.verification))
    section(console, "File", [escape(f"{done.path} {size(done.path.stat().st_size)}")])


def _equality(found: "Verification | None") -> Iterable[str]:
    if found is None:
        yield "not checked (--no-verify)"
        return
    worst = found.worst
    yield (
        f"[green]equal[/] at float32: largest difference {worst.max_abs_error:.1e}, allowed {worst.tolerance:.1e} "
        f"({worst.signal}, batch {worst.batch})"
    )
    yield escape(f"reference: {found.reference}; {sum(row.tolerance is not None for row in found.rows)} comparisons")
    yield from map(escape, precision_lines(found))
    yield from (escape(one.found) for one in found.checks if one.passed)
    yield from map(escape, found.notes)


def precision_lines(found: "Verification") -> list[str]:
    """A table of the precisions, and a verdict on each but float32."""
    table = columns([_PRECISION_HEAD, *map(_precision, found.precisions)], right=(1, 2, 3, 4))
    return table + [f"{one.precision}: {one.verdict}" for one in found.precisions if one.precision != "f32"]


_PRECISION_HEAD = ("", "largest", "of scale", "1 - cosine", "flips")


def _precision(line: "AtPrecision") -> tuple[str, ...]:
    angle = "" if line.cosine is None else f"{max(0.0, 1 - line.cosine):.0e}"
    flips = "" if line.argmax_flips is None else str(line.argmax_flips)
    return line.precision, f"{line.max_abs_error:.1e}", f"{line.max_rel_error:.1e}", angle, flips


def latency_lines(found: "Benchmark | None") -> Iterable[str]:
    """A table of the contestants, what went wrong, and the conditions."""
    if found is None:
        yield "not measured (--no-benchmark)"
        return
    pairs = {pair.contestant: pair for pair in found.pairs}
    head = ("", "precision", "median ms", "p90 ms", "against ovprep", "95% interval", "")
    shown = sorted((entry for entry in found.contestants if entry.role != "control"), key=_place)
    rows = [_row(entry, pairs.get(entry.label)) for entry in shown]
    yield from map(escape, columns([head, *rows], right=(2, 3, 4)))
    yield from (escape(f"{entry.label}: {entry.reason}") for entry in shown if entry.reason)
    if found.model_roofline_share is not None:
        yield escape(f"ovprep at f32: {found.model_roofline_share:.0%} of what this machine can do (measured)")
    yield from map(escape, found.notes)
    yield escape(_conditions(found))


def _place(entry: "Measurement") -> int:
    return ("original", "direct", "ovprep").index(entry.role)


def _row(entry: "Measurement", pair: "Pair | None") -> tuple[str, ...]:
    ratio, interval, verdict = "", "", ""
    if pair is not None and pair.ratio is not None and pair.low is not None and pair.high is not None:
        ratio, interval = f"{pair.ratio:.2f}x", f"{pair.low:.2f} to {pair.high:.2f}"
        verdict = _verdict(entry, pair)
    elif entry.role == "ovprep" and pair is None:
        ratio = "1"
    p90 = "-" if entry.p90_ms is None else _ms(entry.p90_ms)
    return entry.label, entry.precision or "", _ms(entry.median_ms), p90, ratio, interval, verdict


def _verdict(entry: "Measurement", pair: "Pair") -> str:
    """The verdict says what the baseline, ovprep's IR at f32, is."""
    if pair.verdict not in ("faster", "slower"):
        return pair.verdict
    if entry.role == "ovprep":
        return "slower than f32" if pair.verdict == "faster" else "faster than f32"
    return f"ovprep is {pair.verdict}"


def _conditions(found: "Benchmark") -> str:
    batch = f"batch {found.batch}, " if found.batch is not None else ""
    text = f"{batch}{found.threads} threads, {found.seconds:.0f} s of measuring in {found.restarts} restarts"
    control = found.control
    if control is not None and control.low is not None and control.high is not None:
        text += f"; control (ovprep against itself) {control.low:.2f} to {control.high:.2f}"
    return text


def _ms(value: float | None) -> str:
    return "failed" if value is None else f"{value:.3f}"


def _files(done: Conversion) -> list[str]:
    names = [*(f"{file.name} {size(file.bytes)}" for file in done.artifacts), "report.json", "report.html", MANIFEST]
    return [f"{done.output}/", ", ".join(names)]


def _next_steps(done: Conversion) -> list[str]:
    steps = [f'openvino.Core().compile_model("{done.model_path}", "{done.target.upper()}")']
    if done.verification is not None and done.verification.default_precision not in (None, "f32"):
        steps.append('with {"INFERENCE_PRECISION_HINT": "f32"} where the device must compute as the original does')
    return steps
