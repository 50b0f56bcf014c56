"""Holds a PyTorch module with the weights of a Keras model against that model."""

from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime

import ovprep
from ovprep import InterfaceOptions
from tests.frontends.keras.support import compare, randomise
from tests.torch_environment import Array, Torch

BATCH, ROWS = 3, 9
"""Samples, and rows of a table that an input of whole numbers points into."""


def normalized(model: keras.Model, folder: Path) -> Path:
    """The ONNX file that `ovprep normalize --layout ncw` writes."""
    path = folder / "model.keras"
    model.save(path)
    return ovprep.normalize(path, folder / "model.onnx", interface=InterfaceOptions(layout="ncw"), verify=False).path


def module(modules: str, forward: str) -> str:
    """A module with these members, and what it makes of `x`."""
    members = "\n".join(f"        self.{line.strip()}" for line in modules.strip().splitlines())
    steps = "\n".join(f"        {line.strip()}" for line in forward.strip().splitlines())
    return (
        "class Module(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"{members}\n\n    def forward(self, x):\n{steps}\n        return x\n"
    )


def check_torch(model: keras.Model, code: str, run_torch: Torch, folder: Path) -> dict[str, Array]:
    """Asserts that the file in ONNX Runtime and the module with its weights compute what Keras does.

    The module takes and gives channel-first tensors, as the file does.
    """
    randomise(model)
    rng = np.random.default_rng(1)
    shape = (BATCH, *model.inputs[0].shape[1:])
    whole = model.inputs[0].dtype == "int32"
    x = rng.integers(0, ROWS, shape).astype(np.int32) if whole else rng.normal(size=shape).astype(np.float32)
    wanted = channels_first(np.asarray(model(x, training=False)))
    file = normalized(model, folder)
    onnx.checker.check_model(str(file), full_check=True)
    session = onnxruntime.InferenceSession(file)
    compare("the file, in ONNX Runtime", session.run(None, {session.get_inputs()[0].name: channels_first(x)}), [wanted])
    state = ovprep.torch_state(file)
    compare("in PyTorch", [run_torch(code, state, channels_first(x), folder)], [wanted])
    return state


def channels_first(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if array.ndim > 2 else array


def sequential(shape: tuple[int, ...], *stack: keras.Layer, dtype: str = "float32") -> keras.Model:
    return keras.Sequential([keras.Input(shape, dtype=dtype, name="x"), *stack], name="model")
