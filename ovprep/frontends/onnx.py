"""Reads ONNX files."""

from pathlib import Path

import onnx
import onnx.inliner
import onnx.version_converter
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # typed in some versions only
from onnx_ir.passes import common

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.source import Source, sha256_of
from ovprep.graph.builder import OPSET, Builder, infer_outputs
from ovprep.graph.constants import array_of
from ovprep.graph.cost import count_parameters
from ovprep.graph.interface import interface_of

_OLDEST_OPSET = 18
"""Since opset 18 reductions take their axes as an input, as the passes write them."""

_BROADCASTING_SLOPES = 7
"""Since opset 7 the slope of a PRelu broadcasts from the right; before, it was one number for each channel."""


def read_onnx(path: Path) -> Source:
    """Reads an ONNX file and raises its opset to the canonical one.

    Raises ModelError where the file is no valid ONNX model, UnsupportedError where its opset cannot be raised.
    """
    proto = _load(path)
    framework = f"{proto.producer_name or 'onnx'} {proto.producer_version}".strip()
    graph = graph_of(proto, path)
    return Source(
        path=path,
        format="onnx",
        framework=f"{framework} (opset {_opset_of(proto)})",
        runtime="onnxruntime",
        sha256=sha256_of(path),
        interface=interface_of(graph),
        parameters=count_parameters(graph.graph),
        graph=graph,
    )


def graph_of(proto: onnx.ModelProto, path: Path) -> ir.Model:
    """The graph of a model that was read from, or made of, the file `path`, which errors name.

    Raises ModelError where the model is not valid, UnsupportedError where its opset cannot be raised.
    """
    _check(proto, path)
    opset = _opset_of(proto)
    model = _to_graph(_canonical(proto, opset, path))
    if opset < _BROADCASTING_SLOPES:
        _raise_slopes(model.graph)
    return model


def _opset_of(proto: onnx.ModelProto) -> int:
    return next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), 1)


def _load(path: Path) -> onnx.ModelProto:
    if path.stat().st_size == 0:
        raise ModelError(f"{path} is empty.")
    try:
        proto = onnx.load(str(path))
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is not an ONNX model: it does not parse. Export it again, or copy it again."
        ) from error
    except (FileNotFoundError, onnx.checker.ValidationError) as error:
        raise ModelError(f"{path} keeps its weights in another file, which cannot be read: {_line(error)}") from error
    if not proto.graph.node or not proto.opset_import:
        raise ModelError(f"{path} is not an ONNX model: it holds no graph. Export it again, or copy it again.")
    return proto


def _check(proto: onnx.ModelProto, path: Path) -> None:
    try:
        if any(not value.type.tensor_type.HasField("shape") for value in proto.graph.output):
            proto = onnx.shape_inference.infer_shapes(proto)  # the checker asks for it, runtimes do not
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"{path} is not a valid ONNX model: {_line(error)}") from error


def _canonical(proto: onnx.ModelProto, opset: int, path: Path) -> onnx.ModelProto:
    """The model with its functions inlined, its batch axis named, its opset raised, and its shapes inferred."""
    proto = onnx.inliner.inline_local_functions(proto)
    _name_batch(proto.graph)
    del proto.graph.value_info[:]
    if opset < OPSET:
        try:
            proto = onnx.version_converter.convert_version(proto, OPSET)
        except (RuntimeError, onnx.version_converter.ConvertError) as error:
            if opset < _OLDEST_OPSET:
                raise UnsupportedError(
                    f"{path} has opset {opset}, which cannot be raised to {OPSET} ({_line(error)}). "
                    f"Export it with opset {_OLDEST_OPSET} or newer."
                ) from error
    try:
        return onnx.shape_inference.infer_shapes(proto, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"{path} is not a valid ONNX model: {_line(error)}") from error


def _name_batch(graph: onnx.GraphProto) -> None:
    """Calls the open first axis of the inputs "batch" wherever it stands, and gives every other open axis a name.

    Outputs keep the names that inputs have too; inference finds the others again where it can.
    """
    initializers = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initializers]
    batch = {_first_symbol(value) for value in inputs} - {None}
    known = {dim.dim_param for value in inputs for dim in value.type.tensor_type.shape.dim}
    for value in inputs:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value"):
                continue
            if axis == 0 or dim.dim_param in batch:
                dim.dim_param = "batch"
            elif not dim.dim_param:
                dim.dim_param = f"{value.name}_{axis}"
    for value in graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in batch:
                dim.dim_param = "batch"
            elif dim.dim_param not in known:
                dim.ClearField("dim_param")


def _first_symbol(value: onnx.ValueInfoProto) -> str | None:
    dims = value.type.tensor_type.shape.dim
    return dims[0].dim_param or None if dims else None


def _to_graph(proto: onnx.ModelProto) -> ir.Model:
    model = ir.from_proto(proto)
    for one in (
        common.RemoveInitializersFromInputsPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.LiftSubgraphInitializersToMainGraphPass(),
        common.NameFixPass(),
    ):
        one(model)
    for index, node in enumerate(model.graph):
        node.name = node.name or f"{node.op_type}_{index}"
    _complete_shapes(model.graph)
    return model


def _raise_slopes(graph: ir.Graph) -> None:
    """Gives slopes of old PRelus the rank that they broadcast with today, which onnx's converter leaves out."""
    for node in [node for node in graph if node.op_type == "PRelu"]:
        x, slope = node.inputs
        array = array_of(slope)
        if x is None or x.shape is None or array is None or array.ndim != 1 or array.size == 1:
            continue
        build = Builder(graph, str(node.name), before=node)
        node.replace_input_with(1, build.constant(array.reshape(-1, *(1,) * (len(x.shape) - 2)), "slope"))


def _complete_shapes(graph: ir.Graph) -> None:
    """Infers node by node behind the first op that the inference of whole models stops at."""
    stopped = False
    for node in graph:
        stopped = stopped or any(output.shape is None for output in node.outputs)
        if not stopped:
            continue
        before = [output.shape for output in node.outputs]
        infer_outputs(node, graph.opset_imports)
        for output, shape in zip(node.outputs, before, strict=True):
            if _open_axes(shape) < _open_axes(output.shape):
                output.shape = shape


def _open_axes(shape: ir.Shape | None) -> float:
    """How many axes have no size; a shape of unknown rank has more than any other."""
    return float("inf") if shape is None else sum(not isinstance(dim, int) for dim in shape)


def _line(error: Exception) -> str:
    """The first line of a library's message, without its end stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
