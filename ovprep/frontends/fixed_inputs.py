"""Inputs that the caller gives a value: they become constants, and leave the interface."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ovprep.errors import OptionError
from ovprep.frontends.source import Source
from ovprep.interface import Interface, Port
from ovprep.options import InputValue


def with_values(source: Source, values: Sequence[InputValue]) -> Source:
    """The model with inputs fixed to numbers. The graph is changed in place; the options tell it to the runner.

    Raises OptionError for an input that there is not, that has open axes, or that cannot hold its number.
    """
    ports = {port.name: port for port in source.interface.inputs}
    fixed = []
    for value in values:
        if value.name not in ports:
            raise OptionError(f"There is no input {value.name!r}; the model has {', '.join(ports)}.")
        fixed.append(_checked(value, ports[value.name]))
    names = {value.name for value in fixed}
    if names == set(ports):
        raise OptionError("With a value for each of its inputs, nothing is left to convert; leave one open.")
    for value in fixed:
        _make_constant(source.graph.graph, value)
    interface = Interface(
        tuple(port for port in source.interface.inputs if port.name not in names), source.interface.outputs
    )
    said = tuple(f"Input {value.name!r} is fixed to {value.number:g}." for value in fixed)
    options = replace(source.options, values=tuple(fixed))
    return replace(source, interface=interface, options=options, warnings=(*source.warnings, *said))


def _checked(value: InputValue, port: Port) -> InputValue:
    """The value with the type and shape that the model has for it."""
    shape = tuple(dim for dim in port.dims if isinstance(dim, int))
    if len(shape) < len(port.dims):
        raise OptionError(f"Input {port} has open axes, and cannot be fixed to one number.")
    made = replace(value, dtype=port.dtype, shape=shape)
    with np.errstate(over="ignore", invalid="ignore"):
        number = np.array(value.number).astype(port.dtype).item()
    exact = np.dtype(port.dtype).kind != "f"
    if (exact and number != value.number) or not np.isfinite(number):
        raise OptionError(f"Input {port} cannot be {value.number}.")
    return made


def _make_constant(graph: ir.Graph, value: InputValue) -> None:
    inputs = list(graph.inputs)
    graph.inputs.clear()
    graph.inputs.extend(one for one in inputs if one.name != value.name)
    constant = next(one for one in inputs if one.name == value.name)
    constant.const_value = ir.tensor(value.array(), name=value.name)
    graph.register_initializer(constant)
