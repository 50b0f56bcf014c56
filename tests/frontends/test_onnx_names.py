"""Which open axis of an ONNX model is its batch."""

import onnx
import pytest
from onnx import TensorProto, helper

from ovprep.frontends.onnx.names import name_batch

Dims = tuple[int | str | None, ...]

X: Dims = ("N", 3, "T")

CASES: dict[str, tuple[dict[str, Dims], dict[str, Dims]]] = {
    "the first axis of the only input": ({"x": X}, {"x": ("batch", 3, "T")}),
    "of all inputs": ({"x": X, "z": ("N", 7)}, {"x": ("batch", 3, "T"), "z": ("batch", 7)}),
    "wherever it stands in a state": ({"x": X, "s": (1, "N", 4)}, {"x": ("batch", 3, "T"), "s": (1, "batch", 4)}),
    "beside a state for one signal": ({"x": X, "s": (1, 4)}, {"x": ("batch", 3, "T"), "s": (1, 4)}),
    "beside a number": ({"x": X, "rate": ()}, {"x": ("batch", 3, "T"), "rate": ()}),
    "without a name": ({"x": (None, 3, None)}, {"x": ("batch", 3, "x_2")}),
    "one without a name beside another": ({"x": X, "z": (None, 7)}, {"x": ("batch", 3, "T"), "z": ("batch", 7)}),
    "names that tf2onnx drew": (
        {"x": ("unk__1", 3, "unk__2"), "z": ("unk__3", 7), "s": (1, "unk__1")},
        {"x": ("batch", 3, "unk__2"), "z": ("batch", 7), "s": (1, "batch")},
    ),
    "called so already": ({"x": ("batch", "T")}, {"x": ("batch", "T")}),
    "names that say so": ({"x": ("batch_x", 3), "z": ("Batch", 7)}, {"x": ("batch", 3), "z": ("batch", 7)}),
    "a name that says so beside another": (
        {"x": ("batch_size", "M"), "z": ("M", 7), "v": ("K", 2)},
        {"x": ("batch", "M"), "z": ("M", 7), "v": ("K", 2)},
    ),
    "behind the first axis, in sequences with time first": (
        {"x": ("seq_len", "batch_size", 4), "s": (1, "batch_size", 5)},
        {"x": ("seq_len", "batch", 4), "s": (1, "batch", 5)},
    ),
    "of two that say so the first": ({"x": ("batch_size", "batch_size*2")}, {"x": ("batch", "batch_size*2")}),
    "beside a sequence with time first": (
        {"x": ("N", 7), "z": ("T", "N", 7)},
        {"x": ("batch", 7), "z": ("T", "batch", 7)},
    ),
    "said behind one without a name": ({"x": (None, "batch_size", 4)}, {"x": ("x_0", "batch", 4)}),
    "no first axis is open": ({"x": (1, 3, "N")}, {"x": (1, 3, "N")}),
    "a state comes first": ({"s": (2, "N", 4), "x": X}, {"s": (2, "batch", 4), "x": ("batch", 3, "T")}),
    # Nothing tells which one is the batch.
    "first axes of two names": ({"x": X, "z": ("M", 7)}, {"x": X, "z": ("M", 7)}),
    "first axes of two names and of none": ({"x": X, "z": ("M", 7), "v": (None, 2)}, {"z": ("M", 7), "v": ("v_0", 2)}),
    "twice in one input": ({"x": ("K", "K"), "z": ("K", 3)}, {"x": ("K", "K"), "z": ("K", 3)}),
    "behind the first axis of another": ({"x": X, "z": ("N", "N", 7)}, {"x": X, "z": ("N", "N", 7)}),
    "its name has another axis": ({"x": X, "z": (1, "batch")}, {"x": X, "z": (1, "batch")}),
    "one without a name before it": (
        {"x": (None, "N"), "z": ("N", 3), "v": (None, 2)},
        {"x": ("x_0", "N"), "v": ("v_0", 2)},
    ),
}
LENGTHS = ["seq", "seq_len", "Sequence", "time", "time_100", "len", "lengths", "length", "frames", "T", "W", "steps"]


def graph_of(inputs: dict[str, Dims], outputs: dict[str, Dims], weights: dict[str, Dims]) -> onnx.GraphProto:
    values = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in side.items()]
        for side in (inputs | weights, outputs)
    ]
    constants = [helper.make_tensor(name, TensorProto.FLOAT, [0], []) for name in weights]
    return helper.make_graph([], "test", *values, constants)


def dims_of(values: list[onnx.ValueInfoProto]) -> dict[str, Dims]:
    return {
        value.name: tuple(
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
            for dim in value.type.tensor_type.shape.dim
        )
        for value in values
    }


@pytest.mark.parametrize("case", CASES)
def test_names_of_inputs(case: str) -> None:
    given, wanted = CASES[case]
    graph = graph_of(given, {}, {})
    name_batch(graph)
    found = dims_of(list(graph.input))
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_are_no_batch(name: str) -> None:
    graph = graph_of({"x": (name, 1, 4)}, {"y": (name, 1, 5)}, {})
    name_batch(graph)
    assert dims_of([*graph.input, *graph.output]) == {"x": (name, 1, 4), "y": (name, 1, 5)}


def test_names_of_outputs() -> None:
    """Those that inputs have; any other is the exporter's word for what it did not know."""
    outputs: dict[str, Dims] = {"y": ("N", "T", 4, "other"), "w": (1, None), "x": ("whatever", 3, "T")}
    graph = graph_of({"x": X}, outputs, {})
    name_batch(graph)
    assert dims_of(list(graph.output)) == {
        "y": ("batch", "T", 4, None),
        "w": (1, None),
        "x": ("batch", 3, "T"),
    }


def test_weights_that_are_listed_as_inputs_are_none() -> None:
    graph = graph_of({"x": X, "parked": ("M", 4)}, {}, {"w": ("K", 3)})
    name_batch(graph, ["parked"])
    assert dims_of(list(graph.input))["x"] == ("batch", 3, "T")
