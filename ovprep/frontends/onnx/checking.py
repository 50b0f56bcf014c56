"""What onnx says of a model."""

import onnx


def check(proto: onnx.ModelProto) -> None:
    """Raises onnx.checker.ValidationError, or InferenceError, for a model that is not valid.

    Outputs need no shape, since inference does not find every one and runtimes do not ask for it.
    """
    if any(_has_no_shape(value) for value in proto.graph.output):
        proto = onnx.shape_inference.infer_shapes(proto)
        for value in filter(_has_no_shape, proto.graph.output):
            value.type.tensor_type.shape.SetInParent()
    onnx.checker.check_model(proto)


def first_line(error: Exception) -> str:
    """The first line of a library's message, without its end stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _has_no_shape(value: onnx.ValueInfoProto) -> bool:
    kind = value.type.WhichOneof("value")
    return kind in (None, "tensor_type") and not value.type.tensor_type.HasField("shape")
