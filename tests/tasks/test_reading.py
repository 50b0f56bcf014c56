"""Axes that an ONNX file fixes, opened: where the ops let them be, and not where one of them is in the way."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

import ovprep
from ovprep.errors import OptionError, RuntimeFailure
from ovprep.frontends.open import read_model
from ovprep.interface import Interface, Port
from ovprep.options import InterfaceOptions, OpenAxis, ReadOptions
from ovprep.proof.inputs.cases import STACKED
from ovprep.tasks.reading import axes_to_open
from tests.graphs import difference, run


def save(folder: Path, body: str, output: str) -> Path:
    rng = np.random.default_rng(0)
    proto = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17]> test (float[1, 3, 32] x) => (float[{output}] y) {{ {body} }}'
    )
    arrays = {
        "w": rng.normal(size=(5, 3, 3)),
        "r": rng.normal(size=(150, 4)),
        "lw": rng.normal(size=(1, 8, 3)),
        "lr": rng.normal(size=(1, 8, 2)),
        "h": rng.normal(size=(1, 1, 2)),
    }
    used = {name for node in proto.graph.node for name in node.input}
    for name in sorted(used & set(arrays)):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(arrays[name].astype(np.float32), name))
    proto.graph.value_info.append(onnx.helper.make_tensor_value_info("c", 1, [1, 5, 30]))
    path = folder / "model.onnx"
    onnx.save(proto, path)
    return path


SEQUENCE = ("c = Conv(x, w) y = Relu(c)", "1, 5, 30")
FLATTENED = ("c = Conv(x, w) f = Flatten(c) y = MatMul(f, r)", "1, 4")
WRITTEN_SIZE = ("c = Conv(x, w) s = Constant <value = int64[2] {1, 150}> () f = Reshape(c, s) y = MatMul(f, r)", "1, 4")
MERGED = ("c = Conv(x, w) s = Constant <value = int64[2] {1, -1}> () f = Reshape(c, s) y = MatMul(f, r)", "1, 4")
PATCHES = ("s = Constant <value = int64[4] {0, 0, -1, 10}> () y = Reshape(x, s)", "1, 3, 4, 10")
STATE = ("c = Transpose <perm = [2, 0, 1]> (x) y = LSTM <hidden_size = 2> (c, lw, lr, , , h)", "32, 1, 1, 2")


@pytest.mark.parametrize(
    ("dynamic", "shape"),
    [
        (["batch"], ("batch", 32, 3)),
        (["time"], (1, "time_32", 3)),
        (["batch", "time"], ("batch", "time_32", 3)),
        (["x[1, ?, 3]"], (1, "time_32", 3)),
        (["x[?,?,3]"], ("batch", "time_32", 3)),
    ],
)
def test_opened_and_proven(dynamic: list[str], shape: tuple[int | str, ...], tmp_path: Path) -> None:
    path = save(tmp_path, *SEQUENCE)
    done = ovprep.convert(path, tmp_path / "out", dynamic=dynamic, benchmark=False)
    assert done.interface.inputs[0].dims == shape
    assert done.verification is not None
    assert done.verification.passed
    batches = {row.batch for row in done.verification.rows}
    assert batches == ({1, len(STACKED)} if "batch" in shape else {1})


def test_at_the_size_of_the_file_it_is_the_file(tmp_path: Path) -> None:
    path = save(tmp_path, *FLATTENED)
    opened = read_model(path, ReadOptions(opened=(OpenAxis("x", 0, "batch", 1),)))
    x = np.random.default_rng(1).normal(size=(1, 3, 32)).astype(np.float32)
    assert difference(run(opened.graph, {"x": x})[0], run(onnx.load(path), {"x": x})[0]) == 0
    several = run(opened.graph, {"x": np.concatenate([x, x + 1])})[0]
    assert difference(several[1:], run(onnx.load(path), {"x": x + 1})[0]) <= 1e-6


IN_THE_WAY = {
    "a size that is written in the graph": (WRITTEN_SIZE, ["batch"], "Reshape"),
    "a size that is written, for time": (WRITTEN_SIZE, ["time"], "Reshape"),
    "a batch that becomes features": (MERGED, ["batch"], "MatMul"),
    "weights for every step": (FLATTENED, ["time"], "MatMul"),
}


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_an_op_that_is_in_the_way_is_named(name: str, tmp_path: Path) -> None:
    graph, dynamic, op_type = IN_THE_WAY[name]
    with pytest.raises(OptionError, match=rf"cannot be opened: '.*' \({op_type}\) works for the size") as caught:
        ovprep.inspect(save(tmp_path, *graph), dynamic=dynamic)
    assert "\n" not in str(caught.value)


def test_multiples_alone_are_refused_as_such(tmp_path: Path) -> None:
    path = save(tmp_path, *PATCHES)
    proto = onnx.load(path)
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 40
    proto.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 4
    onnx.save(proto, path)
    words = r"\(Reshape\) works for some sizes alone, such as 80, and not for 104; export it for the one"
    with pytest.raises(OptionError, match=words) as caught:
        ovprep.inspect(path, dynamic=["x[1,3,?]"])
    assert "\n" not in str(caught.value)
    for size, fits in ((80, True), (104, False)):  # the sentence is true
        proto.graph.input[0].type.tensor_type.shape.dim[2].dim_value = size
        proto.graph.output[0].type.tensor_type.shape.dim[2].Clear()
        with nullcontext() if fits else pytest.raises(Exception, match="incompatible shapes"):
            run(proto, {"x": np.zeros((1, 3, size), np.float32)})


def test_what_shapes_do_not_tell_the_original_does(tmp_path: Path) -> None:
    """A state for one signal: no shape is wrong, but the LSTM refuses it for three."""
    path = save(tmp_path, *STATE)
    with pytest.raises(RuntimeFailure, match="does not run for all signals at batch 8 with its axes open"):
        ovprep.convert(path, tmp_path / "out", dynamic=["x[?,3,32]"], benchmark=False)
    assert not (tmp_path / "out").exists()


def test_timed_beside_an_opened_direct_conversion(tmp_path: Path) -> None:
    done = ovprep.convert(save(tmp_path, *SEQUENCE), tmp_path / "out", dynamic=["time"], seconds=0.2)
    assert done.benchmark is not None
    assert [one.reason for one in done.benchmark.contestants] == [None] * len(done.benchmark.contestants)


NCW = Interface((Port("x", "float32", (1, 3, 32), "NCW"), Port("s", "float32", (2, 3), "??")), ())
NWC = Interface((Port("x", "float32", (1, 32, 3), "NWC"), Port("s", "float32", (2, 3), "??")), ())


def test_axes_are_named_in_the_layout_of_the_result() -> None:
    assert axes_to_open(["x[1,?,3]"], NCW, NWC) == (OpenAxis("x", 2, "time_32", 32),)
    assert axes_to_open(["x[1,32,?]"], NCW, NWC) == (OpenAxis("x", 1, "size_3", 3),)
    assert axes_to_open(["s[?,3]"], NCW, NWC) == (OpenAxis("s", 0, "batch", 2),)
    assert axes_to_open(["batch", "time"], NCW, NWC) == (OpenAxis("x", 0, "batch", 1), OpenAxis("x", 2, "time_32", 32))


def test_axes_of_an_interface_of_rank_4() -> None:
    """As `--shape`, `--dynamic` speaks of the result, height and all."""
    raised = Interface((Port("x", "float32", (1, 1, 32, 3), "NHWC"), NWC.inputs[1]), ())
    assert axes_to_open(["x[?,1,?,3]"], NCW, raised) == (OpenAxis("x", 0, "batch", 1), OpenAxis("x", 2, "time_32", 32))
    with pytest.raises(OptionError, match=r"Axis 1 of x \[1, 1, 32, 3\].* is always of size one"):
        axes_to_open(["x[1,?,32,3]"], NCW, raised)
    with pytest.raises(OptionError, match=r"'x\[\?,\?,3\]' for x \[1, 1, 32, 3\].* has not 4 axes"):
        axes_to_open(["x[?,?,3]"], NCW, raised)


def test_opened_at_rank_4(tmp_path: Path) -> None:
    options = InterfaceOptions(rank=4)
    path = save(tmp_path, *SEQUENCE)
    done = ovprep.convert(path, tmp_path / "out", dynamic=["x[?,1,?,3]"], interface=options, benchmark=False)
    assert done.interface.inputs[0].dims == ("batch", 1, "time_32", 3)
    assert done.verification is not None
    assert done.verification.passed


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("length", "does not say what shall be open"),
        ("z[?,1]", "There is no input 'z'; the model has x, s"),
        ("x[?,3]", "has not 3 axes"),
    ],
)
def test_words_that_make_no_sense(word: str, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        axes_to_open([word], NCW, NWC)
    with pytest.raises(OptionError, match="No input of the model is known to have a time axis"):
        axes_to_open(["time"], Interface(NCW.inputs[1:], ()), Interface(NWC.inputs[1:], ()))


def test_other_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"")
    with pytest.raises(OptionError, match="Only axes of ONNX files can be opened"):
        read_model(path, ReadOptions(opened=(OpenAxis("x", 0, "batch", 1),)))


def test_options_travel_to_other_processes() -> None:
    given = ReadOptions(opened=(OpenAxis("x", 0, "batch", 1), OpenAxis("y", 2, "time_8", 8)))
    assert ReadOptions.unpacked(given.packed()) == given
