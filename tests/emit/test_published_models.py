"""Models that others trained and published, from the file to the CPU plugin, against ONNX Runtime on the same file."""

from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest

from ovprep.emit.openvino import to_openvino
from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx import read_onnx
from ovprep.passes.pipeline import normalize
from tests.graphs import Array, difference, run

MODELS = Path(__file__).parents[3] / "shared" / "models"
SWAP = (0, 2, 1)
TOLERANCE = 1e-5
"""Of the largest value: hundreds of float32 layers, summed in two orders."""

needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason=f"the published models are not in {MODELS}")


def inputs_of(name: str) -> list[Array]:
    """The inputs that were recorded with the model."""
    with np.load(MODELS / f"{name}.reference.npz") as stored:
        return [stored[f"in{index}"] for index in range(sum(key.startswith("in") for key in stored.files))]


@needs_models
@pytest.mark.parametrize("name", ["aasist_l", "dtln_1", "dtln_2", "smartguitar_ts9"])
def test_equal_to_onnx_runtime(name: str) -> None:
    path = MODELS / f"{name}.onnx"
    source = read_onnx(path)
    graph = source.graph.clone()
    done = normalize(graph)
    before = done.original
    model = to_openvino(graph, done.interface)
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    arrays = inputs_of(name)
    wanted = run(onnx.load(path), {port.name: array for port, array in zip(before.inputs, arrays, strict=True)})
    turned = [
        array.transpose(SWAP) if p.layout == "NCW" else array for p, array in zip(before.inputs, arrays, strict=True)
    ]
    found = compiled(turned)
    for index, (port, expected) in enumerate(zip(before.outputs, wanted, strict=True)):
        output = np.asarray(found[index])
        assert difference(output.transpose(SWAP) if port.layout == "NCW" else output, expected) <= TOLERANCE


@needs_models
def test_a_branch_on_an_input_is_refused() -> None:
    """Silero's detector asks for the sample rate in an If, which OpenVINO does not take."""
    graph = read_onnx(MODELS / "silero_vad_16k_op15.onnx").graph
    done = normalize(graph)
    with pytest.raises(UnsupportedError, match=r"Conversion is failed for: Conv.*\(If\) as its inputs ask for"):
        to_openvino(graph, done.interface)
