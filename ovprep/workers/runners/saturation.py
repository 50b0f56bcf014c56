"""Looking through final activations: an output that is saturated, 0 or 1 throughout, hides any error before it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ovprep.interface import Interface

if TYPE_CHECKING:
    import onnx_ir as ir

ACTIVATIONS = frozenset(("HardSigmoid", "Sigmoid", "Softmax", "Tanh"))
"""Ops whose output saturates, by the names that ONNX and OpenVINO share."""


@dataclass(frozen=True)
class Inner:
    """What an output's final activation takes; `index` is the number of the output."""

    index: int
    activation: str


def inner_values(model: "ir.Model") -> tuple[Inner, ...]:
    """The inputs of final activations, one for each output that ends in one."""
    found = []
    for index, output in enumerate(model.graph.outputs):
        node = output.producer()
        if node is not None and node.op_type in ACTIVATIONS and _may_be_output(node.inputs[0], model):
            found.append(Inner(index, node.op_type))
    return tuple(found)


def with_inner_outputs(model: "ir.Model", inner: tuple[Inner, ...]) -> "ir.Model":
    """A copy of the model that gives these values too, behind its outputs."""
    copy = model.clone()
    for one in inner:
        node = copy.graph.outputs[one.index].producer()
        assert node is not None
        value = node.inputs[0]
        assert value is not None
        if value.type is None:
            value.type = node.outputs[0].type
        if value.shape is None:
            value.shape = node.outputs[0].shape
        copy.graph.outputs.append(value)
    return copy


def widened(interface: Interface, inner: tuple[Inner, ...]) -> Interface:
    """The interface with ports for these values behind its outputs."""
    ports = []
    for one in inner:
        port = interface.outputs[one.index]
        ports.append(replace(port, name=f"{port.name} before {one.activation}"))
    return Interface(interface.inputs, (*interface.outputs, *ports))


def _may_be_output(value: "ir.Value | None", model: "ir.Model") -> bool:
    """Two outputs cannot be the same value, and an input is no output."""
    return value is not None and value.producer() is not None and value not in model.graph.outputs
