"""Writes each model of the exported zoo as Keras, and says how far it is from ONNX Runtime.

    PYTHONPATH=. python scripts/torch_zoo/as_keras.py FOLDER [NAME ...]

prints one line for each: its largest error at batch 1 and 3 in ULP of the largest value, its Permutes, whether the
saved file gives the same, whether a step of `fit` runs; or why it was refused.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import onnxruntime
from numpy.typing import NDArray

import ovprep
from ovprep.errors import OvprepError

Array = NDArray[np.float32]
EPSILON = float(np.finfo(np.float32).eps)
MOVING = ("Permute", "Transpose")


def main() -> None:
    """One line for each file."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    paths = [path for path in sorted(folder.glob("*.onnx")) if not names or path.name.split(".")[0] in names]
    written = 0
    for path in paths:
        try:
            model = ovprep.to_keras(path, verify=False)
        except OvprepError as error:
            print(f"{path.stem:40s} refused: {error}", flush=True)
            continue
        written += 1
        errors = [error_of(model, path, batch) for batch in (1, 3)]
        permutes = sum(type(one).__name__ in MOVING for one in model.operations)
        saved = "saves" if survives_saving(model, path) else "DIFFERS ONCE SAVED"
        told = (f"{max(errors):6.1f} ULP", f"{permutes} Permutes", saved, trains(model, path))
        print(f"{path.stem:40s}", *told, sep="  ", flush=True)
    print(f"{written} of {len(paths)} written")


def error_of(model: keras.Model, path: Path, batch: int) -> float:
    """The largest difference from ONNX Runtime, in ULP of the largest value; infinite where shapes differ."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = {
        value.name: sized(array, batch if isinstance(value.shape[0], str) else array.shape[0])
        for value, array in zip(session.get_inputs(), examples(path), strict=True)
    }
    wanted = session.run(None, feeds)
    inputs = [fitting(array, one.shape) for array, one in zip(feeds.values(), model.inputs, strict=True)]
    found = outputs_of(model, inputs)
    return max(distance(one, fitting(other, one.shape)) for one, other in zip(found, wanted, strict=True))


def examples(path: Path) -> list[Array]:
    """PyTorch's own inputs."""
    arrays = np.load(path.with_suffix(".npz"))
    return [arrays[name] for name in sorted(arrays) if name.startswith("in")]


def sized(array: Array, batch: int) -> Array:
    """As many samples as asked for."""
    return np.ascontiguousarray(np.resize(array, (batch, *array.shape[1:])))


def fitting(array: Array, shape: tuple[int | None, ...]) -> Array:
    """Channel-last where that has the shape, which a square has either way; else as it is."""
    turned = np.moveaxis(array, 1, -1) if array.ndim > 2 else array
    fits = all(dim is None or dim == size for dim, size in zip(shape, turned.shape, strict=True))
    return turned if fits else array


def outputs_of(model: keras.Model, inputs: list[Array]) -> list[Array]:
    """At inference, always a list."""
    made = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(one) for one in (made if isinstance(made, (list, tuple)) else [made])]


def distance(found: Array, wanted: Array) -> float:
    """In ULP of the largest value."""
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found.astype(np.float64) - wanted).max() / max(float(np.abs(wanted).max()), EPSILON) / EPSILON)


def inputs_of(model: keras.Model, path: Path) -> list[Array]:
    """PyTorch's inputs, as the model takes them."""
    return [fitting(array, one.shape) for array, one in zip(examples(path), model.inputs, strict=True)]


def survives_saving(model: keras.Model, path: Path) -> bool:
    """Whether the file gives the same numbers."""
    inputs = inputs_of(model, path)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        again = outputs_of(keras.models.load_model(file), inputs)
    return all(np.array_equal(one, other) for one, other in zip(outputs_of(model, inputs), again, strict=True))


def trains(model: keras.Model, path: Path) -> str:
    """Whether a step of `fit` leaves finite weights, where there are any."""
    if not model.trainable_weights:
        return "has no weights"
    inputs = inputs_of(model, path)
    targets = [np.zeros_like(one) for one in outputs_of(model, inputs)]
    if any(one.dtype.kind != "f" for one in targets):
        return "gives whole numbers, which have no gradient"
    model.compile(optimizer=keras.optimizers.SGD(1e-4), loss=["mse"] * len(targets), jit_compile=False)
    model.fit(inputs if len(inputs) > 1 else inputs[0], targets if len(targets) > 1 else targets[0], verbose=0)
    finite = all(np.isfinite(keras.ops.convert_to_numpy(weight)).all() for weight in model.weights)
    return "trains" if finite else "NOT FINITE ONCE TRAINED"


if __name__ == "__main__":
    main()
