"""Child process that turns a model into ONNX: `python -m ovprep.frontends.tensorflow.exporter REQUEST`.

REQUEST is JSON: `kind` ("saved-model", "frozen-pb", "tflite" or "keras"), `path`, `folder`, and the read options. Into
the folder go `model.onnx` and `result.json`, which has the framework, or the error that the parent raises. What a
library prints goes to standard error. When the parent closes the other end of standard input, the process ends.
"""

import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import NameFixPass

from ovprep.child import end_with_parent
from ovprep.errors import OvprepError
from ovprep.frontends.tensorflow import tflite_model
from ovprep.frontends.tensorflow.keras_model import load_keras
from ovprep.frontends.tensorflow.operations import register_operations
from ovprep.frontends.tensorflow.xla import functions_inlined, without_xla
from ovprep.loading.signature import Signature, first_line, load_signature
from ovprep.options import ReadOptions

OPSET = 18
"""The newest one that tf2onnx writes."""


@dataclass(frozen=True)
class Exported:
    """A graph of tf2onnx, and the names of its inputs and outputs in the model; see `export.Export`."""

    proto: onnx.ModelProto
    inputs: Sequence[str]
    outputs: Sequence[str]
    framework: str
    parameters: int | None = None


def _export_signature(signature: Signature) -> Exported:
    import tf2onnx

    function, specs = signature.traceable()
    with functions_inlined():
        proto, _ = tf2onnx.convert.from_function(function, specs, opset=OPSET)
    given = {value.name: value for value in proto.graph.input}
    for spec in specs:
        if spec.name not in given:  # an input that nothing takes is one all the same
            kind = onnx.helper.np_dtype_to_tensor_dtype(spec.dtype.as_numpy_dtype)
            given[spec.name] = onnx.helper.make_tensor_value_info(spec.name, kind, spec.shape.as_list())
    _put(proto.graph.input, [given[spec.name] for spec in specs])
    results = {value.name: value for value in proto.graph.output}
    _put(proto.graph.output, [results[tensor.name] for tensor in function.get_concrete_function().outputs])
    return Exported(proto, list(signature.inputs), signature.outputs, signature.framework, signature.parameters)


def _put(field: Any, values: list[onnx.ValueInfoProto]) -> None:
    """Gives inputs or outputs the order of the model; tf2onnx has one of its own."""
    del field[:]
    field.extend(values)


def _export_tflite(path: Path) -> Exported:
    import tf2onnx

    inputs, outputs = tflite_model.port_names(path)
    proto, _ = tf2onnx.convert.from_tflite(str(path), opset=OPSET)
    return Exported(proto, inputs, outputs, "tflite")


def _export_saved_model(path: Path, options: ReadOptions) -> Exported:
    with tempfile.TemporaryDirectory(prefix="ovprep-") as folder:
        stored = without_xla(path, Path(folder) / "model")
        return _export_signature(load_signature(path, options.signature, stored))


_EXPORTERS: dict[str, Callable[[Path, ReadOptions], Exported]] = {
    "saved-model": _export_saved_model,
    "frozen-pb": lambda path, options: _export_signature(load_signature(path)),
    "keras": lambda path, options: _export_signature(load_keras(path, options)),
    "tflite": lambda path, options: _export_tflite(path),
}


def _renamed(exported: Exported) -> onnx.ModelProto:
    """The graph with the names of the model's own ports in place of tf2onnx's."""
    proto = exported.proto
    for value in (*proto.graph.input, *proto.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            dim.ClearField("dim_param")  # a number that tf2onnx drew
    model = ir.from_proto(proto)
    values = [*model.graph.inputs, *model.graph.outputs]
    for value, name in zip(values, (*exported.inputs, *exported.outputs), strict=True):
        value.name = name
    NameFixPass()(model)
    return ir.to_proto(model)


def export_to_folder(request: dict[str, Any]) -> None:
    """Exports, and writes what came of it."""
    (Path(request["folder"]) / "result.json").write_text(json.dumps(_result(request)), "utf-8")


def _result(request: dict[str, Any]) -> dict[str, Any]:
    options = ReadOptions.unpacked(request)
    try:
        register_operations()
        exported = _EXPORTERS[request["kind"]](Path(request["path"]), options)
        onnx.save(_renamed(exported), Path(request["folder"]) / "model.onnx")
    except OvprepError as error:
        return {"error": str(error), "class": type(error).__name__}
    except Exception as error:  # noqa: BLE001  (any failure of TensorFlow or tf2onnx is an answer)
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {first_line(error)}", "class": None}
    return {"framework": exported.framework, "parameters": exported.parameters}


def main(request: dict[str, Any]) -> None:
    """Exports in a process of its own."""
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    end_with_parent(0)
    export_to_folder(request)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
