"""Weights and constants that are wrong: the data is there, in the wrong place, order or precision."""

import numpy as np
import onnx_ir as ir

from benchmarks.mutated.registry import CONVOLUTIONS, PRODUCTS, Array, Rng, by_weights
from ovprep.graph.constants import int_of


def _swapped(array: Array, axis: int) -> Array | None:
    if array.shape[axis] < 2:
        return None
    order = [1, 0, *range(2, array.shape[axis])]
    return array.take(order, axis)


def one_percent(node: ir.Node, array: Array, rng: Rng) -> Array:
    place = tuple(int(rng.integers(size)) for size in array.shape)
    array[place] *= 1.01
    return array


def _transposed(node: ir.Node, array: Array, rng: Rng) -> Array | None:
    return array.swapaxes(0, 1) if array.ndim > 1 and array.shape[0] == array.shape[1] else None


def _by_positions(node: ir.Node, array: Array, rng: Rng) -> Array | None:
    """The rows of a layer behind a Flatten as if it had gone through the positions first."""
    rows, columns = array.shape[-2:] if array.ndim > 1 else (0, 0)
    if node.op_type != "MatMul" or array.ndim != 2 or rows < 64 or rows % 16:
        return None
    return array.reshape(16, rows // 16, columns).swapaxes(0, 1).reshape(rows, columns)


def _groups_turned(node: ir.Node, array: Array, rng: Rng) -> Array | None:
    groups = int_of(node, "group", 1)
    return np.roll(array, array.shape[0] // groups, 0) if groups > 1 else None


def _in_8_bits(array: Array) -> Array:
    step = float(np.abs(array).max()) / 127 or 1.0
    return np.round(array / step) * step


WEIGHTED = (*CONVOLUTIONS, *PRODUCTS)
by_weights("one weight changed by 1%", one_percent, *WEIGHTED)
by_weights("all weights of a layer changed by 0.1%", lambda node, w, rng: w * 1.001, *WEIGHTED)
by_weights("weights of one layer in f16", lambda node, w, rng: w.astype(np.float16).astype(w.dtype), *WEIGHTED)
by_weights("weights of one layer in 8 bits", lambda node, w, rng: _in_8_bits(w), *WEIGHTED)
by_weights("kernel reversed", lambda node, w, rng: w[..., ::-1] if w.shape[-1] > 1 else None, *CONVOLUTIONS)
by_weights("kernel moved by one tap", lambda node, w, rng: np.roll(w, 1, -1), *CONVOLUTIONS)
by_weights("kernel transposed", _transposed, *CONVOLUTIONS)
by_weights("two input channels swapped", lambda node, w, rng: _swapped(w, 1), *CONVOLUTIONS)
by_weights("two filters swapped", lambda node, w, rng: _swapped(w, 0), *CONVOLUTIONS)
by_weights("groups shuffled", _groups_turned, "Conv")
by_weights("rows of a dense layer reversed", lambda node, w, rng: w[..., ::-1, :] if w.ndim > 1 else None, *PRODUCTS)
by_weights("two rows of a dense layer swapped", lambda node, w, rng: _swapped(w, w.ndim - 2), *PRODUCTS)
by_weights("two classes swapped", lambda node, w, rng: _swapped(w, w.ndim - 1), *PRODUCTS)
by_weights("dense layer transposed", _transposed, *PRODUCTS)
by_weights("rows after a Flatten in the other order", _by_positions, *PRODUCTS)
by_weights("bias dropped", lambda node, b, rng: np.zeros_like(b), "Conv", "ConvTranspose", "Gemm", index=2)
by_weights("bias scaled by 1%", lambda node, b, rng: b * 1.01, "Conv", "ConvTranspose", "Gemm", index=2)
by_weights("bias turned by one channel", lambda node, b, rng: np.roll(b, 1), *CONVOLUTIONS, "Gemm", index=2)
by_weights("added constant dropped", lambda node, b, rng: np.zeros_like(b), "Add")
by_weights("added constant turned by one channel", lambda node, b, rng: np.roll(b, 1), "Add")
by_weights("factor changed by 1%", lambda node, f, rng: f * 1.01, "Mul")
