"""onnx's own backend tests: models and data that others wrote go through `normalize` and still compute the same."""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test
import onnx.numpy_helper
import pytest
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx import read_onnx
from ovprep.passes.pipeline import normalize
from tests.graphs import run
from tests.layouts import turned

DATA = Path(onnx.backend.test.__file__).parent / "data"
CONVERTED = sorted(path for kind in ("pytorch-converted", "pytorch-operator") for path in (DATA / kind).iterdir())
SPATIAL = ("Conv", "ConvTranspose", "AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool", "LpPool")
NODES = [
    "averagepool_1d_default",
    "convtranspose_1d",
    "lppool_1d_default",
    "maxpool_1d_default",
    "causal_conv_with_state_basic_expanded",
    "causal_conv_with_state_b1_c1_degenerate_expanded",
    "causal_conv_with_state_decode_step_expanded",
    "causal_conv_with_state_kernel_size_one_expanded",
    "causal_conv_with_state_short_input_no_past_state_expanded",
    "causal_conv_with_state_silu_expanded",
    "causal_conv_with_state_silu_with_past_state_expanded",
    "causal_conv_with_state_swish_alias_expanded",
    "causal_conv_with_state_with_bias_and_past_state_expanded",
    "causal_conv_with_state_with_bias_expanded",
    "causal_conv_with_state_with_past_state_expanded",
    "gru_batchwise",
    "gru_bidirectional",
    "gru_defaults",
    "gru_reverse",
    "gru_seq_length",
    "gru_with_initial_bias",
    "lstm_batchwise",
    "lstm_bidirectional",
    "lstm_defaults",
    "lstm_reverse",
    "lstm_with_initial_bias",
    "lstm_with_peepholes",
    "rnn_seq_length",
    "simple_rnn_batchwise",
    "simple_rnn_bidirectional",
    "simple_rnn_defaults",
    "simple_rnn_reverse",
    "simple_rnn_with_initial_bias",
]
"""By name, since making them takes seconds; a newer onnx that has others fails the first test."""
RECURRENT = ("LSTM", "GRU", "RNN")
Array = NDArray[Any]


def normalized_outputs(path: Path, inputs: list[Array]) -> list[Array]:
    """What the normalised model gives, fed and read in the layouts of the original."""
    graph = read_onnx(path).graph
    done = normalize(graph)
    before, after = done.original, done.interface
    ports = zip(inputs, before.inputs, after.inputs, strict=True)
    feeds = {new.name: turned(array, old, new) for array, old, new in ports}
    outputs = zip(run(graph, feeds), before.outputs, after.outputs, strict=True)
    return [turned(array, new, old) for array, old, new in outputs]


def compare(found: list[Array], wanted: list[Array]) -> None:
    assert len(found) == len(wanted)
    for mine, right in zip(found, wanted, strict=True):
        assert mine.shape == right.shape
        np.testing.assert_allclose(mine, right, rtol=1e-3, atol=1e-6)  # onnx's own tolerance is 1e-3 and 1e-7


def protos_in(folder: Path, kind: str) -> list[Array]:
    files = sorted(folder.glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return [onnx.numpy_helper.to_array(onnx.load_tensor(str(path))) for path in files]


@pytest.mark.parametrize("folder", CONVERTED, ids=lambda path: path.name)
def test_models_converted_from_pytorch(folder: Path) -> None:
    data = folder / "test_data_set_0"
    try:
        found = normalized_outputs(folder / "model.onnx", protos_in(data, "input"))
    except UnsupportedError as error:
        pytest.skip(f"refused: {error}")
    compare(found, protos_in(data, "output"))


@cache
def cases_of_one_spatial_axis() -> dict[str, Any]:
    """onnx makes its cases by running the functions that document each operator."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return {case.name: case for case in collect_testcases(None) if _is_one_dimensional(case.model.graph)}


def _is_one_dimensional(graph: onnx.GraphProto) -> bool:
    if not graph.input:
        return False
    tensor = graph.input[0].type.tensor_type
    known = any(node.op_type in (*SPATIAL, *RECURRENT) for node in graph.node)
    return known and len(tensor.shape.dim) == 3 and tensor.elem_type == onnx.TensorProto.FLOAT


def test_no_case_is_left_out() -> None:
    assert {f"test_{name}" for name in NODES} == set(cases_of_one_spatial_axis())


@pytest.mark.parametrize("name", NODES)
def test_operators_over_one_axis(name: str, tmp_path: Path) -> None:
    case = cases_of_one_spatial_axis()[f"test_{name}"]
    path = tmp_path / "model.onnx"
    onnx.save(case.model, path)
    (inputs, outputs), *_ = case.data_sets
    feeds = dict(zip((value.name for value in case.model.graph.input), inputs, strict=True))
    try:
        run(case.model, feeds)
    except (runtime.Fail, runtime.NotImplemented) as error:
        pytest.skip(f"ONNX Runtime itself cannot: {str(error).splitlines()[0]}")
    try:
        found = normalized_outputs(path, list(inputs))
    except UnsupportedError as error:
        pytest.skip(f"refused: {error}")
    compare(found, list(outputs))
