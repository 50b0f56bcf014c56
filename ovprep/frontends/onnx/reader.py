"""Reads ONNX files."""

from pathlib import Path

import onnx
import onnx.inliner
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # typed in some versions only
from onnx_ir.passes import common

from ovprep.errors import ModelError
from ovprep.frontends.onnx.checking import check, first_line
from ovprep.frontends.onnx.names import name_batch
from ovprep.frontends.onnx.opset import opset_of, raise_slopes, to_canonical_opset
from ovprep.frontends.onnx.weights import data_files, put_back, set_aside
from ovprep.frontends.source import Source, sha256_of, sha256_of_files
from ovprep.graph.builder import IR_VERSION, infer_outputs
from ovprep.graph.cost import count_parameters
from ovprep.graph.interface import interface_of


def read_onnx(path: Path) -> Source:
    """Reads an ONNX file and raises its opset to the canonical one.

    Raises ModelError where the file is no valid ONNX model, UnsupportedError where its opset cannot be raised.
    """
    proto = _load(path)
    files = [path, *data_files(proto, path)]
    framework = f"{proto.producer_name or 'onnx'} {proto.producer_version}".strip()
    graph = graph_of(proto, path)
    return Source(
        path=path,
        format="onnx",
        framework=f"{framework} (opset {opset_of(proto)})",
        runtime="onnxruntime",
        sha256=sha256_of_files(path.parent, files) if len(files) > 1 else sha256_of(path),
        interface=interface_of(graph),
        parameters=count_parameters(graph.graph),
        graph=graph,
    )


def graph_of(proto: onnx.ModelProto, path: Path) -> ir.Model:
    """The graph of a model that was read from, or made of, the file `path`, which errors name; `proto` is used up.

    Raises ModelError where the model is not valid, UnsupportedError where its opset cannot be raised.
    """
    opset = opset_of(proto)
    weights = set_aside(proto, path)
    _check(proto, path)
    proto = onnx.inliner.inline_local_functions(proto)
    name_batch(proto.graph, weights)
    del proto.graph.value_info[:]
    model = ir.from_proto(_inferred(to_canonical_opset(proto, path), path))
    model.ir_version = (
        IR_VERSION  # older ones want weights listed as inputs, newer ones say nothing to runtimes of today
    )
    put_back(model, weights)
    _tidy(model, path)
    raise_slopes(model.graph, opset)
    return model


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
    try:
        _complete_shapes(model.graph)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"{path} is not a valid ONNX model: {first_line(error)}") from error


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
