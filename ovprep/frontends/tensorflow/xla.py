"""Functions that XLA is to compile, which TensorFlow would not put in the place of their calls.

Keras has a grouped Conv1D computed by such a function, since TensorFlow has no other kernel for it on a CPU. tf2onnx
leaves the call as it is, `StatefulPartitionedCall`, and calls that a success. Nothing is computed while exporting, so
that the functions may as well be ordinary ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MARK = "_XlaMustCompile"


def without_xla(path: Path, folder: Path) -> Path:
    """A copy of a SavedModel in `folder` that links to its variables; the SavedModel itself where XLA has no part.

    A file that does not parse is left to TensorFlow, which says what is wrong with it.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((path / "saved_model.pb").read_bytes())
    except DecodeError:
        return path
    marked = 0
    for graph in model.meta_graphs:
        functions = graph.graph_def.library.function
        nodes = [*graph.graph_def.node, *(node for function in functions for node in function.node_def)]
        for item in (*functions, *nodes):
            marked += _MARK in item.attr
            item.attr.pop(_MARK, None)
    if not marked:
        return path
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    for entry in path.iterdir():
        if entry.name != "saved_model.pb":
            (folder / entry.name).symlink_to(entry.resolve())
    return folder


@contextmanager
def functions_inlined() -> Iterator[None]:
    """Functions of Python that are called while a model is traced become part of it, whatever is to compile them."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
