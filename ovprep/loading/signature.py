"""A SavedModel or a frozen graph as one function with named inputs and outputs.

What exports a model and what runs the original both load it here, so that they see the same ports in the same order.
TensorFlow is imported when a function is called, which worker processes alone do.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovprep.errors import ModelError, OptionError, UnsupportedError

DEFAULT = "serving_default"


@dataclass(frozen=True)
class Signature:
    """`function` takes tensors in the order of `inputs`, and gives a list of them in the order of `outputs`.

    `inputs` has the `tf.TensorSpec` of each name. `model` keeps the variables that the function holds weakly.
    `parameters` is None where the framework does not count them.
    """

    inputs: Mapping[str, Any]
    outputs: tuple[str, ...]
    function: Callable[..., list[Any]]
    framework: str
    model: Any = None
    parameters: int | None = None

    def traceable(self) -> tuple[Any, list[Any]]:
        """A `tf.function` and its input signature: numbered names, since those of a file need not be identifiers."""
        import tensorflow as tf

        specs = [
            tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{index}")
            for index, spec in enumerate(self.inputs.values())
        ]

        def call(*tensors: Any) -> list[Any]:
            return [tf.identity(tensor) for tensor in self.function(*tensors)]

        return tf.function(call, input_signature=specs, autograph=False), specs


def load_signature(path: Path, name: str | None = None, stored: Path | None = None) -> Signature:
    """Loads a SavedModel folder, or a frozen graph where the path is a file.

    `stored` is where the files of the SavedModel are, if not in the folder that errors name.

    Raises ModelError where TensorFlow cannot read it, OptionError where there is no such signature.
    """
    return _saved_model(path, name, stored or path) if path.is_dir() else _frozen_graph(path)


def _saved_model(path: Path, wanted: str | None, stored: Path) -> Signature:
    import tensorflow as tf

    _refuse_effects(path, _stored_graphs(stored))
    try:
        model = tf.saved_model.load(str(stored))
    # Whatever is wrong with the files comes up as one of these, from the loader's many parts.
    except (tf.errors.OpError, OSError, ValueError, RuntimeError, LookupError, AttributeError, TypeError) as error:
        raise ModelError(f"{path} is no SavedModel that TensorFlow can load: {first_line(error)}.") from error
    signature = model.signatures[_choose(path, list(model.signatures), wanted)]
    # The file has no order, and TensorFlow's is another one in each process.
    stated = signature.structured_input_signature[1]
    inputs = {port: stated[port] for port in sorted(stated, key=_natural)}
    outputs = tuple(sorted(signature.structured_outputs, key=_natural))
    for port, spec in (*inputs.items(), *signature.structured_outputs.items()):
        if not isinstance(spec, (tf.TensorSpec, tf.Tensor)) or spec.dtype == tf.string:
            raise UnsupportedError(f"{path} has the port {port!r}, which is no tensor of numbers: {spec}.")

    def call(*tensors: Any) -> list[Any]:
        results = signature(**dict(zip(inputs, tensors, strict=True)))
        return [results[output] for output in outputs]

    version = getattr(model, "tensorflow_version", "")
    return Signature(inputs, outputs, call, f"tensorflow {version}".strip(), model)


_EFFECTS = re.compile(
    r"WriteFile|ReadFile|MatchingFiles|.*PyFunc.*|.*Dataset.*|.*Summary.*|.*Reader(V2)?|Debug.*|.*FromTextFile(V2)?|Rpc.*"
)
"""Operations that reach beyond the model: files, Python, other machines. Saving weights is part of every SavedModel."""


def _stored_graphs(folder: Path) -> list[Any]:
    """The graphs in a SavedModel; none where it cannot be read, which its loader says better."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel()
    try:
        stored.ParseFromString((folder / "saved_model.pb").read_bytes())
    except (DecodeError, OSError):
        return []
    return [meta.graph_def for meta in stored.meta_graphs]


def _refuse_effects(path: Path, graphs: list[Any]) -> None:
    """Raises UnsupportedError where an operation in a graph, or in its functions, does more than compute."""
    for graph in graphs:
        functions = (node for function in graph.library.function for node in function.node_def)
        for node in (*graph.node, *functions):
            if _EFFECTS.fullmatch(node.op):
                raise UnsupportedError(
                    f"{path} holds the operation {node.op} ({node.name}), which reaches beyond the model. "
                    "Export the model without it."
                )


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts "output_10" behind "output_2"."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def _choose(path: Path, names: list[str], wanted: str | None) -> str:
    """The signature that was asked for; else the one for serving, else the only one."""
    if wanted is not None:
        if wanted in names:
            return wanted
        raise OptionError(f"{path} has no signature {wanted!r}; it has {', '.join(sorted(names)) or 'none'}.")
    if not names:
        raise ModelError(f"{path} has no signature. Save it with tf.saved_model.save(…, signatures=…).")
    if DEFAULT in names or len(names) == 1:
        return DEFAULT if DEFAULT in names else names[0]
    raise OptionError(f"{path} has several signatures; choose one with --signature: {', '.join(sorted(names))}.")


def _frozen_graph(path: Path) -> Signature:
    import tensorflow as tf
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ModelError(f"{path} is no frozen TensorFlow graph: it does not parse as a GraphDef.") from error
    _refuse_effects(path, [definition])
    if not definition.node:
        raise ModelError(f"{path} is no frozen TensorFlow graph: it holds no nodes.")
    if kept := [node.name for node in definition.node if node.op in ("VarHandleOp", "VariableV2", "Variable")]:
        raise ModelError(
            f"{path} is not frozen: its weights, such as {kept[0]!r}, are in a checkpoint elsewhere. Save a SavedModel."
        )
    try:
        wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} is no graph that TensorFlow can load: {first_line(error)}.") from error
    inputs, outputs = _ends(wrapped.graph)
    if not inputs or not outputs:
        raise ModelError(f"{path} has no {'outputs' if inputs else 'placeholders that could be its inputs'}.")
    function = wrapped.prune(inputs, outputs)
    return Signature(
        {tensor.op.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs},
        _output_names(outputs),
        lambda *tensors: list(function(*tensors)),
        f"tensorflow graph version {definition.versions.producer}",
        function,
    )


def _ends(graph: Any) -> tuple[list[Any], list[Any]]:
    """The placeholders that something takes, and the results that nothing takes."""
    inputs: list[Any] = []
    outputs: list[Any] = []
    for operation in graph.get_operations():
        taken = any(tensor.consumers() for tensor in operation.outputs)
        if operation.type == "Placeholder":
            inputs += operation.outputs if taken else []
        elif operation.outputs and not taken and operation.type not in ("Const", "PlaceholderWithDefault", "Assert"):
            # What a batch normalisation gives besides its result is for training.
            outputs += operation.outputs[:1] if operation.type.startswith("FusedBatchNorm") else operation.outputs
    return inputs, outputs


def _output_names(outputs: list[Any]) -> tuple[str, ...]:
    """The names of the operations; the whole name of the tensor for all but the first output of one."""
    return tuple(tensor.op.name if tensor.value_index == 0 else tensor.name for tensor in outputs)


def first_line(error: BaseException) -> str:
    """The first line of a library's message that says something, without its end stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".")[:300] if lines else type(error).__name__
