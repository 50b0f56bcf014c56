"""Products between layers against real Keras."""

from pathlib import Path

import numpy as np
import pytest
from keras import ops

from tests.frontends.keras.operations.table import Function, check_functions

MATRIX = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
CUBE = np.random.default_rng(4).normal(size=(2, 4, 3)).astype(np.float32)

PRODUCTS: dict[str, list[Function]] = {
    "matmul": [
        lambda x, y: ops.matmul(x, ops.transpose(y, (0, 2, 1))),
        lambda x, y: ops.matmul(x, MATRIX),
        lambda x, y: ops.matmul(x, MATRIX[:, 0]),
        lambda x, y: x @ MATRIX,
        lambda x, y: ops.matmul(np.ones((2, 6), np.float32), y),
    ],
    "dot": [lambda x, y: ops.dot(x, MATRIX), lambda x, y: ops.dot(y, MATRIX[:, 1]), lambda x, y: ops.dot(x, CUBE)],
    "einsum": [
        lambda x, y: ops.einsum("bij,bkj->bik", x, y),
        lambda x, y: ops.einsum("btc,cd->btd", x, MATRIX),
        lambda x, y: ops.einsum("...ij,...ij->...i", x, y),
    ],
    "tensordot": [
        lambda x, y: ops.tensordot(x, MATRIX, axes=1),
        lambda x, y: ops.tensordot(y, MATRIX, axes=[[2], [0]]),
    ],
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str, tmp_path: Path) -> None:
    functions = [*PRODUCTS[name], lambda x, y: x + y]
    check_functions(functions, tmp_path, number=2, shapes=name not in ("dot", "tensordot"))
