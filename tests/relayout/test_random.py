"""Random models of layers of every rule: the twin gives what the original gives, and the way back is the original."""

from collections.abc import Callable

import keras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers, ops

from ovprep.relayout.convert import relayout
from tests.relayout.support import FIRST, LAST, OTHER, check_same, formats, randomised

Step = Callable[[keras.KerasTensor, str], keras.KerasTensor]


def channels(source: str) -> int:
    return 1 if source == FIRST else -1


def folded(x: keras.KerasTensor, source: str) -> keras.KerasTensor:
    """Half the length, twice the height, a Conv2D, and back."""
    count, length = (x.shape[1], x.shape[2]) if source == FIRST else (x.shape[2], x.shape[1])
    y = layers.Reshape((count, 2, length // 2) if source == FIRST else (2, length // 2, count))(x)
    y = layers.Conv2D(count, 1, data_format=source)(y)
    return layers.Reshape((count, length) if source == FIRST else (length, count))(y)


def gated(x: keras.KerasTensor, source: str) -> keras.KerasTensor:
    count = x.shape[channels(source)]
    gate = layers.Dense(count, activation="sigmoid")(layers.GlobalAveragePooling1D(data_format=source)(x))
    return layers.Multiply()([x, layers.Reshape((count, 1) if source == FIRST else (1, count))(gate)])


def flattened(x: keras.KerasTensor, source: str) -> keras.KerasTensor:
    y = layers.BatchNormalization()(layers.Flatten()(x))
    return layers.Reshape(x.shape[1:])(layers.Dense(x.shape[1] * x.shape[2])(y))


STEPS: dict[str, Step] = {
    "convolution": lambda x, f: layers.Conv1D(4, 3, padding="same", data_format=f)(x),
    "depthwise": lambda x, f: layers.DepthwiseConv1D(3, padding="same", data_format=f, use_bias=False)(x),
    "pooling": lambda x, f: layers.MaxPooling1D(3, 1, padding="same", data_format=f)(x),
    "batch norm": lambda x, f: layers.BatchNormalization(axis=channels(f))(x),
    "layer norm": lambda x, f: layers.LayerNormalization(axis=[1, 2])(x),
    "softmax": lambda x, f: layers.Softmax(axis=1)(x),
    "prelu": lambda x, f: layers.PReLU(shared_axes=[1])(x),
    "transposed": lambda x, f: layers.Permute((2, 1))(layers.Activation("tanh")(layers.Permute((2, 1))(x))),
    "recurrent": lambda x, f: layers.GRU(x.shape[-1], return_sequences=True)(x),
    "residual": lambda x, f: layers.Add()([x, layers.Conv1D(x.shape[channels(f)], 1, data_format=f)(x)]),
    "dense": lambda x, f: x + layers.Dense(x.shape[-1])(x),
    "operations": lambda x, f: ops.tanh(x - ops.mean(x, axis=-1, keepdims=True)) * 0.5,
    "shifted": lambda x, f: ops.concatenate([x[:, 1:], x[:, :1]], axis=1),
    "folded": folded,
    "gated": gated,
    "flattened": flattened,
}


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=7), st.sampled_from([FIRST, LAST]), st.booleans())
def test_random_models(names: list[str], source: str, square: bool) -> None:
    """Also with as many channels as steps, where Keras 3.15 adds a DepthwiseConv1D's bias along the wrong axis."""
    length = 4 if square else 6
    x = start = keras.Input((4, length) if source == FIRST else (length, 4))
    for name in names:
        x = STEPS[name](x, source)
    model = randomised(keras.Model(start, [x, layers.GlobalMaxPooling1D(data_format=source)(x)]))
    result = relayout(model, source, verify=False)
    check_same(model, result)
    assert formats(result.model) <= {OTHER[source]}
    back = relayout(result.model, OTHER[source], verify=False)
    check_same(result.model, back)
