"""The `ovprep` program: its commands, and how it ends.

Commands parse, call the package's own functions, and render; heavy imports wait until a command runs.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ovprep import __version__
from ovprep.cli.bare_layout import BareLayoutCommand
from ovprep.cli.benchmark import FailIfSlower, MaxLatency, MaxMemory, finish
from ovprep.cli.benchmark import benchmark as benchmark_command
from ovprep.cli.options import (
    AllowCode,
    Batch,
    Dynamic,
    InputValues,
    InterfaceRank,
    Json,
    Layouts,
    ModelPath,
    Plan,
    Plugins,
    Shapes,
    Signature,
    Weights,
)
from ovprep.cli.output import Output
from ovprep.cli.parsing import input_values, interface_options, rank_option
from ovprep.cli.verify import DataFiles, Explained, SampleRate, ShareOfScale
from ovprep.cli.verify import verify as verify_command
from ovprep.errors import OvprepError

app = typer.Typer(
    name="ovprep",
    help="Trained 1D CNNs to OpenVINO IR: channel-last, proven equal to the original, timed against it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug keeps its plain traceback
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version, and stop.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def convert(
    model: ModelPath,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder to write; <stem>_openvino by default.")
    ] = None,
    weights: Weights = None,
    allow_code: AllowCode = False,
    plugin: Plugins = None,
    signature: Signature = None,
    input_value: InputValues = None,
    dynamic: Dynamic = None,
    layout: Layouts = None,
    input_shape: Shapes = None,
    batch: Batch = None,
    interface_rank: InterfaceRank = 3,
    rank: Annotated[str, typer.Option(help="Of the tensors inside: 3, 4, or auto, which times both.")] = "auto",
    target: Annotated[str, typer.Option(help="Device to convert for: cpu, gpu or npu.")] = "cpu",
    openvino_version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="OpenVINO that shall run the IR, as 2022.3.", show_default=False),
    ] = None,
    execution_precision: Annotated[
        str, typer.Option(help="f32 keeps devices from computing in bf16 or f16; default leaves it to them.")
    ] = "default",
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Prove that the IR equals the model.")] = True,
    data: DataFiles = None,
    sample_rate: SampleRate = None,
    tolerance: ShareOfScale = None,
    explain: Explained = False,
    benchmark: Annotated[bool, typer.Option("--benchmark/--no-benchmark", help="Time the IR too.")] = True,
    seconds: Annotated[float, typer.Option(help="Time to spend on measuring.")] = 10.0,
    fail_if_slower: FailIfSlower = None,
    max_latency_ms: MaxLatency = None,
    max_memory_mb: MaxMemory = None,
    threads: Annotated[int | None, typer.Option(help="Threads of every runtime; all cores by default.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the signals and of the order of measuring.")] = 0,
    json: Json = False,
) -> None:
    """Convert a model to OpenVINO IR, prove that it is equal, and time it."""
    import ovprep
    from ovprep.cli.render_conversion import render_conversion

    out = Output(json)
    with out.progress() as progress:
        result = ovprep.convert(
            model,
            output,
            weights=weights,
            allow_code=allow_code,
            plugins=plugin or (),
            signature=signature,
            input_values=input_values(input_value or ()),
            dynamic=dynamic or (),
            interface=interface_options(layout or (), input_shape or (), batch, interface_rank),
            rank=rank_option(rank),
            target=target,
            openvino_version=openvino_version,
            execution_precision=execution_precision,
            verify=verify,
            data=data or (),
            sample_rate=sample_rate,
            tolerance=tolerance,
            explain=explain,
            benchmark=benchmark,
            seconds=seconds,
            fail_if_slower=fail_if_slower,
            max_latency_ms=max_latency_ms,
            max_memory_mb=max_memory_mb,
            threads=threads,
            seed=seed,
            on_progress=progress,
        )
    out.show(result.report, lambda console: render_conversion(console, result))
    if result.benchmark is not None:
        finish(result.benchmark.gates, partial=result.benchmark.partial)


@app.command()
def normalize(
    model: ModelPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .onnx, .keras or .h5; <stem>_normalized.onnx by default.",
        ),
    ] = None,
    weights: Weights = None,
    allow_code: AllowCode = False,
    plugin: Plugins = None,
    signature: Signature = None,
    input_value: InputValues = None,
    dynamic: Dynamic = None,
    layout: Layouts = None,
    input_shape: Shapes = None,
    batch: Batch = None,
    interface_rank: InterfaceRank = 3,
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Prove that the file equals the model.")] = True,
    threads: Annotated[int | None, typer.Option(help="Threads of every runtime; all cores by default.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the signals.")] = 0,
    json: Json = False,
) -> None:
    """Write a model as clean ONNX or as a Keras file, channel-last or -first, and prove that it is equal."""
    import ovprep
    from ovprep.cli.render_conversion import render_normalized

    out = Output(json)
    with out.progress() as progress:
        result = ovprep.normalize(
            model,
            output,
            weights=weights,
            allow_code=allow_code,
            plugins=plugin or (),
            signature=signature,
            input_values=input_values(input_value or ()),
            dynamic=dynamic or (),
            interface=interface_options(layout or (), input_shape or (), batch, interface_rank),
            verify=verify,
            threads=threads,
            seed=seed,
            on_progress=progress,
        )
    out.show(result.report, lambda console: render_normalized(console, result))


@app.command(cls=BareLayoutCommand)
def inspect(
    model: ModelPath,
    weights: Weights = None,
    allow_code: AllowCode = False,
    plugin: Plugins = None,
    signature: Signature = None,
    input_value: InputValues = None,
    dynamic: Dynamic = None,
    layout: Plan = None,
    input_shape: Shapes = None,
    batch: Batch = None,
    interface_rank: InterfaceRank = 3,
    json: Json = False,
) -> None:
    """Show what a model is, and what convert would do to it."""
    import ovprep
    from ovprep.cli.render_inspection import render_inspection
    from ovprep.report.document import plain

    out = Output(json)
    with out.progress() as progress:
        progress(f"reading {model.name}")
        result = ovprep.inspect(
            model,
            weights=weights,
            allow_code=allow_code,
            plugins=plugin or (),
            signature=signature,
            input_values=input_values(input_value or ()),
            dynamic=dynamic or (),
            interface=interface_options(
                [word for word in layout or () if word], input_shape or (), batch, interface_rank
            ),
            layout=bool(layout),
        )
    out.show(lambda: {"schema": 1, **plain(result)}, lambda console: render_inspection(console, result))


app.command("verify")(verify_command)
app.command("benchmark")(benchmark_command)


@app.command()
def report(
    report: Annotated[
        Path,
        typer.Argument(
            metavar="REPORT", help="The report.json of convert, or what benchmark or verify wrote.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Page to write; REPORT's name with .html by default."),
    ] = None,
    json: Json = False,
) -> None:
    """Draw the page of a report from its JSON alone."""
    from ovprep.tasks.reporting import report_page

    page = str(report_page(report, output))
    Output(json).show(lambda: {"schema": 1, "page": page}, lambda console: console.print(page, soft_wrap=True))


def main() -> None:
    """Runs the program. A user's error prints its sentence and ends with the error's exit code."""
    try:
        app()
    except OvprepError as error:
        Output("--json" in sys.argv[1:]).fail(error)
        sys.exit(error.exit_code)
