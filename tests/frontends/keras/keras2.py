"""The check of files that Keras 2 writes: tf_keras, its last version, writes them, and says what is right."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from tests.frontends.keras.support import compare, feeds_for, onnx_runner, openvino_runner, randomise


def check_against_keras2(
    model: Any,
    tmp_path: Path,
    *,
    batches: Sequence[int] = (1, 3),
    lengths: Sequence[int] = (17,),
    spread: float = 1.0,
    suffix: str = ".h5",
) -> Source:
    """Saves the model, reads it, and compares with tf_keras, which loads the file itself.

    Runs the graph as read in ONNX Runtime, and the normalised one in OpenVINO at f32. The types of the outputs are
    those of tf_keras, too.
    """
    randomise(model)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    source = read_keras(path)
    loaded = tf_keras.models.load_model(path, compile=False)
    runners = {"as read, in ONNX Runtime": onnx_runner(source), "normalised, in OpenVINO": openvino_runner(source)}
    for length in lengths:
        for batch in batches:
            feeds = feeds_for(source.interface, batch, length, spread)
            given = [tf.constant(feed) for feed in feeds.values()]
            wanted = [np.asarray(value) for value in tf.nest.flatten(loaded(given if len(given) > 1 else given[0]))]
            assert [np.dtype(port.dtype) for port in source.interface.outputs] == [value.dtype for value in wanted]
            for name, run in runners.items():
                compare(f"{name}, batch {batch}, length {length}", run(feeds), wanted)
    return source
