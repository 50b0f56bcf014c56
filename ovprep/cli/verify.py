"""`ovprep verify`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ovprep.cli.options import CodeAllowed, FixedInputs, LayoutsTold, PluginModules, SignatureName
from ovprep.cli.output import Output
from ovprep.cli.parsing import input_values, stated_layouts
from ovprep.errors import OptionError, VerificationError

DataFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="[NAME=]FILE",
        help="Your own signals: .npy, .npz, .wav, .csv or a folder; repeatable.",
        show_default=False,
    ),
]
SampleRate = Annotated[
    int | None,
    typer.Option(metavar="HZ", help="Samples per second that the model takes; .wav files must have it."),
]
ShareOfScale = Annotated[
    float | None,
    typer.Option("--tolerance", metavar="SHARE", help="Largest difference, as a share of each output's scale."),
]
Explained = Annotated[
    bool, typer.Option("--explain", help="Say which op differs most, even if none is wrong.", show_default=False)
]


def verify(
    original: Annotated[Path | None, typer.Argument(help="A model of any format, or a folder of convert.")] = None,
    candidate: Annotated[Path | None, typer.Argument(help="The model that shall be equal to it, the same.")] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Run the verification of this report.json again.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the report here, an example of a difference beside it.",
            show_default=False,
        ),
    ] = None,
    data: DataFiles = None,
    sample_rate: SampleRate = None,
    tolerance: ShareOfScale = None,
    layout: LayoutsTold = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="The weights of ORIGINAL.")] = None,
    allow_code: CodeAllowed = False,
    plugin: PluginModules = None,
    signature: SignatureName = None,
    input_value: FixedInputs = None,
    dynamic: Annotated[
        list[str] | None,
        typer.Option("--dynamic", metavar="AXIS", help="Open an axis that ORIGINAL fixes: batch, time or x[?,3,?]."),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of every runtime; all cores by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the signals; 0 by default.")] = None,
    explain: Explained = False,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="IR", help="Another IR, as a quantised one, to stand beside an IR CANDIDATE."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.")] = False,
) -> None:
    """Say whether two models are the same, and by how much they differ."""
    from ovprep.report.kinds import require_report_place
    from ovprep.tasks.verifying.verify import verify as run

    if output is not None:
        require_report_place(output, "verification")
    example = output.with_name(f"{output.stem}_difference") if output is not None else None
    shared: dict[str, Any] = {"weights": weights, "allow_code": allow_code, "plugins": plugin or (), "threads": threads}
    decided: dict[str, Any] = {
        "--sample-rate": sample_rate,
        "--tolerance": tolerance,
        "--layout": stated_layouts(layout or ()),
        "--signature": signature,
        "--input-value": input_values(input_value or ()) or None,
        "--dynamic": dynamic,
        "--seed": seed,
        "--also": also,
    }
    out = Output(json)
    with out.progress() as progress:
        shared |= {"explain": explain, "difference": example, "on_progress": progress}
        if certificate is not None:
            if given := [name for name, value in decided.items() if value is not None]:
                raise OptionError(f"A certificate says its own {given[0]}: leave that out.")
            from ovprep.tasks.verifying.recheck import verify_certificate

            found = verify_certificate(certificate, original, candidate, data=data, **shared)
        elif original is None or candidate is None:
            raise OptionError("Give two models, as ovprep verify model.h5 model_openvino, or a --certificate.")
        else:
            found = run(
                original,
                candidate,
                data=data or (),
                sample_rate=sample_rate,
                tolerance=tolerance,
                layout=decided["--layout"],
                signature=signature,
                input_values=decided["--input-value"],
                dynamic=dynamic or (),
                seed=seed or 0,
                others=also or (),
                **shared,
            )
    if output is not None:
        found.write(output)
    from ovprep.cli.render_verification import render_verification  # not before the original's runtime was started

    out.show(found.report, lambda console: render_verification(console, found, output))
    if not found.holds:
        raise typer.Exit(VerificationError.exit_code if not found.passed else OptionError.exit_code)
