"""Small graphs for tests: building them, running them in ONNX Runtime, comparing them, and printing them."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from numpy.typing import NDArray

from ovprep.graph.builder import Builder, new_model
from ovprep.interface import Dim

Array = NDArray[np.generic]

EPSILON = float(np.finfo(np.float32).eps)
FEW_ULP = 16 * EPSILON
"""Of the largest value of a tensor: what another order of summation may change."""
OPEN_SIZES = {"batch": 3, "time": 16}
"""Sizes that open axes are given."""


class GraphBuilder(Builder):
    """A builder that owns its model, with inputs and outputs."""

    def __init__(self, opset: int = 21) -> None:
        self.model = new_model("test", opset)
        super().__init__(self.model.graph)
        self.rng = np.random.default_rng(0)

    def input(self, name: str, *dims: Dim, dtype: type[np.generic] = np.float32) -> ir.Value:
        shape = [dim if isinstance(dim, int) else ir.SymbolicDim(dim) for dim in dims]
        value = ir.val(name, dtype=ir.DataType.from_numpy(np.dtype(dtype)), shape=shape)
        self.graph.inputs.append(value)
        return value

    def weights(self, *shape: int, name: str = "weights") -> ir.Value:
        """Positive, so that sums are not near zero and errors stay relative."""
        return self.constant(positive(self.rng, shape), name)

    def output(self, value: ir.Value, name: str) -> ir.Value:
        value.name = name
        self.graph.outputs.append(value)
        return value


def positive(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    return rng.uniform(0.1, 0.9, tuple(shape)).astype(np.float32)


def feeds_of(model: ir.Model, seed: int = 0, signed: bool = False) -> dict[str, Array]:
    """Random inputs of the sizes that `OPEN_SIZES` gives to open axes; positive, or of either sign."""
    rng = np.random.default_rng(seed)
    feeds = {}
    for value in model.graph.inputs:
        assert value.shape is not None
        assert value.dtype is not None
        assert value.name is not None
        shape = [dim if isinstance(dim, int) else OPEN_SIZES[str(dim.value)] for dim in value.shape]
        dtype = value.dtype.numpy()
        numbers = rng.normal(size=shape) if signed else positive(rng, shape)
        feeds[value.name] = (rng.integers(0, 2, shape) if dtype.kind in "biu" else numbers).astype(dtype)
    return feeds


def run(model: ir.Model | onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    """The outputs in ONNX Runtime, as the graph says, without its optimisations."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    proto = model if isinstance(model, onnx.ModelProto) else ir.to_proto(model)
    return list(onnxruntime.InferenceSession(proto.SerializeToString(), options).run(None, dict(feeds)))


def check(model: ir.Model) -> None:
    """The checker has nothing to say, and no two values have the same name."""
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    names = [output.name for node in model.graph for output in node.outputs]
    names += [value.name for value in (*model.graph.inputs, *model.graph.initializers.values())]
    assert len(names) == len(set(names))


def difference(found: Array, wanted: Array) -> float:
    """The largest difference, relative to the largest value; infinite where shapes or types differ."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return float("inf")
    if np.array_equal(found, wanted, equal_nan=wanted.dtype.kind == "f"):
        return 0.0
    wide, other = wanted.astype(np.float64), found.astype(np.float64)
    return float(np.abs(wide - other).max() / max(float(np.abs(wide).max()), EPSILON))


def listing(model: ir.Model) -> str:
    """One line for each op: its name, its type, the shapes of its computed inputs, the shapes of its outputs."""
    return "\n".join(
        f"{node.name}: {node.op_type}({', '.join(_text(value) for value in node.inputs if _is_computed(value))})"
        f" -> {', '.join(_text(value) for value in node.outputs)}"
        for node in model.graph
    )


def _is_computed(value: ir.Value | None) -> bool:
    return value is not None and not value.is_initializer()


def _text(value: ir.Value | None) -> str:
    assert value is not None
    return str([dim if isinstance(dim, int) else str(dim.value or "?") for dim in value.shape or ()]).replace("'", "")
