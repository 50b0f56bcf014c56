"""What a TFLite file says of its inputs and outputs; needs TensorFlow, and is used by the exporter alone."""

from pathlib import Path
from typing import Any

from ovprep.errors import ModelError, UnsupportedError
from ovprep.loading.signature import first_line


def port_names(path: Path) -> tuple[list[str], list[str]]:
    """The names of inputs and outputs, in the order of the file: those of its signature, else those of its tensors.

    Raises ModelError where the file is no TFLite model, UnsupportedError where the interpreter lacks an operation.
    """
    import tensorflow as tf

    try:
        interpreter = tf.lite.Interpreter(model_path=str(path))
    except ValueError as error:
        raise ModelError(f"{path} is no TFLite model that TensorFlow can read: {first_line(error)}.") from error
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        raise UnsupportedError(f"TFLite itself cannot run {path}: {first_line(error)}.") from error
    signed = _signed(interpreter)
    ports = interpreter.get_input_details(), interpreter.get_output_details()
    inputs, outputs = ([signed.get(port["index"], str(port["name"])) for port in side] for side in ports)
    return inputs, outputs


def _signed(interpreter: Any) -> dict[int, str]:
    """By number of the tensor, the names that the signature of the file has for it; none where there are several."""
    keys = list(interpreter.get_signature_list())
    if len(keys) != 1:
        return {}
    runner = interpreter.get_signature_runner(keys[0])
    ports = {**runner.get_output_details(), **runner.get_input_details()}
    return {int(port["index"]): str(name) for name, port in ports.items()}
