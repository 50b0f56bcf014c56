"""Models that others trained and published, from the file to the CPU plugin, against ONNX Runtime on the same file."""

from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest

from ovprep.emit.openvino import to_openvino
from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx import read_onnx
from ovprep.frontends.open import read_model
from ovprep.options import InputValue, InterfaceOptions, ReadOptions
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


SILERO = MODELS / "silero_vad_16k_op15.onnx"


@needs_models
def test_branches_on_sizes_are_refused() -> None:
    """Silero's detector drops the time axis where one step is left of it, in an If, which OpenVINO does not take."""
    graph = read_onnx(SILERO).graph
    done = normalize(graph)
    with pytest.raises(
        UnsupportedError, match=r"\(If\) as the size of its input 'input' asks for.* with --input-shape"
    ):
        to_openvino(graph, done.interface)


@needs_models
@pytest.mark.parametrize("rate", [16000, 8000])
def test_branches_are_taken_where_sizes_are_given(rate: int) -> None:
    """The batch stays open; the sample rate, which the model adds times nothing, becomes a constant."""
    source = read_model(SILERO, ReadOptions(values=(InputValue("sr", rate),)))
    done = normalize(source.graph, InterfaceOptions(shapes={"input": (None, 576)}))
    assert [port.dims for port in done.interface.inputs] == [("batch", 576), (2, "batch", 128)]
    model = to_openvino(source.graph, done.interface)
    assert not [op for op in model.get_ops() if op.get_type_name() == "If"]
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rng = np.random.default_rng(0)
    for batch in (1, 3):
        x, state = (rng.normal(size=shape).astype(np.float32) for shape in ((batch, 576), (2, batch, 128)))
        wanted = run(onnx.load(SILERO), {"input": x, "state": state, "sr": np.array(rate)})
        found = compiled([x, state])
        turned = [
            done.original.outputs[index].layout != port.layout for index, port in enumerate(done.interface.outputs)
        ]
        assert turned == [False, False]
        for index, expected in enumerate(wanted):
            assert difference(np.asarray(found[index]), expected) <= 1e-4
