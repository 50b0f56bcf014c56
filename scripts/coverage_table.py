"""Writes docs/layers.md: what becomes of each public class of `keras.layers`, and which operations convert.

scripts/coverage_table.py            # writes the file
scripts/coverage_table.py --check    # fails where the file is not what would be written
"""

import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ovprep.frontends.keras.layers import RULES
from ovprep.frontends.keras.layers.passthrough import passthrough
from ovprep.frontends.keras.layers.registry import OPERATIONS
from ovprep.frontends.keras.operations import operation_for  # noqa: F401  (fills the table of operations)

DOCUMENT = Path(__file__).parent.parent / "docs" / "layers.md"

_IMAGES = "works on images"
_THREE = "has three spatial axes; ovprep converts one and two"
_TEXT = "works on strings, or on tables beside the model"
_CELL = "converts inside of an RNN layer; alone it is no layer of a model"

NO_RULE: dict[str, str] = {
    "preprocessing.image_preprocessing": _IMAGES,
    "MaxNumBoundingBoxes": _IMAGES,
    "AdaptiveAveragePooling3D": _THREE,
    "AdaptiveMaxPooling3D": _THREE,
    "AveragePooling3D": _THREE,
    "Conv3D": _THREE,
    "Conv3DTranspose": _THREE,
    "Cropping3D": _THREE,
    "GlobalAveragePooling3D": _THREE,
    "GlobalMaxPooling3D": _THREE,
    "MaxPooling3D": _THREE,
    "UpSampling3D": _THREE,
    "ZeroPadding3D": _THREE,
    "ConvLSTM2D": "recurrence over images",
    "ConvLSTM3D": "recurrence over volumes",
    "HashedCrossing": _TEXT,
    "Hashing": _TEXT,
    "IntegerLookup": _TEXT,
    "StringLookup": _TEXT,
    "TextVectorization": _TEXT,
    "FlaxLayer": "holds a model of another framework",
    "JaxLayer": "holds a model of another framework",
    "TFSMLayer": "holds a SavedModel, which ovprep converts by itself",
    "TorchModuleWrapper": "holds a model of another framework",
    "Lambda": "holds Python code; Keras may run it with `--allow-code`",
    "GRUCell": _CELL,
    "LSTMCell": _CELL,
    "SimpleRNNCell": _CELL,
    "StackedRNNCells": _CELL,
    "SpatialDropout3D": _THREE,
    "InputSpec": "no layer",
    "Layer": "a base class",
    "Wrapper": "a base class",
    "Pipeline": "a list of preprocessing layers for a dataset",
}
"""Classes without a rule, or modules of Keras that hold them, and why."""

CONVERTED_BY_READER = {"InputLayer": "an input of the graph"}

_UNROLLED = "activations that ONNX lacks in a recurrence need a fixed length of at most 512 steps"

LIMITS: dict[str, str] = {
    "Bidirectional": "around LSTM, GRU, SimpleRNN and RNN",
    "ConvLSTM1D": "of a fixed length",
    "Discretization": "with its bins in the file",
    "Dot": "ranks 2 and 3",
    "GRU": _UNROLLED,
    "LSTM": _UNROLLED,
    "MultiHeadAttention": "masks, causal and scores at rank 3",
    "RMSNormalization": "over the last axes",
    "RNN": "around Keras' own cells",
    "SimpleRNN": _UNROLLED,
    "UpSampling2D": "nearest",
}
"""What a rule does not cover of its class."""

_INTRODUCTION = """# Keras layers

What `ovprep convert` makes of each public class in `keras.layers` (Keras {version}). Written by
`scripts/coverage_table.py` from the rules themselves; a test keeps it so. A layer that is refused is named with its
place in the model; [plugins.md](plugins.md) says how to add a rule for it. A model with a layer of Keras that has no
rule is given to Keras and tf2onnx as a whole, and converts if they know it.
"""


def main() -> None:
    """Writes or checks the document."""
    text = document()
    if sys.argv[1:] == ["--check"]:
        if DOCUMENT.read_text(encoding="utf-8") != text:
            sys.exit(f"{DOCUMENT} is out of date; run scripts/coverage_table.py.")
        return
    DOCUMENT.write_text(text, encoding="utf-8")


def document() -> str:
    """The text of docs/layers.md. Raises KeyError for a class that has neither a rule nor a reason."""
    keras = _keras()
    rows = [f"| `{name}` | {verdict} | {remark} |" for name, verdict, remark in _layers(keras)]
    table = "\n".join(["| layer | | remark |", "|---|---|---|", *rows])
    operations = ", ".join(f"`{name}`" for name in sorted(OPERATIONS))
    parts = [
        _INTRODUCTION.format(version=".".join(keras.__version__.split(".")[:2])),
        table,
        "## Operations\n\nOperations of `keras.ops` between layers, by the names of their classes: " + operations + ".",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _keras():  # noqa: ANN202  (a module)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    return keras


def _layers(keras) -> Iterator[tuple[str, str, str]]:  # noqa: ANN001
    """Name, verdict and remark of each public class."""
    for name in sorted(dir(keras.layers)):
        cls = getattr(keras.layers, name)
        if inspect.isclass(cls):
            yield name, *_verdict(name, cls)


def _verdict(name: str, cls: type) -> tuple[str, str]:
    own = cls.__name__
    if own != name:
        return _verdict(own, cls)[0], f"the same as `{own}`"
    if own in CONVERTED_BY_READER:
        return "converts", CONVERTED_BY_READER[own]
    rule = RULES.get(own)
    if rule is passthrough:
        return "train-only", "left out: it does nothing at inference"
    if rule is not None:
        return "converts", LIMITS.get(own, "")
    return "refused", _reason(own, cls.__module__)


def _reason(name: str, module: str) -> str:
    found = NO_RULE.get(name) or next((why for part, why in NO_RULE.items() if "." in part and part in module), None)
    if found is None:
        raise KeyError(f"{name} ({module}) has neither a rule nor a reason in NO_RULE")
    return found


if __name__ == "__main__":
    main()
