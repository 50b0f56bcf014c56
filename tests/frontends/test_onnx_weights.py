"""Weights beside the model: read where they belong, mapped where they are large, refused where they lie elsewhere."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

import ovprep
from ovprep.emit.openvino import to_openvino
from ovprep.errors import ModelError, OutputError, UnsupportedError
from ovprep.frontends.onnx import graph_of, read_onnx
from ovprep.frontends.onnx import weights as weights_module
from ovprep.frontends.source import sha256_of
from ovprep.graph import storage
from ovprep.passes.pipeline import normalize
from ovprep.workers.contender import Contender
from tests.frontends.large_models import ROWS, WIDTH, save_embedding
from tests.graphs import Array, run

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def external(name: str, shape: tuple[int, ...], **place: str | int) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def save(path: Path, *weights: TensorProto) -> Path:
    """`x [N, 3] + a + b + ...`"""
    names = ["x", *(tensor.name for tensor in weights)]
    nodes = [
        helper.make_node("Add", [before, after], [f"{before}+"])
        for before, after in zip(["x", *(f"{'x'}{'+' * i}" for i in range(1, len(weights)))], names[1:], strict=True)
    ]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in ("x", "x" + "+" * len(weights))
    )
    graph = helper.make_graph(nodes, "test", [x], [y], weights)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return path


@pytest.mark.parametrize("large", [0, 8, 10**6], ids=["all aside", "some aside", "only the external ones aside"])
def test_values_and_their_places(large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two in one file, the second at an offset, one in another file without a length, and one inside the model."""
    monkeypatch.setattr(weights_module, "LARGE", large)
    a, b, c, d = numbers(3), numbers(1, 3), numbers(3), numbers(3)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ab.bin").write_bytes(b"\0" * 64 + b.tobytes() + b"\0" * 8 + a.tobytes())
    (tmp_path / "c.bin").write_bytes(c.tobytes())
    path = save(
        tmp_path / "model.onnx",
        external("a", (3,), location="data/ab.bin", offset=84, length=12),
        external("b", (1, 3), location="data/ab.bin", offset=64, length=12),
        external("c", (3,), location="c.bin"),
        numpy_helper.from_array(d, "d"),
    )
    source = read_onnx(path)
    assert [port.name for port in source.interface.inputs] == ["x"]
    assert source.parameters == 12
    stored = {name: value.const_value.numpy() for name, value in source.graph.graph.initializers.items()}
    for name, array in {"a": a, "b": b, "c": c, "d": d}.items():
        np.testing.assert_array_equal(stored[name], array)
    np.testing.assert_allclose(run(source.graph, {"x": np.zeros((2, 3), np.float32)})[0][:1], a + b + c + d, rtol=1e-6)


def test_the_hash_covers_the_weights(tmp_path: Path) -> None:
    path = save(tmp_path / "model.onnx", external("a", (3,), location="a.bin"))
    (tmp_path / "a.bin").write_bytes(numbers(3).tobytes())
    before = read_onnx(path).sha256
    (tmp_path / "a.bin").write_bytes(numbers(3).tobytes())
    assert read_onnx(path).sha256 != before
    inside = save(tmp_path / "inside.onnx", numpy_helper.from_array(numbers(3), "a"))
    assert read_onnx(inside).sha256 == sha256_of(inside)


def test_the_size_counts_the_weights(tmp_path: Path) -> None:
    places = ({"location": "w.bin"}, {"location": "w.bin", "offset": 12}, {"location": "v.bin"})
    path = save(tmp_path / "model.onnx", *(external(f"w{i}", (3,), **place) for i, place in enumerate(places)))
    (tmp_path / "w.bin").write_bytes(b"0" * 24)
    (tmp_path / "v.bin").write_bytes(b"0" * 12)
    assert Contender("original", "onnxruntime", path).size_on_disk == path.stat().st_size + 36


def test_a_constant_of_a_node_may_lie_outside_too(tmp_path: Path) -> None:
    array = numbers(3)
    (tmp_path / "c.bin").write_bytes(array.tobytes())
    path = save(tmp_path / "model.onnx", numpy_helper.from_array(numbers(3), "a"))
    proto = onnx.load(path)
    constant = helper.make_node("Constant", [], ["c"])
    constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(
        external("", (3,), location="c.bin")
    )
    proto.graph.node[0].input[1] = "c"
    proto.graph.node.insert(0, constant)
    path.write_bytes(proto.SerializeToString())
    (output,) = run(read_onnx(path).graph, {"x": np.zeros((1, 3), np.float32)})
    np.testing.assert_array_equal(output, array[None])


