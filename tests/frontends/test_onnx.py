"""The ONNX reader: what files may hold, and what is said of those that are damaged."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ovprep.errors import ModelError, OvprepError, UnsupportedError
from ovprep.frontends.onnx import read_onnx
from ovprep.graph.builder import OPSET
from tests.graphs import Array, check, run

Dims = list[int | str | None]
X: Dims = ["n", 3, 9]


def tensor(name: str, dims: Dims | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)


def proto_of(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Array],
    opset: int = OPSET,
    inputs: list[onnx.ValueInfoProto] | None = None,
    outputs: list[onnx.ValueInfoProto] | None = None,
    **more: Any,
) -> onnx.ModelProto:
    initialisers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "test", inputs or [tensor("x", X)], outputs or [tensor("y", None)], initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **more)


def save(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def ones(*shape: int) -> Array:
    return np.full(shape, 0.5, np.float32)


def node(op_type: str, *inputs: str, outputs: tuple[str, ...] = ("y",), **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op_type, list(inputs), list(outputs), **attributes)


Example = tuple[list[onnx.NodeProto], dict[str, Array]]


def examples(opset: int) -> dict[str, Example]:
    """Ops as the given opset writes them; each had an attribute that is an input today, or changed its meaning."""
    axes, pads = np.array([2]), np.array([0, 0, 2, 0, 0, 0])
    old: dict[str, tuple[int, Example]] = {
        "ReduceMean": (18, ([node("ReduceMean", "x", axes=[2], keepdims=0)], {})),
        "ReduceSum": (13, ([node("ReduceSum", "x", axes=[2])], {})),
        "Unsqueeze": (13, ([node("Unsqueeze", "x", axes=[2])], {})),
        "Slice": (10, ([node("Slice", "x", starts=[1], ends=[5], axes=[2])], {})),
        "Pad": (11, ([node("Pad", "x", pads=list(pads))], {})),
        "Clip": (11, ([node("Clip", "x", min=0.0, max=0.5)], {})),
        "Split": (13, ([node("Split", "x", axis=2, split=[3, 6], outputs=("a", "y"))], {})),
        "Upsample": (9, ([node("Upsample", "x", scales=[1.0, 1.0, 2.0])], {})),
    }
    new: dict[str, Example] = {
        "ReduceMean": ([node("ReduceMean", "x", "axes", keepdims=0)], {"axes": axes}),
        "ReduceSum": ([node("ReduceSum", "x", "axes")], {"axes": axes}),
        "Unsqueeze": ([node("Unsqueeze", "x", "axes")], {"axes": axes}),
        "Slice": ([node("Slice", "x", "a", "b", "axes")], {"a": np.array([1]), "b": np.array([5]), "axes": axes}),
        "Pad": ([node("Pad", "x", "pads")], {"pads": pads}),
        "Clip": ([node("Clip", "x", "low", "high")], {"low": np.float32(0), "high": np.float32(0.5)}),
        "Split": ([node("Split", "x", "sizes", axis=2, outputs=("a", "y"))], {"sizes": np.array([3, 6])}),
        "Upsample": ([node("Upsample" if opset < 10 else "Resize", "x", "s")], {"s": np.array([1, 1, 2], np.float32)}),
    }
    found = {name: example if opset < since else new[name] for name, (since, example) in old.items()}
    if opset >= 11:
        found.pop("Upsample")
    scale = {"w": ones(4, 3, 3), "s": ones(4)}
    batch_norm = node("BatchNormalization", "a", "s", "s", "s", "s")
    found["BatchNormalization"] = ([node("Conv", "x", "w", outputs=("a",)), batch_norm], scale)
    found["Softmax"] = ([node("Softmax", "x", axis=1)], {})
    flat = node("Flatten", "x", outputs=("a",))
    found["Gemm"] = ([flat, node("Gemm", "a", "w", "b", transB=1)], {"w": ones(2, 27), "b": ones(2)})
    found["LSTM"] = (
        [node("LSTM", "x", "w", "r", outputs=("", "y"), hidden_size=2)],
        {"w": ones(1, 8, 9), "r": ones(1, 8, 2)},
    )
    found["Dropout"] = ([node("Dropout", "x", outputs=("a",)), node("Relu", "a")], {})
    found["AveragePool"] = ([node("AveragePool", "x", kernel_shape=[3], pads=[1, 1], strides=[2])], {})
    found["MaxPool"] = ([node("MaxPool", "x", kernel_shape=[2], pads=[0, 1])], {})
    squeeze = (
        [node("ReduceMax", "x", outputs=("a",), axes=[1])]
        if opset < 18
        else [node("ReduceMax", "x", "b", outputs=("a",))]
    )
    squeeze += [node("Squeeze", "a", axes=[1]) if opset < 13 else node("Squeeze", "a", "b")]
    found["Squeeze"] = (squeeze, {"b": np.array([1])} if opset >= 13 else {})
    if opset >= 11:
        resized = node("Resize", "x", "r", "s", mode="linear", coordinate_transformation_mode="half_pixel")
        found["Resize"] = ([resized], {"r": np.ones(6, np.float32), "s": np.array([1, 1, 2], np.float32)})
    return found


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_means_what_it_meant(opset: int, tmp_path: Path) -> None:
    feeds = {"x": np.random.default_rng(0).normal(size=(2, 3, 9)).astype(np.float32)}
    for name, (nodes, constants) in examples(opset).items():
        proto = proto_of(nodes, constants, opset)
        source = read_onnx(save(proto, tmp_path))
        assert source.framework == f"onnx (opset {opset})"
        assert source.graph.graph.opset_imports[""] == OPSET
        check(source.graph)
        # Newer opsets took types in alone; ONNX Runtime is behind with them.
        judged = proto if opset <= OPSET else proto_of(nodes, constants)
        np.testing.assert_array_equal(run(source.graph, feeds)[-1], run(judged, feeds)[-1], err_msg=name)


def test_constants_become_initialisers(tmp_path: Path) -> None:
    value = numpy_helper.from_array(ones(3, 1))
    proto = proto_of([node("Constant", outputs=("c",), value=value), node("Add", "x", "c")], {})
    graph = read_onnx(save(proto, tmp_path)).graph.graph
    assert [one.op_type for one in graph] == ["Add"]
    assert len(graph.initializers) == 1


def test_initialisers_that_are_listed_as_inputs_are_none(tmp_path: Path) -> None:
    proto = proto_of([node("Add", "x", "c")], {"c": ones(3, 1)}, inputs=[tensor("c", [3, 1]), tensor("x", X)])
    source = read_onnx(save(proto, tmp_path))
    assert [port.name for port in source.interface.inputs] == ["x"]
    assert [value.name for value in source.graph.graph.inputs] == ["x"]


def test_functions_are_inlined(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", OPSET)]
    body = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Neg", ["b"], ["c"])]
    function = helper.make_function("local", "Activation", ["a"], ["c"], body, opsets)
    proto = proto_of([node("Activation", "x", domain="local")], {}, functions=[function])
    proto.opset_import.append(helper.make_opsetid("local", 1))
    graph = read_onnx(save(proto, tmp_path)).graph
    assert [one.op_type for one in graph.graph] == ["Relu", "Neg"]
    assert not graph.functions


def test_nodes_without_a_name_get_one(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", outputs=("a",)), node("Neg", "a")]
    graph = read_onnx(save(proto_of(nodes, {}), tmp_path)).graph.graph
    names = [one.name for one in graph]
    assert all(names)
    assert len(set(names)) == 2


def test_shapes_behind_an_op_that_onnx_does_not_infer(tmp_path: Path) -> None:
    nodes = [node("GroupNormalization", "x", "s", "s", outputs=("a",), num_groups=3), node("Relu", "a")]
    proto = proto_of(nodes, {"s": ones(3)}, outputs=[tensor("y", [None, None, None])])
    interface = read_onnx(save(proto, tmp_path)).interface
    assert interface.outputs[0].dims == ("batch", 3, 9)


def test_external_data(tmp_path: Path) -> None:
    proto = proto_of([node("Add", "x", "c")], {"c": ones(3, 1)})
    path = tmp_path / "model.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    feeds = {"x": ones(2, 3, 9)}
    assert run(read_onnx(path).graph, feeds)[0].max() == 1
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match="keeps its weights in another file, which cannot be read"):
        read_onnx(path)


def conv() -> onnx.ModelProto:
    return proto_of([node("Conv", "x", "w")], {"w": ones(4, 3, 3)})


def damaged() -> dict[str, tuple[bytes, str]]:
    whole = conv().SerializeToString()
    twice = proto_of([node("Relu", "x"), node("Neg", "x")], {})
    unknown = proto_of([node("NoSuchOp", "x")], {})
    unfit = proto_of([node("MatMul", "x", "w")], {"w": ones(4, 4)})
    dangling = proto_of([node("Relu", "nowhere")], {})
    empty = onnx.ModelProto(ir_version=8)
    return {
        "empty": (b"", "is empty."),
        "text": (b"This is no model, but a note about one.\n" * 9, "is not an ONNX model"),
        "short text": (b"hello", "is not an ONNX model"),
        "truncated": (whole[: len(whole) // 2], "is not an ONNX model: it does not parse"),
        "no graph": (empty.SerializeToString(), "is not an ONNX model: it holds no graph"),
        "one name twice": (twice.SerializeToString(), "is not a valid ONNX model"),
        "an unknown op": (unknown.SerializeToString(), "is not a valid ONNX model"),
        "shapes that do not fit": (unfit.SerializeToString(), "is not a valid ONNX model"),
        "an input from nowhere": (dangling.SerializeToString(), "is not a valid ONNX model"),
    }


@pytest.mark.parametrize("what", damaged())
def test_damaged_files_get_one_sentence(what: str, tmp_path: Path) -> None:
    content, sentence = damaged()[what]
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(OvprepError, match=sentence) as caught:
        read_onnx(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError, onnx.version_converter.ConvertError])
def test_an_opset_that_cannot_be_raised(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since opset 18 the passes can live with what there is."""

    def refuse(proto: onnx.ModelProto, opset: int) -> onnx.ModelProto:
        raise error("No Adapter.\nmore")

    monkeypatch.setattr(onnx.version_converter, "convert_version", refuse)
    path = save(proto_of([node("Relu", "x")], {}, 17), tmp_path)
    with pytest.raises(UnsupportedError) as caught:
        read_onnx(path)
    assert str(caught.value) == (
        f"{path} has opset 17, which cannot be raised to 21 (No Adapter). Export it with opset 18 or newer."
    )
    kept = read_onnx(save(proto_of([node("Relu", "x")], {}, 18), tmp_path))
    assert kept.graph.graph.opset_imports[""] == 18
