"""The float64 yardstick against ONNX Runtime: the same within float32 rounding, and finer than float32."""

import itertools
import tracemalloc
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

RNG = np.random.default_rng(0)
TOLERANCE = 2e-6
"""Largest difference between float32 and float64 for one operator, in units of the output's scale."""


def normal(*shape: int) -> NDArray[np.float32]:
    return RNG.standard_normal(shape).astype(np.float32)


X = normal(2, 8, 31)
SIZES = np.array([1, 1, 2], np.float32)

# Name: operator, inputs (the first is fed, the others are weights), attributes.
CASES: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    "conv, stride": ("Conv", [X, normal(6, 8, 3), normal(6)], {"pads": [1, 2], "strides": [2]}),
    "conv, causal dilation": ("Conv", [X, normal(6, 8, 3)], {"pads": [8, 0], "dilations": [4]}),
    "conv, groups": ("Conv", [X, normal(12, 2, 3), normal(12)], {"group": 4, "pads": [1, 1]}),
    "conv, depthwise same": ("Conv", [X, normal(8, 1, 4)], {"group": 8, "auto_pad": "SAME_UPPER", "strides": [2]}),
    "conv, same lower": ("Conv", [X, normal(6, 8, 4)], {"auto_pad": "SAME_LOWER", "strides": [2]}),
    "conv, rank 4": (
        "Conv",
        [normal(2, 4, 5, 9), normal(6, 2, 3, 2), normal(6)],
        {"group": 2, "pads": [1, 0, 2, 1], "strides": [1, 2], "dilations": [2, 1]},
    ),
    "transpose": ("ConvTranspose", [X, normal(8, 6, 3), normal(6)], {"strides": [2], "pads": [1, 0]}),
    "transpose, groups": (
        "ConvTranspose",
        [X, normal(8, 3, 4), normal(6)],
        {"strides": [2], "group": 2, "pads": [1, 1], "output_padding": [1]},
    ),
    "transpose, dilation": (
        "ConvTranspose",
        [X, normal(8, 3, 3)],
        {"strides": [3], "dilations": [2], "output_padding": [2]},
    ),
    "transpose, same upper": ("ConvTranspose", [X, normal(8, 3, 5)], {"strides": [2], "auto_pad": "SAME_UPPER"}),
    "transpose, same lower": ("ConvTranspose", [X, normal(8, 3, 5)], {"strides": [2], "auto_pad": "SAME_LOWER"}),
    "transpose, output shape": ("ConvTranspose", [X, normal(8, 3, 5)], {"strides": [2], "output_shape": [60]}),
    "max pool": ("MaxPool", [X], {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
    "max pool, ceil": ("MaxPool", [X], {"kernel_shape": [4], "strides": [3], "ceil_mode": 1, "pads": [1, 1]}),
    "max pool, rank 4": (
        "MaxPool",
        [normal(2, 3, 9, 7)],
        {"kernel_shape": [3, 2], "strides": [2, 1], "dilations": [1, 2]},
    ),
    "max pool, same": ("MaxPool", [X], {"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_UPPER"}),
    "average pool": ("AveragePool", [X], {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
    "average pool, padding counts": (
        "AveragePool",
        [X],
        {"kernel_shape": [4], "strides": [3], "pads": [1, 1], "ceil_mode": 1, "count_include_pad": 1},
    ),
    "average pool, ceil": ("AveragePool", [X], {"kernel_shape": [4], "strides": [3], "ceil_mode": 1}),
    "average pool, same": ("AveragePool", [X], {"kernel_shape": [4], "strides": [2], "auto_pad": "SAME_LOWER"}),
    "average pool, dilation": ("AveragePool", [X], {"kernel_shape": [3], "dilations": [2], "pads": [2, 1]}),
    "global average": ("GlobalAveragePool", [X], {}),
    "global maximum": ("GlobalMaxPool", [X], {}),
    "resize, nearest": (
        "Resize",
        [X, None, SIZES],
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    ),
    "resize, linear": ("Resize", [X, None, SIZES], {"mode": "linear"}),
    "gather elements": (
        "GatherElements",
        [normal(2, 90, 5), RNG.integers(-90, 90, (2, 80, 4))],
        {"axis": 1},
    ),
    "gemm": ("Gemm", [normal(3, 8), normal(5, 8), normal(5)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    "matmul": ("MatMul", [normal(2, 7, 8), normal(8, 5)], {}),
    "layer norm": ("LayerNormalization", [normal(2, 7, 8), normal(8), normal(8)], {"axis": -1, "epsilon": 1e-3}),
    "batch norm": ("BatchNormalization", [X, normal(8), normal(8), normal(8), np.abs(normal(8))], {}),
    "instance norm": ("InstanceNormalization", [X, normal(8), normal(8)], {}),
    "group norm": ("GroupNormalization", [X, normal(8), normal(8)], {"num_groups": 4}),
    "softmax": ("Softmax", [X], {"axis": 1}),
    "prelu": ("PRelu", [X, normal(8, 1)], {}),
    "gelu, tanh": ("Gelu", [X], {"approximate": "tanh"}),
    "mean": ("ReduceMean", [X, np.array([2])], {"keepdims": 0}),
    "pad": ("Pad", [X, np.array([0, 0, 2, 0, 0, 3])], {"mode": "reflect"}),
    "lstm": (
        "LSTM",
        [normal(7, 2, 5), normal(2, 16, 5), normal(2, 16, 4)],
        {"hidden_size": 4, "direction": "bidirectional"},
    ),
    "gru": ("GRU", [normal(7, 2, 5), normal(1, 12, 5), normal(1, 12, 4)], {"hidden_size": 4, "linear_before_reset": 1}),
}
CASES |= {
    name.lower(): (name, [X], {})
    for name in ("Elu", "Selu", "Celu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "LogSoftmax",
                 "Mish", "Relu", "Sigmoid", "Softplus", "Softsign", "Tanh")
}  # fmt: skip
EXACT = {
    "gather elements",
    "max pool",
    "max pool, ceil",
    "max pool, rank 4",
    "max pool, same",
    "global maximum",
    "resize, nearest",
    "pad",
    "relu",
}
"""Cases that move or choose values without computing any."""


def model_of(op: str, inputs: list[Any], attributes: dict[str, Any], opset: int = 21) -> onnx.ModelProto:
    names = ["" if value is None else f"input{index}" for index, value in enumerate(inputs)]
    weights = [
        numpy_helper.from_array(value, name)
        for value, name in zip(inputs[1:], names[1:], strict=True)
        if value is not None
    ]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], **attributes)],
        "one",
        [helper.make_tensor_value_info(names[0], onnx.TensorProto.FLOAT, inputs[0].shape)],
        [helper.make_empty_tensor_value_info("y")],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model)


@pytest.mark.parametrize("name", CASES)
def test_operators_agree_with_onnx_runtime(name: str) -> None:
    op, inputs, attributes = CASES[name]
    model = model_of(op, inputs, attributes)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (rounded,) = session.run(None, {"input0": inputs[0]})
    (exact,) = DoubleReference(ir.from_proto(model)).run([inputs[0]])
    assert exact.dtype == np.float64
    assert exact.shape == rounded.shape
    assert np.abs(exact - rounded).max() <= TOLERANCE * np.abs(exact).max()
    if name not in EXACT:
        # Computed in float32 anywhere on the way, every value would be a float32.
        assert np.mean(exact != exact.astype(np.float32)) > 0.4


def test_casts_and_constants_are_raised_too() -> None:
    third = helper.make_node("Constant", [], ["third"], value_float=1 / 3)
    cast = helper.make_node("Cast", ["x"], ["raised"], to=onnx.TensorProto.FLOAT)
    product = helper.make_node("Mul", ["raised", "third"], ["y"])
    graph = helper.make_graph(
        [third, cast, product],
        "casts",
        [helper.make_tensor_value_info("x", onnx.TensorProto.INT64, [3])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (exact,) = DoubleReference(ir.from_proto(model)).run([np.array([1, 2, 3])])
    assert exact.dtype == np.float64
    # The constant keeps its float32 value: it is the model's, and no error of ours.
    np.testing.assert_array_equal(exact, np.array([1, 2, 3]) * np.float64(np.float32(1 / 3)))


def test_memory_holds_what_is_still_needed_alone() -> None:
    """A chain of twenty tensors of 8 MB: two or three at a time, not all of them."""
    names = ["input0", *(f"value{index}" for index in range(20))]
    nodes = [helper.make_node("Neg", [one], [other]) for one, other in itertools.pairwise(names)]
    nodes.append(helper.make_node("Add", [names[-1], "input0"], ["y"]))  # an input that is needed to the end
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1_000_000]) for name in ("input0", "y")]
    model = helper.make_model(
        helper.make_graph(nodes, "chain", ports[:1], ports[1:]),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )
    reference = DoubleReference(ir.from_proto(model))
    x = normal(1_000_000)
    tracemalloc.start()
    (exact,) = reference.run([x])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(exact, 2 * x.astype(np.float64))
    assert peak < 5 * 8e6


def test_known_errors_of_the_evaluator_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="Softmax"):
        DoubleReference(ir.from_proto(model_of("Softmax", [X], {"axis": 1}, 12)))
