"""Checks a table of operations: each is a function of tensors that real Keras records in a file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.frontends.keras.support import check_against_keras

Function = Callable[..., Any]
LENGTH, CHANNELS = 6, 4


def check_functions(
    functions: Sequence[Function],
    tmp_path: Path,
    *,
    shape: Sequence[int | None] = (LENGTH, CHANNELS),
    dtype: str = "float32",
    number: int = 1,
    spread: float = 1.0,
    shapes: bool = True,
    lengths: Sequence[int] = (17,),
) -> None:
    """Checks a model that has an output for every function of its `number` inputs `[N, *shape]`.

    Also compares the types of the outputs with what Keras says.
    """
    xs = [keras.Input(tuple(shape), dtype=dtype, name=f"x{index}") for index in range(number)]
    outputs = tf.nest.flatten([function(*xs) for function in functions])
    model = keras.Model(xs if number > 1 else xs[0], outputs)
    source = check_against_keras(model, tmp_path, spread=spread, output_names=False, shapes=shapes, lengths=lengths)
    types = [np.dtype(port.dtype).name for port in source.interface.outputs]
    assert types == [keras.backend.standardize_dtype(output.dtype) for output in outputs]
