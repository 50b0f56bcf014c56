"""The weights of a file, or of files beside it; they stay out of the way while the graph is brought into shape.

The checker, the version converter and shape inference copy the whole model as one message, several times. Protobuf does
not let them have more than 2 GiB, and they need no weight, so that inputs stand for these meanwhile.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from onnx.external_data_helper import ExternalDataInfo

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.onnx.checking import first_line
from ovprep.graph.storage import fits_in_message

Weights = dict[str, ir.TensorProtocol]

LARGE = 1024
"""Bytes; what is smaller may be a shape, an axis or a scale, which tools for graphs look at."""


def data_files(proto: onnx.ModelProto, path: Path) -> list[Path]:
    """The files beside `path` that the model keeps weights in, each once. Raises ModelError as `set_aside` does."""
    tensors = (*proto.graph.initializer, *_inner_tensors(proto))
    return list(dict.fromkeys(_data_file(tensor, path) for tensor in tensors if _is_external(tensor)))


def set_aside(proto: onnx.ModelProto, path: Path) -> Weights:
    """Takes large weights, and those of other files, out of a model that was read from `path`; `put_back` has the rest.

    What other files hold is read, or mapped into memory where it is large. Raises ModelError where there is no such
    data, or it lies outside of the model's folder; UnsupportedError for sparse weights.
    """
    if proto.graph.sparse_initializer:
        name = proto.graph.sparse_initializer[0].values.name
        raise UnsupportedError(f"{path} holds sparse weights, as {name!r}, which are not covered; export dense ones.")
    for tensor in filter(_is_external, _inner_tensors(proto)):
        _bring_in(tensor, path)
    found = [tensor for tensor in proto.graph.initializer if _is_external(tensor) or len(tensor.raw_data) > LARGE]
    names = {tensor.name for tensor in found}
    if len(names) < len(found):
        raise ModelError(f"{path} is not a valid ONNX model: it holds two weights of one name.")
    kept = [tensor for tensor in proto.graph.initializer if tensor.name not in names]
    weights = {tensor.name: _tensor_of(tensor, path) for tensor in found}
    listed = {value.name for value in proto.graph.input}
    for tensor in found:
        if tensor.name not in listed:
            proto.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    outside = [tensor for tensor in weights.values() if isinstance(tensor, ir.ExternalTensor)]
    if fits_in_message(sum(tensor.nbytes for tensor in outside)):
        weights |= {str(tensor.name): _in_memory(tensor) for tensor in outside}
    return weights


def put_back(model: ir.Model, weights: Weights) -> None:
    """Makes initialisers of the inputs that stand for weights."""
    inputs = list(model.graph.inputs)
    model.graph.inputs.clear()
    model.graph.inputs.extend(value for value in inputs if value.name not in weights)
    for value in inputs:
        if value.name in weights:
            tensor = weights[value.name]
            value.const_value, value.shape, value.dtype = tensor, ir.Shape(tensor.shape.numpy()), tensor.dtype
            model.graph.register_initializer(value)


def _inner_tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Tensors that are not weights of the main graph: those of nodes, of branches and of functions."""
    for holder in (proto.graph, *proto.functions):
        for node in holder.node:
            yield from _tensors_of(node)


def _tensors_of(node: onnx.NodeProto) -> Iterator[onnx.TensorProto]:
    for attribute in node.attribute:
        yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from graph.initializer
            for inner in graph.node:
                yield from _tensors_of(inner)


def _is_external(tensor: onnx.TensorProto) -> bool:
    return tensor.data_location == onnx.TensorProto.EXTERNAL


def _bring_in(tensor: onnx.TensorProto, path: Path) -> None:
    tensor.raw_data = _tensor_of(tensor, path).tobytes()
    tensor.ClearField("external_data")
    tensor.data_location = onnx.TensorProto.DEFAULT


def _tensor_of(tensor: onnx.TensorProto, path: Path) -> ir.TensorProtocol:
    """The tensor with its data at hand, mapped into memory where it is in another file."""
    if _is_external(tensor):
        return _mapped(tensor, path)
    try:
        onnx.checker.check_tensor(tensor)
        return _in_memory(ir.serde.deserialize_tensor(tensor))
    except (ValueError, TypeError, onnx.checker.ValidationError) as error:
        raise _invalid(tensor, path, error) from error


def _mapped(tensor: onnx.TensorProto, path: Path) -> ir.ExternalTensor:
    file = _data_file(tensor, path)
    info = _info(tensor, path)
    try:
        dtype, shape = ir.DataType(tensor.data_type), ir.Shape(tensor.dims)
    except ValueError as error:
        raise _invalid(tensor, path, error) from error
    stored = ir.ExternalTensor(
        file.name, info.offset, info.length, dtype, shape=shape, name=tensor.name, base_dir=file.parent
    )
    size = stored.nbytes
    if (info.length or size) < size or (info.offset or 0) + size > file.stat().st_size:
        raise ModelError(
            f"{path} keeps its weight {tensor.name!r} in {file.name}, which does not hold all of it; copy both again."
        )
    return stored


def _info(tensor: onnx.TensorProto, path: Path) -> ExternalDataInfo:
    try:
        return ExternalDataInfo(tensor)
    except ValueError as error:
        raise _invalid(tensor, path, error) from error


def _invalid(tensor: onnx.TensorProto, path: Path, error: Exception) -> ModelError:
    return ModelError(f"{path} is not a valid ONNX model, for its weight {tensor.name!r}: {first_line(error)}")


def _in_memory(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    return ir.Tensor(np.array(tensor.numpy()), dtype=tensor.dtype, name=tensor.name)


def _data_file(tensor: onnx.TensorProto, path: Path) -> Path:
    """The file that holds the tensor; it lies beside the model, or beside the file that the model's name links to.

    A model is data from elsewhere, and must not have other files read.
    """
    location = Path(_info(tensor, path).location)
    file = (path.parent / location).resolve()
    beside = {path.parent.resolve(), path.resolve().parent}
    if location.is_absolute() or ".." in location.parts or not beside & set(file.parents):
        raise ModelError(
            f"{path} keeps its weight {tensor.name!r} in {str(location)!r}, outside of its own folder, where ovprep "
            "reads nothing; save the model anew, with its weights beside it."
        )
    if not file.is_file():
        raise ModelError(
            f"{path} keeps its weights in another file, which cannot be read: there is no {path.parent / location}."
        )
    return file
