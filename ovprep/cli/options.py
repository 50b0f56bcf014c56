"""Options that several commands have: those of one model, and those of models side by side."""

from pathlib import Path
from typing import Annotated

import typer

ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A .h5, .keras, .onnx, .tflite or .pb file, or a SavedModel folder.", show_default=False
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The weights, where MODEL has the architecture only.", show_default=False),
]
AllowCode = Annotated[bool, typer.Option("--allow-code", help="Let Keras run Python code that the file carries.")]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="MODULE", help="Python module with rules for custom layers.", show_default=False),
]
Signature = Annotated[
    str | None, typer.Option(metavar="NAME", help="The signature of a SavedModel to convert.", show_default=False)
]
InputValues = Annotated[
    list[str] | None,
    typer.Option("--input-value", metavar="NAME=NUMBER", help="Fix an input to a number, as sr=16000; repeatable."),
]
Dynamic = Annotated[
    list[str] | None,
    typer.Option("--dynamic", metavar="AXIS", help="Open an axis that the file fixes: batch, time or x[?,3,?]."),
]
Layouts = Annotated[
    list[str] | None,
    typer.Option("--layout", metavar="[NAME=]LAYOUT", help="nwc, ncw or keep, for all tensors or one; repeatable."),
]
Plan = Annotated[
    list[str] | None,
    typer.Option(
        "--layout",
        metavar="[[NAME=]LAYOUT]",
        help="Show the layout plan: what is transposed and why; with nwc, ncw or keep, for that interface; repeatable.",
    ),
]
Shapes = Annotated[
    list[str] | None,
    typer.Option("--input-shape", metavar="NAME[…]", help="Sizes of open axes, as x[1,16000,1]; repeatable."),
]
Batch = Annotated[int | None, typer.Option(help="Size of the batch, where the model leaves it open.")]
InterfaceRank = Annotated[
    int, typer.Option(help="4 gives inputs and outputs [N, W, C] an axis: [N, 1, W, C]; 3 leaves them as they are.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, everything else on stderr.")]

# Of `verify` and `benchmark`, which take several models.
LayoutsTold = Annotated[
    list[str] | None,
    typer.Option("--layout", metavar="[NAME=]LAYOUT", help="nwc, ncw or keep, where a model does not tell it."),
]
CodeAllowed = Annotated[bool, typer.Option("--allow-code", help="Let Keras run Python code in the files.")]
PluginModules = Annotated[
    list[str] | None, typer.Option("--plugin", metavar="MODULE", help="Module with rules for custom layers.")
]
SignatureName = Annotated[str | None, typer.Option(metavar="NAME", help="The signature of a SavedModel.")]
FixedInputs = Annotated[
    list[str] | None,
    typer.Option("--input-value", metavar="NAME=NUMBER", help="Fix an input to a number, as sr=16000."),
]
