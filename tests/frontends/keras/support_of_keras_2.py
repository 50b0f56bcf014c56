"""Checks against Keras 2, which `tf_keras` is: for what only its files hold."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from tests.frontends.keras.support import Array, compare as compare_outputs, onnx_runner, openvino_runner, feeds_for, randomise


def check_against_keras_2(
    model: tf_keras.Model, tmp_path: Path, *, edit: Callable[[Array], None] | None = None
) -> Source:
    """Saves the model as `.h5`, reads it, and compares with Keras 2; `edit` changes the inputs first."""
    randomise(model)
    model.save(tmp_path / "keras_2.h5")
    source = read_keras(tmp_path / "keras_2.h5")
    compare(source, model, edit=edit)
    return source


def compare(
    source: Source,
    model: Any,
    *,
    edit: Callable[[Array], None] | None = None,
    batches: Sequence[int] = (1, 3),
) -> None:
    """Compares the graph as read, and the normalised one in OpenVINO, with the model."""
    runners = {"as read": onnx_runner(source), "normalised": openvino_runner(source)}
    for batch in batches:
        feeds = feeds_for(source.interface, batch, 7, 1.0)
        for array in feeds.values() if edit else ():
            edit(array)
        arguments = list(feeds.values())
        result = model(arguments if len(arguments) > 1 else arguments[0], training=False)
        wanted = [np.asarray(value) for value in (result if isinstance(result, (list, tuple)) else [result])]
        for name, run in runners.items():
            compare_outputs(f"{name}, batch {batch}", run(feeds), wanted)
