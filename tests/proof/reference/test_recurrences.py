"""Recurrences of the float64 yardstick against ONNX Runtime: every option, every output."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from ovprep.errors import UnsupportedError
from ovprep.proof.reference.double import DoubleReference

STEPS, ITEMS, SIZE, UNITS = 7, 3, 5, 4
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
RNG = np.random.default_rng(3)


def normal(*shape: int) -> NDArray[np.float32]:
    return RNG.standard_normal(shape).astype(np.float32)


def model_of(op: str, options: dict[str, Any], *, lengths: bool, state: bool, peephole: bool) -> onnx.ModelProto:
    directions = 2 if options.get("direction") == "bidirectional" else 1
    rows = GATES[op] * UNITS
    weights: dict[str, NDArray[Any] | None] = {
        "w": normal(directions, rows, SIZE),
        "r": normal(directions, rows, UNITS),
        "b": normal(directions, 2 * rows),
        "lengths": np.array([4, 7, 1], np.int32) if lengths else None,
        "h": normal(directions, ITEMS, UNITS) if state else None,
        "c": normal(directions, ITEMS, UNITS) if state and op == "LSTM" else None,
        "p": normal(directions, 3 * UNITS) if peephole else None,
    }
    outputs = ["y", "last", "cell"][: 3 if op == "LSTM" else 2]
    names = [name if array is not None else "" for name, array in weights.items()]
    graph = helper.make_graph(
        [helper.make_node(op, ["x", *names[: 7 if op == "LSTM" else 5]], outputs, hidden_size=UNITS, **options)],
        "one",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (STEPS, ITEMS, SIZE))],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights.items() if array is not None],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize(
    ("op", "options", "parts"),
    [
        ("LSTM", {}, ""),
        ("LSTM", {"direction": "bidirectional"}, "lengths state"),
        ("LSTM", {"direction": "reverse"}, "lengths"),
        ("LSTM", {}, "lengths state peephole"),
        ("LSTM", {"activations": ["HardSigmoid", "Softsign", "Tanh"], "clip": 0.7}, "state"),
        ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Relu"], "activation_alpha": [0.3]}, ""),
        ("GRU", {"activations": ["HardSigmoid", "Tanh"], "activation_beta": [0.4]}, ""),
        ("GRU", {}, "state"),
        ("GRU", {"linear_before_reset": 1, "direction": "bidirectional"}, "lengths state"),
        ("GRU", {"linear_before_reset": 0, "direction": "reverse"}, "lengths"),
        ("GRU", {"activations": ["Sigmoid", "Relu"], "linear_before_reset": 1}, ""),
        ("RNN", {"direction": "bidirectional"}, "lengths state"),
        ("RNN", {"activations": ["Relu"]}, ""),
    ],
    ids=str,
)  # fmt: skip
def test_every_output_is_that_of_onnx_runtime(op: str, options: dict[str, Any], parts: str) -> None:
    model = model_of(op, options, **{part: part in parts.split() for part in ("lengths", "state", "peephole")})
    x = normal(STEPS, ITEMS, SIZE)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    rounded, exact = session.run(None, {"x": x}), DoubleReference(ir.from_proto(model)).run([x])
    for one, other in zip(rounded, exact, strict=True):
        assert other.dtype == np.float64
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 2e-6 * np.abs(one).max()
    told = exact[0][exact[0] != 0]
    assert (told != told.astype(np.float32)).mean() > 0.5  # none of it was computed in float32


def test_what_it_does_not_know_is_refused() -> None:
    model = model_of("RNN", {"activations": ["Gelu"]}, lengths=False, state=False, peephole=False)
    with pytest.raises(UnsupportedError, match="the activation Gelu"):
        DoubleReference(ir.from_proto(model)).run([normal(STEPS, ITEMS, SIZE)])
