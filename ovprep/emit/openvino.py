"""Writes the canonical graph as OpenVINO IR."""

import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import openvino
import openvino.opset13
import openvino.passes

from ovprep.emit.precision import HINT_PATH, mark_precise, replace_ops_that_lose_marks
from ovprep.errors import UnsupportedError
from ovprep.graph.branches import deciding_inputs
from ovprep.graph.loops import why_a_loop
from ovprep.graph.storage import is_large, save_model
from ovprep.interface import Interface, Port


def to_openvino(model: ir.Model, interface: Interface) -> openvino.Model:
    """The model in OpenVINO, with the names of the interface and a layout on every input and output.

    Raises UnsupportedError where OpenVINO has no conversion for an op.
    """
    try:
        converted = _read(model)
    except RuntimeError as error:
        raise UnsupportedError(f"OpenVINO cannot convert this model: {_reason(error)}.{_advice(model)}") from error
    # The ONNX frontend writes biases through ShapeOf and Broadcast, which are constants once folded.
    folding = openvino.passes.Manager()
    folding.register_pass(openvino.passes.ConstantFolding())
    folding.run_passes(converted)
    _turn_weights(converted)
    if len(converted.get_parameters()) < len(interface.inputs):
        converted = _with_all_inputs(converted, interface)
    for port, parameter in zip(interface.inputs, converted.get_parameters(), strict=True):
        _label(parameter, parameter.output(0), port)
    for port, result in zip(interface.outputs, converted.get_results(), strict=True):
        _label(result, result.output(0), port)
    return converted


def _read(model: ir.Model) -> openvino.Model:
    """The model as OpenVINO's ONNX frontend reads it; a large one from a file, which it maps into memory."""
    if not is_large(model):
        return openvino.Core().read_model(ir.to_proto(model).SerializeToString())
    with tempfile.TemporaryDirectory(prefix="ovprep-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "model.onnx"
        save_model(model, path)
        return openvino.Core().read_model(path)


def save_ir(model: openvino.Model, folder: Path, info: dict[str, str], *, keep_f32: bool = False) -> None:
    """Writes `model.xml` and `model.bin` into a folder, weights as they are (float32), `info` under rt_info/ovprep.

    `keep_f32` has devices compute in float32 whatever their default is: see `ovprep.emit.precision`.
    """
    for key, value in info.items():
        model.set_rt_info(value, ["ovprep", key])
    if keep_f32:
        model.set_rt_info("f32", HINT_PATH)
        replace_ops_that_lose_marks(model)
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    if keep_f32:
        mark_precise(folder / "model.xml")


def version_at_hand() -> str:
    """As OpenVINO writes it: 2026.4.1."""
    return str(openvino.get_version()).split("-")[0]


def count_ops(model: openvino.Model) -> dict[str, int]:
    """How many ops of each type the IR holds, constants, parameters and results left out."""
    types = Counter(op.get_type_name() for op in model.get_ordered_ops())
    return {name: types[name] for name in sorted(types) if name not in ("Constant", "Parameter", "Result")}


def _with_all_inputs(model: openvino.Model, interface: Interface) -> openvino.Model:
    """The model with the inputs that nothing takes, which OpenVINO leaves out."""
    taken = {name: one for one in model.get_parameters() for name in one.output(0).get_names()}
    parameters = [taken.get(port.name) or _parameter(port) for port in interface.inputs]
    return openvino.Model(model.get_results(), parameters, model.get_friendly_name())


def _parameter(port: Port) -> Any:
    shape = openvino.PartialShape([dim if isinstance(dim, int) else openvino.Dimension() for dim in port.dims])
    parameter = openvino.opset13.parameter(shape, np.dtype(port.dtype))
    parameter.output(0).get_tensor().set_names({port.name})
    return parameter


def _turn_weights(model: openvino.Model) -> None:
    """Stores the weights `[C, F]` of a MatMul as `[F, C]`, as which the CPU plugin multiplies by them.

    Else it would keep them both ways, and a Transpose of its own between the two.
    """
    turned: dict[str, Any] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul" or node.get_attributes()["transpose_b"]:
            continue
        weights = node.input_value(1).get_node()
        if weights.get_type_name() != "Constant" or len(weights.shape) != 2:
            continue
        name = weights.get_name()
        if name not in turned:
            turned[name] = openvino.opset13.constant(np.ascontiguousarray(weights.get_data().T))
            turned[name].set_friendly_name(weights.get_friendly_name())
        node.input(1).replace_source_output(turned[name].output(0))
        node.set_attribute("transpose_b", True)
    model.validate_nodes_and_infer_types()


def _label(node: Any, output: Any, port: Port) -> None:
    node.set_layout(openvino.Layout(port.layout if port.layout else "..."))
    output.get_tensor().add_names({port.name})
    if node.get_type_name() == "Parameter":
        node.set_friendly_name(port.name)


_BRANCHES = ("If", "Loop", "Scan")


def _advice(model: ir.Model) -> str:
    """What to do where the graph chooses or loops at run time, the usual cause; with a space before it."""
    found = next((node for node in model.graph if node.op_type in _BRANCHES), None)
    if found is None:
        return ""
    reason = why_a_loop(found)
    if reason is not None:
        return f" {reason} Write it as an LSTM, GRU or RNN, or with its steps one after the other."
    values, sizes = deciding_inputs(found.inputs[0]) if found.op_type == "If" else ([], [])
    cause, way_out = "its inputs ask for", "export the model with that choice made"
    if values:
        cause, way_out = f"its input {values[0]!r} asks for", f"give that a value, as with --input-value {values[0]}=1"
    elif sizes:
        cause, way_out = f"the size of its input {sizes[0]!r} asks for", "give that its sizes with --input-shape"
    return (
        f" It computes {found.name!r} ({found.op_type}) as {cause}, and OpenVINO wants to know beforehand: {way_out}."
    )


def _reason(error: RuntimeError) -> str:
    """The line of OpenVINO's report that says what is wrong, without its C++ source locations."""
    lines = [line.strip(" .-") for line in str(error).splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"not supported|No conversion|not implemented|failed|Check|expected", line)
    ]
    telling = [line for line in telling if not re.search(r"\.[ch]pp", line)]
    return (telling or lines or ["no reason given"])[-1]
