"""The activation functions of keras.ops.nn against real Keras."""

from pathlib import Path

import pytest
from keras import ops

from tests.frontends.keras.operations.table import Function, check_functions

PLAIN = (
    *("celu", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu"),
    *("log_sigmoid", "log_softmax", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus"),
    *("softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh_shrink"),
)

OPTIONS: dict[str, list[Function]] = {
    "celu": [lambda x: ops.celu(x, alpha=2.0)],
    "elu": [lambda x: ops.elu(x, alpha=0.5)],
    "gelu": [lambda x: ops.gelu(x, approximate=False)],
    "glu": [lambda x: ops.glu(x, axis=1)],
    "hard_shrink": [lambda x: ops.hard_shrink(x, threshold=1.0)],
    "leaky_relu": [lambda x: ops.leaky_relu(x, negative_slope=0.4)],
    "log_softmax": [lambda x: ops.log_softmax(x, axis=1)],
    "soft_shrink": [lambda x: ops.soft_shrink(x, threshold=0.25)],
    "softmax": [lambda x: ops.softmax(x, axis=1)],
    "squareplus": [lambda x: ops.squareplus(x, b=2)],
    "threshold": [lambda x: ops.threshold(x, 0.5, -1.0)],
}


@pytest.mark.parametrize("part", range(4))
def test_defaults(part: int, tmp_path: Path) -> None:
    check_functions([getattr(ops, name) for name in PLAIN[part::4]], tmp_path)


def test_options(tmp_path: Path) -> None:
    check_functions([function for functions in OPTIONS.values() for function in functions], tmp_path)
