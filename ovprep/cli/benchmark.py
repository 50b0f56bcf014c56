"""`ovprep benchmark`, and the limits that `ovprep convert` takes too."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ovprep.cli.options import CodeAllowed, FixedInputs, LayoutsTold, PluginModules, SignatureName
from ovprep.cli.output import Output
from ovprep.cli.parsing import input_values, numbers, stated_layouts, words
from ovprep.errors import GATE_EXIT_CODE, OptionError

if TYPE_CHECKING:
    from ovprep.bench.results import Gate

INTERRUPTED = 130
"""As a shell has it for a program that Ctrl-C ended."""

FailIfSlower = Annotated[
    float | None,
    typer.Option(metavar="RATIO", help="Exit 4 unless so many times as fast, beyond doubt.", show_default=False),
]
MaxLatency = Annotated[
    float | None,
    typer.Option("--max-latency-ms", metavar="MS", help="Exit 4 unless the median is within it.", show_default=False),
]
MaxMemory = Annotated[
    float | None,
    typer.Option("--max-memory-mb", metavar="MB", help="Exit 4 unless the process stays in it.", show_default=False),
]


def benchmark(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL…", help="Models of any format; the first is held up.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Add all that the first can be made into: ONNX, TFLite, OpenVINO, ovprep.")
    ] = False,
    threads: Annotated[str | None, typer.Option(metavar="N[,N…]", help="Threads of every runtime.")] = None,
    batch: Annotated[str, typer.Option(metavar="N[,N…]", help="Items in a batch.")] = "1",
    hint: Annotated[str, typer.Option(help="latency, throughput, or both with a comma.")] = "latency",
    seconds: Annotated[float, typer.Option(help="Time to spend on measuring, for each combination of these.")] = 10.0,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with the report.json of an earlier run.", show_default=False),
    ] = None,
    fail_if_slower: FailIfSlower = None,
    max_latency_ms: MaxLatency = None,
    max_memory_mb: MaxMemory = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report here.", show_default=False)
    ] = None,
    layout: LayoutsTold = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="The weights of the first.")] = None,
    allow_code: CodeAllowed = False,
    plugin: PluginModules = None,
    signature: SignatureName = None,
    input_value: FixedInputs = None,
    dynamic: Annotated[
        list[str] | None,
        typer.Option("--dynamic", metavar="AXIS", help="Open an axis that the first fixes: batch, time or x[?,3,?]."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the inputs and of the order of measuring.")] = 0,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a table for a pull request.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")] = False,
) -> None:
    """Time models against each other, in processes of their own, and say what can be told."""
    from ovprep.cli.render_benchmark import markdown_of, render_benchmark
    from ovprep.report.kinds import require_report_place
    from ovprep.tasks.benchmarking.benchmark import benchmark as run

    if json and markdown:
        raise OptionError("--json and --markdown both print the result; choose one.")
    if output is not None:
        require_report_place(output, "benchmark")
    hints: Any = words(hint)
    out = Output(json)
    with out.progress() as progress:
        found = run(
            *models,
            everything=everything,
            threads=None if threads is None else numbers("--threads", threads),
            batch=numbers("--batch", batch),
            hint=hints,
            layout=stated_layouts(layout or ()),
            weights=weights,
            allow_code=allow_code,
            plugins=plugin or (),
            signature=signature,
            input_values=input_values(input_value or ()),
            dynamic=dynamic or (),
            seconds=seconds,
            seed=seed,
            against=against,
            fail_if_slower=fail_if_slower,
            max_latency_ms=max_latency_ms,
            max_memory_mb=max_memory_mb,
            on_progress=progress,
        )
    if output is not None:
        found.write(output)
    if markdown:
        out.show_text(markdown_of(found))
    else:
        out.show(found.report, lambda console: render_benchmark(console, found, output))
    finish(found.gates, partial=found.partial)


def finish(gates: "Iterable[Gate]", *, partial: bool) -> None:
    """Ends the program otherwise than well where a limit was not kept, or it was interrupted."""
    missed = [gate for gate in gates if not gate.passed]
    for gate in missed:
        print(f"ovprep: {gate.explanation}", file=sys.stderr)
    if partial:
        raise typer.Exit(INTERRUPTED)
    if missed:
        raise typer.Exit(GATE_EXIT_CODE)
