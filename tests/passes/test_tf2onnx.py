"""Graphs as tf2onnx 1.17 writes them, from TensorFlow functions and from TFLite files, against TensorFlow."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx_ir as ir
import openvino
import pytest

from ovprep.emit.openvino import to_openvino
from ovprep.frontends.onnx import read_onnx
from ovprep.frontends.open import read_model
from ovprep.graph.constants import ints_of
from ovprep.passes.pipeline import ANY_RUNTIME, normalize
from tests.graphs import FEW_ULP, check, difference, run

CONVERTER = Path(__file__).parent / "tf2onnx_models.py"
DETOURS = ("Expand", "Gather", "Identity", "Pad", "Shape", "Slice", "Squeeze", "Tile", "Unsqueeze")

MODELS = {
    # name: Transposes that are left, ops of the kinds above that are left
    "plain": (1, {}),
    "dilated": (2, {}),
    "separable": (1, {}),
    "flat": (1, {}),
    "residual": (1, {}),
    "columns": (1, {}),
    "dense": (2, {"Unsqueeze": 1, "Slice": 1}),
    "upsampling": (1, {}),
}
IMAGES = ["spectrogram"]
"""Models with two spatial axes."""
KINDS = ["open", "time", "fixed_lite", "open_lite"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each model in each form, with an input and what TensorFlow makes of it; in a process of its own."""
    path = tmp_path_factory.mktemp("tf2onnx")
    subprocess.run([sys.executable, str(CONVERTER), str(path), json.dumps([*MODELS, *IMAGES])], check=True, timeout=600)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_equal_to_tensorflow_and_canonical(folder: Path, name: str, kind: str) -> None:
    path = folder / f"{name}.{kind}.onnx"
    if not path.exists():
        assert kind == "time"
        assert name in ("flat", "columns")
        pytest.skip("needs a length")
    with np.load(path.with_suffix(".npz")) as stored:
        x, wanted = stored["x"], stored["y"]
    model = read_onnx(path).graph
    done = normalize(model, after_each=lambda name, left: check(left))
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(to_openvino(model, done.interface), "CPU", config)
    assert difference(np.asarray(compiled(x)[0]), wanted) <= 4 * FEW_ULP
    if not kind.startswith("fixed"):
        assert difference(np.asarray(compiled(x[:1])[0]), wanted[:1]) <= 4 * FEW_ULP
    transposes, others = MODELS[name]
    model = read_onnx(path).graph
    done = normalize(model, purpose=ANY_RUNTIME)
    counts = Counter(node.op_type for node in model.graph)
    assert done.layout.transposes_after <= transposes
    assert all(counts[op_type] <= others.get(op_type, 0) for op_type in DETOURS), counts
    assert all(len(_shape(node)) <= 3 for node in model.graph if node.op_type in ("Conv", "ConvTranspose", "MaxPool"))
    assert done.interface.inputs[0].layout.replace("H", "") == "NWC"


@pytest.mark.parametrize("file", ["open.onnx", "fixed_lite.onnx", "open_lite.onnx", "open.keras"])
@pytest.mark.parametrize("name", IMAGES)
def test_images_are_turned_once(folder: Path, name: str, file: str) -> None:
    """TensorFlow's layout outside, that of the convolutions inside, and one Transpose between them."""
    path = folder / f"{name}.{file}"
    with np.load(folder / f"{name}.{path.stem.split('.')[-1]}.npz") as stored:
        x, wanted = stored["x"], stored["y"]
    model = read_model(path).graph
    done = normalize(model, after_each=lambda name, left: check(left))
    for count in {len(x), 1}:
        assert difference(run(model, {str(model.graph.inputs[0].name): x[:count]})[0], wanted[:count]) <= 4 * FEW_ULP
    assert done.interface.inputs[0].layout == "NHWC"
    assert done.layout.transposes_after == 1


@pytest.mark.parametrize("kind", ["open", "open_lite"])
def test_dilations_are_dilations(folder: Path, kind: str) -> None:
    """TensorFlow writes them as such, TFLite with an open batch by SpaceToBatch."""
    model = read_onnx(folder / f"dilated.{kind}.onnx").graph
    normalize(model)
    convolutions = [node for node in model.graph if node.op_type == "Conv"]
    assert [ints_of(node, "dilations") for node in convolutions] == [(2,), (4,), (3,)]


def _shape(node: ir.Node) -> ir.Shape:
    shape = node.outputs[0].shape
    assert shape is not None
    return shape
