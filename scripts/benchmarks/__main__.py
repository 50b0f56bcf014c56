"""`scripts/bench`: its subcommands."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import conversion, honesty, properties, ranks, solver, speed, torch_models, verification
from benchmarks import defects as plugin
from benchmarks import mutations as wrong
from benchmarks import twins as keras_twins
from benchmarks.measure import Measure
from benchmarks.zoo import COLUMNS, RANKS, ZOO

app = typer.Typer(
    help="The measurements that the documentation quotes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SAMPLE = Path("samples/spoken_digits/model.h5")


@app.command()
def zoo(
    models: Annotated[list[str] | None, typer.Argument(help=f"Some of: {', '.join(ZOO)}; all by default.")] = None,
    seconds: Annotated[float, typer.Option(help="Time to spend on measuring each model.")] = 20.0,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.")] = 2,
) -> None:
    """Speed of ovprep's IR against OpenVINO's direct conversion and the compiled original, at f32, over the zoo."""
    unknown = set(models or ()) - set(ZOO)
    if unknown:
        raise typer.BadParameter(f"no such model: {', '.join(sorted(unknown))}")
    speed.summarise(speed.measure(models or list(ZOO), seconds, threads))


@app.command()
def torch(
    models: Annotated[list[str] | None, typer.Argument(help="Names from scripts/torch_zoo; all by default.")] = None,
    seconds: Annotated[float, typer.Option(help="Time to spend on measuring each file.")] = 5.0,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.")] = 2,
) -> None:
    """The same for PyTorch modules exported to ONNX; installs PyTorch into .venv-torch the first time."""
    torch_models.summarise(torch_models.measure(models or [], seconds, threads))


@app.command()
def convert(
    model: Annotated[Path, typer.Argument(help="A Keras file.")] = SAMPLE,
    rounds: Annotated[int, typer.Option(help="Runs of each.")] = 5,
) -> None:
    """Time and memory of converting alone, against loading in Keras and openvino.convert_model; and `ovprep --help`."""
    conversion.compare(model, rounds)
    conversion.help_time(rounds)


@app.command()
def layers(rounds: Annotated[int, typer.Option(help="Runs of each.")] = 3) -> None:
    """Time and memory of converting alone, for models of 250, 500 and 1,000 layers."""
    conversion.growth((250, 500, 1000), rounds)


@app.command()
def layout(
    graphs: Annotated[int, typer.Option(help="Random graphs to compare with brute force.")] = 5000,
    rounds: Annotated[int, typer.Option(help="Runs of each size.")] = 5,
) -> None:
    """The layout solver: its time for 1,000 and 5,000 ops, and brute force on random graphs of up to 10 ops."""
    solver.times((1000, 5000), rounds)
    properties.solver(graphs)


@app.command()
def models(
    number: Annotated[int, typer.Option("--models", help="Random models to try, of each kind.")] = 2000,
) -> None:
    """Random 1D models of all ops, held against ONNX Runtime after each pass."""
    properties.models(number)


@app.command()
def rank(
    seconds: Annotated[float, typer.Option(help="Time to spend on measuring each model.")] = 10.0,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.")] = 2,
) -> None:
    """Rank 4 against rank 3 at f32, with what convert chooses; and models of one axis written in two."""
    ranks.choices(seconds, threads)
    ranks.columns(seconds, threads)


@app.command()
def twins(
    models: Annotated[list[str] | None, typer.Argument(help="Names of the zoo; all by default.")] = None,
    seconds: Annotated[float, typer.Option(help="Time to spend on measuring each model.")] = 10.0,
    threads: Annotated[int, typer.Option(help="Threads of TensorFlow.")] = 2,
) -> None:
    """Keras models in channels_first against their channels_last twins, compiled by TensorFlow."""
    names = models or list(dict.fromkeys([*ZOO, *RANKS, *COLUMNS]))
    keras_twins.summarise(keras_twins.measure(names, seconds, threads))


@app.command()
def defects(
    form: Annotated[str, typer.Option(help=f"How the ops are joined: {', '.join(plugin.FORMS)}.")] = "chain",
    depth: Annotated[int, typer.Option(help="Ops in a graph; two in a sum, a product and a concat.")] = 2,
    precision: Annotated[str, typer.Option(help="f32, or bf16 for gross errors.")] = "f32",
    batch: Annotated[list[int], typer.Option(help="Batch sizes.")] = [1, 2, 3, 8],  # noqa: B006  (typer copies it)
    size: Annotated[list[str], typer.Option(help="Channels and length, as 6x10.")] = ["6x10"],  # noqa: B006
) -> None:
    """Small graphs that OpenVINO's CPU plugin computes otherwise than ONNX Runtime does, or that end its process."""
    sizes = tuple((int(channels), int(length)) for channels, _, length in (one.partition("x") for one in size))
    for found in plugin.search(form, depth, precision, batches=tuple(batch), sizes=sizes):
        print(f"{found.trial} {found.failure or f'off by {found.error:.2g}'}", flush=True)


@app.command()
def mutations(
    models: Annotated[list[str] | None, typer.Argument(help="Models of the zoo; all by default.")] = None,
    onnx: Annotated[list[Path], typer.Option(help="ONNX files besides.")] = [],  # noqa: B006  (typer copies it)
    side: Annotated[list[str], typer.Option(help="Where: IR, passes, translation.")] = list(wrong.SIDES),  # noqa: B006
    places: Annotated[int, typer.Option(help="Ops of a model that each mutation is made at.")] = 1,
    limit: Annotated[int, typer.Option(help="Mutations of each model and side.")] = 16,
    seed: Annotated[int, typer.Option(help="Of the places, and of the numbers changed.")] = 0,
    seeds: Annotated[int, typer.Option(help="Seeds to look for false alarms with, instead of mutating.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.")] = 2,
) -> None:
    """How many wrong conversions the proof catches, and names rightly; with --seeds, how many right ones it refuses."""
    names = list(ZOO) if models is None and not onnx else list(models or ())
    if seeds:
        _judge([wrong.false_alarms(names, onnx, seeds, threads)])
    else:
        tally = wrong.score(names, onnx, wrong.Scope(side, places, limit, seed), threads)
        wrong.summarise(tally)
        _judge(wrong.measures(tally))


@app.command("verification")
def cost_of_verification(
    model: Annotated[Path, typer.Argument(help="A model of any format.")] = SAMPLE,
    rounds: Annotated[int, typer.Option(help="Runs of each.")] = 5,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.")] = 2,
) -> None:
    """Time and memory of `ovprep verify` beyond those of the original, loaded in its own runtime."""
    _judge(verification.measures(model, rounds, threads))


def _judge(measures: Iterable[Measure]) -> None:
    """Says of each target whether it holds; exit code 1 where one does not."""
    found = []
    for measure in measures:
        print(measure, flush=True)
        found.append(measure.holds)
    if not all(found):
        raise typer.Exit(1)


@app.command("honesty")
def honesty_of_benchmarks(
    model: Annotated[Path, typer.Argument(help="A model of any format.")] = SAMPLE,
    runs: Annotated[int, typer.Option(help="Of the same model twice, and of the planted slowdown.")] = 20,
    seconds: Annotated[float, typer.Option(help="Time to spend on measuring in each run.")] = 10.0,
    threads: Annotated[int, typer.Option(help="Threads of every runtime.")] = 2,
) -> None:
    """Whether benchmarks can be believed: a model against itself, 5% of extra work, benchmark_app, a whole convert."""
    _judge(honesty.measures(model, runs, seconds, threads))


app()
