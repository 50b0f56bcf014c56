"""The one check that every rule goes through: ONNX Runtime on the original says what is right."""

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx_ir as ir

import ovprep
from tests.graphs import FEW_ULP, Array, check, difference, run

TIME = 16
"""The size that an open time is given."""


def check_keras(
    model: ir.Model,
    tolerance: float = FEW_ULP,
    permutes: int = 0,
    kept: Collection[str] = (),
    dynamic: Collection[str] = (),
    feeds: Mapping[str, Array] | None = None,
) -> keras.Model:
    """Writes a graph that is channel-first outside, and compares it at batch 1 and 3, before and after a file.

    Tensors of ranks 3 to 5 are expected channel-last in Keras, but those whose names are `kept`. No more than
    `permutes` layers or operations may move axes. Returns the model.
    """
    check(model)
    made = ovprep.to_keras(ir.to_proto(model), dynamic=tuple(dynamic), verify=False)
    assert [one.name for one in made.inputs] == [value.name for value in model.graph.inputs]
    assert made.output_names == [value.name for value in model.graph.outputs]
    moving = [one.name for one in made.operations if type(one).__name__ in ("Permute", "Transpose")]
    assert len(moving) <= permutes, moving
    again = _reloaded(made)
    for batch in (1, 3):
        given = dict(feeds or {}) or _feeds(model, batch)
        wanted = run(model, given)
        inputs = [turned(given[str(value.name)], value.name in kept) for value in model.graph.inputs]
        found, reloaded = outputs_of(made, inputs), outputs_of(again, inputs)
        for value, one, other, array in zip(model.graph.outputs, found, reloaded, wanted, strict=True):
            error = difference(one, turned(array, value.name in kept))
            assert error <= tolerance, f"{value.name} at batch {batch} is off by {error}"
            np.testing.assert_array_equal(one, other)
    return made


def outputs_of(model: keras.Model, inputs: list[Array]) -> list[Array]:
    """What a model gives at inference, always as a list."""
    made = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(one) for one in (made if isinstance(made, (list, tuple)) else [made])]


def turned(array: Array, kept: bool = False) -> Array:
    """From channel-first to channel-last."""
    return array if kept or array.ndim < 3 else np.moveaxis(array, 1, -1)


def kinds(model: keras.Model) -> list[str]:
    """The classes of all layers and operations but the inputs, in order."""
    return [type(one).__name__ for one in model.operations if not isinstance(one, keras.layers.InputLayer)]


def train_a_step(model: keras.Model) -> None:
    """Fits to noise for one step; every trainable weight must have a gradient, and stay finite."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(4, *(dim or TIME for dim in one.shape[1:]))).astype("float32") for one in model.inputs]
    targets = [rng.normal(size=made.shape).astype("float32") for made in outputs_of(model, inputs)]
    before = [np.array(weight) for weight in model.trainable_weights]
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", jit_compile=False)
    model.fit(inputs if len(inputs) > 1 else inputs[0], targets if len(targets) > 1 else targets[0], verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(np.array(weight)).all()
        assert not np.array_equal(np.array(weight), old), weight.path


def _reloaded(model: keras.Model) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return keras.models.load_model(path)


def _feeds(model: ir.Model, batch: int) -> dict[str, Array]:
    rng = np.random.default_rng(batch)
    feeds: dict[str, Array] = {}
    for value in model.graph.inputs:
        assert value.shape is not None
        assert value.dtype is not None
        dims = [dim if isinstance(dim, int) else batch if str(dim.value) == "batch" else TIME for dim in value.shape]
        kind = value.dtype.numpy()
        numbers = rng.normal(size=dims) if kind.kind == "f" else rng.integers(0, 5, dims)
        feeds[str(value.name)] = numbers.astype(kind)
    return feeds
