"""Which inputs of an op are parameters, as the modules of PyTorch call them, and of which layer they are."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import Array, array_of, int_of

LAYER = "ovprep.layer"
"""Metadata of a node: the layer whose parameters it has, as `encoder.conv`."""
LINEAR = "ovprep.linear"
"""Metadata of a node that is a Dense, which may run as a convolution of kernel one."""
NAMED = "ovprep.parameters"
"""Metadata of a model whose parameters are named and laid out as those of PyTorch's modules."""

_AFFINE = {1: "weight", 2: "bias"}
_RECURRENT = {1: "W", 2: "R", 3: "B"}

PARAMETERS: Mapping[str, Mapping[int, str]] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), _AFFINE),
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization", "LayerNormalization"), _AFFINE),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _RECURRENT),
    "BatchNormalization": {**_AFFINE, 3: "running_mean", 4: "running_var"},
    "Gather": {0: "weight"},
    "MatMul": {1: "weight"},
    "PRelu": {1: "weight"},
}
"""By op type, the name of each input that may be a parameter; recurrences have those of ONNX."""


def parameters_of(node: ir.Node) -> dict[str, Array]:
    """A node's parameters, by name, in the order of its inputs; an Add has one only where it is part of a layer."""
    return {
        name: array for name, index in places_of(node).items() if (array := array_of(node.inputs[index])) is not None
    }


def places_of(node: ir.Node) -> dict[str, int]:
    """Which of a node's inputs its parameters are, by name."""
    constants = {index: array for index, value in enumerate(node.inputs) if (array := array_of(value)) is not None}
    if node.op_type == "Add" and LAYER in node.metadata_props:
        return dict.fromkeys(("bias",), next(iter(constants))) if constants else {}
    if node.op_type == "MatMul" and (1 not in constants or constants[1].ndim != 2):
        return {}
    if node.op_type == "Gather" and (0 not in constants or constants[0].ndim != 2 or int_of(node, "axis", 0)):
        return {}
    names = PARAMETERS.get(node.op_type, {}) if not node.domain else {}
    return {name: index for index, name in names.items() if index in constants and constants[index].dtype.kind == "f"}


class LayerNames:
    """Gives each layer a name of its own; two calls of one layer, which have the same parameters, share one."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def take(self, wanted: str, parameters: Mapping[str, Array]) -> str:
        """The name, with a number behind it where another layer has it."""
        layer, number = wanted, 1
        while not all(self._is(f"{layer}.{name}", array) for name, array in parameters.items()):
            layer, number = f"{wanted}_{number}", number + 1
        self._arrays |= {f"{layer}.{name}": array for name, array in parameters.items()}
        return layer

    def _is(self, name: str, array: Array) -> bool:
        return np.array_equal(self._arrays.get(name, array), array, equal_nan=True)
