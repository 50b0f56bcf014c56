"""Cuts the part of an IR out that makes one tensor of others."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from ovprep.workers.arrays import Array


def cut(
    ir: Path, tensor: str, position: int | None, given: dict[str, Array], target: Path, *, fixed: bool
) -> list[str]:
    """Writes the IR `target` (.xml) with the tensor of this name as its output, made of those that are `given`.

    `position` is that of the output where the tensor is one: an IR may know its outputs by other names. With `fixed`
    shapes its inputs have the shapes of the arrays, else those of the IR. Returns the names of its inputs, in order:
    those of the given tensors that it takes.
    """
    from ovprep.workers.runners.openvino import without_telemetry

    openvino = without_telemetry()
    from openvino import opset13 as ops

    model = openvino.Core().read_model(ir)
    port = model.outputs[position].get_node().input_value(0) if position is not None else _port(model, tensor)
    parameters: dict[str, Any] = {}
    waiting, visited = [port.get_node()], set()
    while waiting:
        node = waiting.pop()
        if node.get_name() in visited:
            continue
        visited.add(node.get_name())
        for taken in node.inputs():
            source = taken.get_source_output()
            name = _known(source, given)
            if name is None:
                waiting.append(source.get_node())
                continue
            if name not in parameters:
                shape = openvino.PartialShape(list(given[name].shape)) if fixed else source.get_partial_shape()
                parameters[name] = ops.parameter(shape, source.get_element_type(), name=name)
            taken.replace_source_output(parameters[name].output(0))
    fragment = openvino.Model([ops.result(port)], list(parameters.values()), "op")
    openvino.save_model(fragment, target, compress_to_fp16=False)
    return list(parameters)


def _port(model: Any, tensor: str) -> Any:
    return next(port for node in model.get_ordered_ops() for port in node.outputs() if tensor in port.get_names())


def _known(port: Any, names: Collection[str]) -> str | None:
    own = port.get_names()
    return next((name for name in names if name in own), None)
