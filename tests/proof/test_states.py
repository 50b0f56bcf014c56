"""Each run starts from the initial state, whatever ran before it."""

from pathlib import Path

import numpy as np

from ovprep.workers import Contender, Worker


def test_a_fused_lstm_of_tflite_forgets_the_last_run(tmp_path: Path) -> None:
    """The interpreter keeps the state in variables from one call to the next."""
    import tensorflow as tf
    import tf_keras

    given = tf_keras.Input((10, 3), batch_size=1)
    model = tf_keras.Model(given, tf_keras.layers.LSTM(4)(given))
    path = tmp_path / "lstm.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    x = np.random.default_rng(0).standard_normal((1, 10, 3)).astype(np.float32)
    with Worker.launch(Contender("model", "tflite", path), threads=1) as worker:
        first, second = (worker.run([x])[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, model(x).numpy(), atol=1e-6)