@pytest.mark.parametrize(
    "location", ["../secret.bin", "inner/../../secret.bin", "link.bin", "folder/secret.bin", "/ABS"]
)
def test_files_elsewhere_are_not_read(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(numbers(3).tobytes())
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "inner").mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "folder").symlink_to(tmp_path)
    place = location.replace("/ABS", str(tmp_path / "secret.bin"))
    path = save(folder / "model.onnx", external("w", (3,), location=place))
    with pytest.raises(
        ModelError, match=r"model\.onnx keeps its weight 'w' in '.*', outside of its own folder"
    ) as caught:
        read_onnx(path)
    assert "\n" not in str(caught.value)


def test_links_to_model_and_weights_in_one_store(tmp_path: Path) -> None:
    """As the cache of Hugging Face has them: names of their own, beside each other in another folder."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "2").write_bytes(numbers(3).tobytes())
    blob = save(tmp_path / "blobs" / "1", external("w", (3,), location="w.bin"))
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "model.onnx").symlink_to(blob)
    (snapshot / "w.bin").symlink_to(tmp_path / "blobs" / "2")
    assert read_onnx(snapshot / "model.onnx").parameters == 3


BROKEN: dict[str, tuple[dict[str, str | int], str]] = {
    "no such file": ({"location": "none.bin"}, "which cannot be read: there is no "),
    "a folder": ({"location": "folder"}, "which cannot be read: there is no "),
    "no location": ({"offset": 0}, "keeps its weight 'w' in '.', outside of its own folder"),
    "too short": ({"location": "w.bin", "offset": 4}, "in w.bin, which does not hold all of it"),
    "a length that is too small": ({"location": "w.bin", "length": 8}, "in w.bin, which does not hold all of it"),
    "before its begin": ({"location": "w.bin", "offset": -4}, "is not a valid ONNX model"),
    "no number": ({"location": "w.bin", "offset": "many"}, "is not a valid ONNX model"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_damaged_places_get_one_sentence(what: str, tmp_path: Path) -> None:
    place, sentence = BROKEN[what]
    (tmp_path / "w.bin").write_bytes(numbers(3).tobytes())
    (tmp_path / "folder").mkdir()
    path = save(tmp_path / "model.onnx", external("w", (3,), **place))
    with pytest.raises(ModelError, match=sentence) as caught:
        read_onnx(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_damaged_weights_inside_get_one_sentence(tmp_path: Path) -> None:
    short = numpy_helper.from_array(numbers(40, 3, 4), "w")
    short.raw_data = short.raw_data[:-4]
    twice = numpy_helper.from_array(numbers(400, 1, 3), "w")
    for weights in ([short], [twice, twice]):
        with pytest.raises(ModelError, match="is not a valid ONNX model") as caught:
            read_onnx(save(tmp_path / "model.onnx", *weights))
        assert "\n" not in str(caught.value)


def test_sparse_weights_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "model.onnx", numpy_helper.from_array(numbers(3), "a"))
    proto = onnx.load(path)
    indices = numpy_helper.from_array(np.array([0]), "i")
    values = numpy_helper.from_array(numbers(1), "a")
    del proto.graph.initializer[:]
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3]))
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(UnsupportedError, match="holds sparse weights, as 'a'"):
        read_onnx(path)


def test_more_than_two_gigabytes_are_mapped(tmp_path: Path) -> None:
    """The file is a hole for the most part, and nothing reads it."""
    path = save_embedding(tmp_path / "model.onnx")
    proto = onnx.load(path, load_external_data=False)
    graph = graph_of(proto, path)
    done = normalize(graph)
    assert done.interface.outputs[0].layout == "NWC"
    table = graph.graph.initializers["table"].const_value
    assert isinstance(table, ir.ExternalTensor)
    assert table.shape == (ROWS, WIDTH)
    assert storage.is_large(graph)
    assert np.abs(table.numpy()[ROWS - 1]).min() > 0


def test_large_models_are_written_and_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As models of more than 2 GiB are, with the bound brought down."""
    monkeypatch.setattr(storage, "LARGEST_MESSAGE", 10_000)
    path = save_embedding(tmp_path / "model.onnx", rows=100)
    written = ovprep.normalize(path, tmp_path / "out.onnx")
    assert written.verification is not None
    assert written.verification.passed
    assert "float64: it has 0.0 GB of weights" in " ".join(written.verification.notes)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.onnx", "out.onnx", "out.onnx.data", "table.bin"]
    assert (tmp_path / "out.onnx").stat().st_size < 5_000
    onnx.checker.check_model(str(tmp_path / "out.onnx"))
    (tmp_path / "out.onnx").unlink()
    with pytest.raises(OutputError, match=r"out\.onnx\.data exists"):
        ovprep.normalize(path, tmp_path / "out.onnx")
    source = read_onnx(path)
    assert isinstance(source.graph.graph.initializers["table"].const_value, ir.ExternalTensor)
    model = to_openvino(source.graph, source.interface)
    assert sum(op.get_type_name() == "Constant" and op.shape == [100, WIDTH] for op in model.get_ops()) == 1
