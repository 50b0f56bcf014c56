"""What is said of a model: the sizes that open axes are given where the caller names none, and its rank."""

from pathlib import Path

import onnx_ir as ir
import pytest

import ovprep
from ovprep.interface import Dim, Interface, Port
from ovprep.tasks.inspection import default_sizes
from tests.graphs import GraphBuilder


def sizes_of(*shapes: tuple[Dim, ...]) -> dict[str, int]:
    ports = tuple(Port(f"x{index}", "float32", dims, "?" * len(dims)) for index, dims in enumerate(shapes))
    return default_sizes(Interface(ports, ()), None)


def test_open_axes_of_one_input_differ() -> None:
    assert sizes_of(("batch", "time", "time_2", 3, "time")) == {"batch": 1, "time": 256, "time_2": 320}


def test_open_axes_of_two_inputs_may_have_to_be_the_same() -> None:
    assert sizes_of(("batch", "a_time", 3), ("batch", "b_time", 3)) == {"batch": 1, "a_time": 256, "b_time": 256}
    assert sizes_of(("rows", "time"), ("time", "rows", "more")) == {"rows": 256, "time": 320, "more": 384}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("plain", "3: no op of this model is known to run faster at rank 4"),
        ("up", "3 or 4: ConvTranspose ConvTranspose may run faster at rank 4, so convert times both"),
        (
            "attention",
            "3: ConvTranspose ConvTranspose may run faster at rank 4, but the model cannot be lifted to it: Ei",
        ),
    ],
)
def test_rank(kind: str, words: str, tmp_path: Path) -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 8), build.weights(4, 4, 1))
    if kind == "attention":
        x = build.op("Einsum", x, x, equation="ncw,nkw->nkw")
    if kind != "plain":
        x = build.op("ConvTranspose", x, build.weights(4, 4, 2), strides=(2,))
    build.output(x, "y")
    ir.save(build.model, tmp_path / "model.onnx")
    assert ovprep.inspect(tmp_path / "model.onnx").rank.startswith(words)
