"""Reads ONNX files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # typed in some versions only
from onnx_ir.passes import common

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.onnx.checking import check, first_line
from ovprep.frontends.onnx.contributed import write_out
from ovprep.frontends.onnx.functions import inline_functions
from ovprep.frontends.onnx.names import name_batch
from ovprep.frontends.onnx.opset import name_domain, opset_of, raise_slopes, to_canonical_opset
from ovprep.frontends.onnx.weights import data_files, put_back, set_aside
from ovprep.frontends.source import Source, sha256_of_all
from ovprep.graph.builder import IR_VERSION, Builder, infer_outputs
from ovprep.graph.cost import count_parameters
from ovprep.graph.interface import interface_of
from ovprep.graph.names import unique_name
from ovprep.graph.opening import open_axes
from ovprep.options import OpenAxis, ReadOptions


def read_onnx(path: Path, opened: Sequence[OpenAxis] = ()) -> Source:
    """Reads an ONNX file and raises its opset to the canonical one; axes of inputs that it fixes may be opened.

    Raises ModelError where the file is no valid ONNX model, UnsupportedError where its opset cannot be raised.
    """
    proto = _load(path)
    files = [path, *data_files(proto, path)]
    framework = f"{proto.producer_name or 'onnx'} {proto.producer_version}".strip()
    if opened:
        open_axes(proto, opened)
    graph = graph_of(proto, path)
    return Source(
        path=path,
        format="onnx",
        framework=f"{framework} (opset {opset_of(proto)})",
        runtime="onnxruntime",
        sha256=sha256_of_all(*files),
        interface=interface_of(graph),
        parameters=count_parameters(graph.graph),
        graph=graph,
        options=ReadOptions(opened=tuple(opened)),
    )


def graph_of(proto: onnx.ModelProto, path: Path) -> ir.Model:
    """The graph of a model that was read from, or made of, the file `path`, which errors name; `proto` is used up.

    Raises ModelError where the model is not valid, UnsupportedError where its opset cannot be raised.
    """
    opset = opset_of(proto)
    name_domain(proto)
    proto.graph.name = proto.graph.name or path.stem  # the checker asks for one, runtimes do not
    weights = set_aside(proto, path)
    _check(proto, path)
    proto = inline_functions(proto, path)
    _open_negative_sizes(proto.graph)
    name_batch(proto.graph, weights)
    del proto.graph.value_info[:]
    model = ir.from_proto(_inferred(to_canonical_opset(proto, path), path))
    model.ir_version = (
        IR_VERSION  # older ones want weights listed as inputs, newer ones say nothing to runtimes of today
    )
    put_back(model, weights)
    _tidy(model, path)
    raise_slopes(model.graph, opset)
    text = next((value for value in _values_of(model.graph) if value.dtype == ir.DataType.STRING), None)
    if text is not None:
        raise UnsupportedError(f"{path} computes with text, as in {text.name!r}; ovprep converts numbers alone.")
    return model


def _open_negative_sizes(graph: onnx.GraphProto) -> None:
    """Some exporters write -1 for an open axis, which ONNX Runtime takes as one."""
    for value in (*graph.input, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_value") and dim.dim_value < 0:
                dim.ClearField("dim_value")


def _values_of(graph: ir.Graph) -> Iterator[ir.Value]:
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph.all_nodes():
        yield from node.outputs


def _load(path: Path) -> onnx.ModelProto:
    if path.stat().st_size == 0:
        raise ModelError(f"{path} is empty.")
    if path.stat().st_size >= 2**31:
        raise ModelError(
            f"{path} has more than 2 GiB, which ONNX files cannot; save it with its weights in another file."
        )
    try:
        proto = onnx.load(str(path), load_external_data=False)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is not an ONNX model: it does not parse. Export it again, or copy it again."
        ) from error
    if not proto.graph.node or not proto.opset_import:
        raise ModelError(f"{path} is not an ONNX model: it holds no graph. Export it again, or copy it again.")
    return proto


def _check(proto: onnx.ModelProto, path: Path) -> None:
    for value in (*proto.graph.input, *proto.graph.output):
        kind = value.type.WhichOneof("value") or "tensor_type"
        if kind != "tensor_type":
            raise UnsupportedError(
                f"{path} has an input or output {value.name!r} of the type {kind.removesuffix('_type')}; "
                "ovprep converts models of tensors alone."
            )
    try:
        check(proto)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"{path} is not a valid ONNX model: {first_line(error)}") from error


def _inferred(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(proto, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"{path} is not a valid ONNX model: {first_line(error)}") from error


def _tidy(model: ir.Model, path: Path) -> None:
    """Makes constants initialisers, wherever they stand, and gives every node a name and, where it can, shapes."""
    for one in (
        common.RemoveInitializersFromInputsPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.LiftSubgraphInitializersToMainGraphPass(),
        common.NameFixPass(),
    ):
        one(model)
    names: set[str] = set()
    for index, node in enumerate(model.graph.all_nodes()):
        # No two nodes of branches share a name, either, which may come to stand side by side.
        node.name = node.name if node.name and node.name not in names else f"{node.op_type}_{index}"
        while node.name in names:
            node.name += "_"
        names.add(node.name)
    _separate_outputs(model.graph)
    write_out(model.graph)
    try:
        _complete_shapes(model.graph)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"{path} is not a valid ONNX model: {first_line(error)}") from error
    _name_casts(model.graph)


def _name_casts(graph: ir.Graph) -> None:
    """Lets a CastLike, which functions of exporters are full of, say the type: `x, like -> Cast(to=float32)`."""
    for node in graph.all_nodes():
        dtype = node.outputs[0].dtype if node.op_type == "CastLike" else None
        if dtype is not None:
            node.op_type = "Cast"
            node.attributes["to"] = ir.AttrInt64("to", int(dtype))
            node.resize_inputs(1)


def _separate_outputs(graph: ir.Graph) -> None:
    """Gives an output that is an input, or another output, too, a value and a name of its own; each may be turned."""
    seen: set[ir.Value] = set()
    for index, output in enumerate(graph.outputs):
        if output.is_graph_input() or output in seen:
            graph.outputs[index] = Builder(graph).op("Identity", output)
            graph.outputs[index].name = unique_name(graph, f"{output.name}_output")
        seen.add(output)


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
