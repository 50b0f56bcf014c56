"""One small network in every form that a verification meets, and ways to get it wrong.

Dilated convolution, batch normalisation, ReLU; then the sequence itself, and a classification of its mean. The original
is NCW (ONNX) or NWC (Keras); the graph behind the IR is NWC at its interface.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from ovprep.interface import Interface, Port

SAMPLES, CHANNELS, FILTERS, CLASSES, TAPS = 64, 3, 8, 4, 5


def _interface(layout: str) -> Interface:
    def dims(channels: int) -> tuple[int | str, ...]:
        return ("batch", SAMPLES, channels) if layout == "NWC" else ("batch", channels, SAMPLES)

    return Interface(
        (Port("x", "float32", dims(CHANNELS), layout),),
        (
            Port("sequence", "float32", dims(FILTERS), layout),
            Port("classes", "float32", ("batch", CLASSES), "NC"),
        ),
    )


NCW, NWC = _interface("NCW"), _interface("NWC")


@dataclass(frozen=True)
class Network:
    """Weights and attributes; `kernel` is [FILTERS, CHANNELS, TAPS], `dense` is [FILTERS, CLASSES]."""

    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    dilation: int = 2
    head: int = 4
    epsilon: float = 1e-3

    def with_weight(self, name: str, value: NDArray[Any]) -> "Network":
        return replace(self, weights={**self.weights, name: np.ascontiguousarray(value, np.float32)})


def network() -> Network:
    """The right one."""
    rng = np.random.default_rng(7)
    shapes = {
        "kernel": (FILTERS, CHANNELS, TAPS),
        "bias": (FILTERS,),
        "beta": (FILTERS,),
        "mean": (FILTERS,),
        "dense": (FILTERS, CLASSES),
        "offset": (CLASSES,),
    }
    weights = {name: (0.4 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}
    weights |= {name: rng.uniform(0.5, 1.5, FILTERS).astype(np.float32) for name in ("gamma", "variance")}
    return Network(weights)


def _one_weight(net: Network) -> Network:
    kernel = net.weights["kernel"].copy()
    kernel[2, 1, 3] *= 1.01
    return net.with_weight("kernel", kernel)


MUTATIONS: dict[str, Callable[[Network], Network]] = {
    "one weight changed by 1%": _one_weight,
    "bias dropped": lambda net: net.with_weight("bias", np.zeros(FILTERS)),
    "input channels swapped": lambda net: net.with_weight("kernel", net.weights["kernel"][:, [1, 0, 2]]),
    "filters swapped": lambda net: net.with_weight("kernel", net.weights["kernel"][[1, 0, *range(2, FILTERS)]]),
    "kernel reversed": lambda net: net.with_weight("kernel", net.weights["kernel"][:, :, ::-1]),
    "wrong epsilon": lambda net: replace(net, epsilon=1e-5),
    "dilation dropped": lambda net: replace(net, dilation=1, head=2),
    "padding off by one": lambda net: replace(net, head=5),
    "rows of the dense layer permuted": lambda net: net.with_weight("dense", net.weights["dense"][::-1]),
}


def onnx_model(net: Network, layout: str) -> onnx.ModelProto:
    """The network with the given layout at its interface; inside it is NCW either way."""
    interface = NWC if layout == "NWC" else NCW
    total = (TAPS - 1) * net.dilation
    nodes = [
        helper.make_node("Transpose", ["x"], ["ncw"], perm=[0, 2, 1] if layout == "NWC" else [0, 1, 2]),
        helper.make_node(
            "Conv", ["ncw", "kernel", "bias"], ["conv"], dilations=[net.dilation], pads=[net.head, total - net.head]
        ),
        helper.make_node(
            "BatchNormalization", ["conv", "gamma", "beta", "mean", "variance"], ["norm"], epsilon=net.epsilon
        ),
        helper.make_node("Relu", ["norm"], ["relu"]),
        helper.make_node("Transpose", ["relu"], ["sequence"], perm=[0, 2, 1] if layout == "NWC" else [0, 1, 2]),
        helper.make_node("GlobalAveragePool", ["relu"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "offset"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["classes"], axis=1),
    ]

    def values(ports: tuple[Port, ...]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(port.name, onnx.TensorProto.FLOAT, port.dims) for port in ports]

    weights = [numpy_helper.from_array(array, name) for name, array in net.weights.items()]
    graph = helper.make_graph(nodes, "network", values(interface.inputs), values(interface.outputs), weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def write_onnx(net: Network, layout: str, path: Path) -> Path:
    onnx.save(onnx_model(net, layout), path)
    return path


def write_ir(net: Network, path: Path) -> Path:
    """The network as an IR with an NWC interface and f32 weights."""
    import openvino

    source = write_onnx(net, "NWC", path.with_suffix(".onnx"))
    openvino.save_model(openvino.convert_model(source), path, compress_to_fp16=False)
    return path


def write_keras(net: Network, path: Path) -> Path:
    """The same network as Keras writes it."""
    import keras

    weights = net.weights
    inputs = keras.Input((SAMPLES, CHANNELS), name="x")
    conv = keras.layers.Conv1D(FILTERS, TAPS, padding="same", dilation_rate=net.dilation)
    norm = keras.layers.BatchNormalization(epsilon=net.epsilon)
    dense = keras.layers.Dense(CLASSES, activation="softmax")
    sequence = keras.layers.ReLU(name="sequence")(norm(conv(inputs)))
    model = keras.Model(inputs, [sequence, dense(keras.layers.GlobalAveragePooling1D()(sequence))])
    conv.set_weights([weights["kernel"].transpose(2, 1, 0), weights["bias"]])
    norm.set_weights([weights[name] for name in ("gamma", "beta", "mean", "variance")])
    dense.set_weights([weights["dense"], weights["offset"]])
    model.save(path)
    return path
