"""The tables of operations name what there is in Keras and TensorFlow, so that no rule waits for a name in vain."""

import importlib
import inspect

import tensorflow as tf
from keras.src.ops.operation import Operation
from tensorflow.python.util.tf_export import get_symbol_from_name

from ovprep.frontends.keras.layers.registry import OPERATIONS
from ovprep.frontends.keras.operations.functions import FUNCTIONS
from ovprep.frontends.keras.operations.nodes import NODES

OF_KERAS_2 = {"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "SquaredDifference"}


def classes_of_keras() -> dict[str, type]:
    modules = [importlib.import_module(f"keras.src.ops.{name}") for name in ("core", "linalg", "math", "nn", "numpy")]
    return {
        name: one
        for module in modules
        for name, one in vars(module).items()
        if inspect.isclass(one) and issubclass(one, Operation)
    }


def test_operations() -> None:
    assert set(OPERATIONS) - set(classes_of_keras()) == OF_KERAS_2


def test_arguments_of_constructors() -> None:
    """Every argument of a rule is one of Keras', or of TensorFlow alone."""
    for name, one in classes_of_keras().items():
        if name not in OPERATIONS:
            continue
        known = {*inspect.signature(one.__init__).parameters, *inspect.signature(one.call).parameters}
        mine = {
            key
            for key, parameter in inspect.signature(OPERATIONS[name]).parameters.items()
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        }
        assert mine - known <= {"layer", "exclusive", "reverse"} or "variable" in mine, name


def test_functions() -> None:
    of_tensorflow = [name for name in FUNCTIONS if not name.startswith("keras.")]
    spelled = {name: (name, f"compat.v1.{name}") for name in of_tensorflow}
    missing = [name for name, names in spelled.items() if not any(map(get_symbol_from_name, names))]
    assert not missing


def test_nodes() -> None:
    known = {name for name in dir(tf.raw_ops) if name[0].isupper()}
    assert set(NODES) <= known
    assert {signature.partition("(")[0] for signature in NODES.values()} <= set(FUNCTIONS)
