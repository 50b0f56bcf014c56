"""`ovprep verify` as a user meets it: pairs of formats, data, exit codes, reports."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
from onnx import helper, numpy_helper

import ovprep
from tests.cli.conftest import Run
from tests.proof.networks import MUTATIONS, Network, network, onnx_model, write_ir, write_keras, write_onnx


@pytest.fixture
def run(run: Run) -> Run:
    """`ovprep verify`, in an empty folder: exit code, stdout, stderr."""
    return partial(run, "verify")


def write_foreign_ir(net: Network, path: Path) -> Path:
    """As OpenVINO converts the NCW model by itself: NCW, with no layouts in the file."""
    source = write_onnx(net, "NCW", path.with_suffix(".onnx"))
    openvino.save_model(openvino.convert_model(source), path, compress_to_fp16=False)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_onnx(network(), "NCW", folder / "ncw.onnx")
    write_onnx(network(), "NWC", folder / "nwc.onnx")
    write_keras(network(), folder / "net.keras")
    write_foreign_ir(network(), folder / "foreign.xml")
    ovprep.convert(folder / "ncw.onnx", folder / "ours", verify=False, benchmark=False)
    return folder


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One weight is off by 1%."""
    folder = tmp_path_factory.mktemp("wrong")
    net = MUTATIONS["one weight changed by 1%"](network())
    write_onnx(net, "NWC", folder / "nwc.onnx")
    write_foreign_ir(net, folder / "foreign.xml")
    ovprep.convert(folder / "nwc.onnx", folder / "ours", verify=False, benchmark=False)
    return folder


PAIRS = [
    ("ncw.onnx", "ours"),
    ("ncw.onnx", "ours/model.xml"),
    ("ncw.onnx", "foreign.xml"),
    ("nwc.onnx", "foreign.xml"),
    ("ncw.onnx", "nwc.onnx"),
    ("foreign.xml", "ours"),
    ("ours", "ncw.onnx"),
    ("net.keras", "ours"),
    ("ncw.onnx", "net.keras"),
]


@pytest.mark.parametrize(("original", "candidate"), PAIRS)
def test_equal_models_of_any_two_formats(run: Run, models: Path, original: str, candidate: str) -> None:
    code, out, err = run(models / original, models / candidate)
    assert (code, err) == (0, "")
    assert "equal at float32" in out
    assert "not equal" not in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("original", "candidate", "told"),
    [
        ("ncw.onnx", "ours", "The first op of the IR that its own inputs do not explain is 'node_1' (Conv, op 2 of 8"),
        ("ncw.onnx", "foreign.xml", "of the IR"),
        ("ncw.onnx", "nwc.onnx", "of the candidate behind which nothing is a tensor of the original"),
        ("foreign.xml", "ours", None),
    ],
)
def test_a_wrong_candidate_exits_3_and_leaves_a_report(
    run: Run, models: Path, wrong: Path, tmp_path: Path, original: str, candidate: str, told: str | None
) -> None:
    code, out, _ = run(models / original, wrong / candidate, "-o", "report.json")
    assert code == 3
    assert "not equal at float32" in out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verification"]["passed"] is False
    assert any(row["passed"] is False for row in report["verification"]["rows"])
    located = report["verification"]["located"]
    assert (located is None) == (told is None)
    example = tmp_path / "report_difference"
    assert example.exists() == (told is not None and candidate != "nwc.onnx")
    if told is not None:
        assert "node_1" in located["region"], "the convolution has the wrong weight"
        assert told in " ".join(out.split())
    if example.exists():
        assert located["reproducer"] == "report_difference"
        assert "To see it by itself: python report_difference/run.py" in out
        run_it = [sys.executable, "-I", str(example / "run.py")]
        assert subprocess.run(run_it, capture_output=True, check=False).returncode == 1


def test_equal_models_are_explained_when_asked(run: Run, models: Path, tmp_path: Path) -> None:
    code, _, _ = run(models / "ncw.onnx", models / "ours", "--explain", "-o", "report.json")
    verification = json.loads((tmp_path / "report.json").read_text())["verification"]
    told = [note for note in verification["notes"] if note.startswith("Each of ")]
    assert code == 0
    assert verification["located"] is None
    assert ["of the translated graph" in told[0], "of the IR" in told[1]] == [True, True]


def test_what_is_run_and_not_read_is_not_explained(models: Path) -> None:
    found = ovprep.verify(models / "foreign.xml", models / "ours", explain=True)
    assert found.passed
    assert found.verification.notes[-1].startswith("No op is searched for: ")


def test_a_wrong_layer_of_another_format_is_named(models: Path, tmp_path: Path) -> None:
    """Nothing but values tells which tensor of a Keras model is which of an ONNX file."""
    wrong = write_keras(MUTATIONS["rows of the dense layer permuted"](network()), tmp_path / "wrong.keras")
    located = ovprep.verify(models / "ncw.onnx", wrong).verification.located
    assert located is not None
    assert (located.side, located.op_type) == ("candidate", "MatMul")
    assert located.origin is not None
    assert "Dense" in located.origin


@pytest.mark.parametrize("original", ["tflite", "saved_model"])
def test_models_of_tensorflow(run: Run, models: Path, tmp_path: Path, original: str) -> None:
    """Their outputs come in another order, or under other names."""
    import keras
    import tensorflow as tf

    model = keras.models.load_model(models / "net.keras")
    if original == "tflite":
        path = tmp_path / "model.tflite"
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    else:
        path = tmp_path / "saved"
        model.export(path, verbose=False)
    code, out, _ = run(path, models / "ours")
    assert code == 0, out
    assert "Names of outputs differ" in out


def test_a_live_model(models: Path) -> None:
    import keras

    found = ovprep.verify(keras.models.load_model(models / "net.keras"), models / "ours")
    assert found.passed
    assert found.original.format == "keras"


def test_the_function_goes_by_its_name_whatever_was_imported() -> None:
    from ovprep.workers.process import Worker

    assert callable(ovprep.verify)
    assert Worker.__module__ == "ovprep.workers.process"
    with pytest.raises(ovprep.ModelError, match="There is no file"):
        ovprep.verify("none.onnx", "none.xml")


def test_an_original_that_is_run_and_not_read(run: Run, models: Path, wrong: Path, tmp_path: Path) -> None:
    """It computes with text, which ovprep does not cover: its runtime tells what it takes, the tolerance is fixed."""
    proto = onnx_model(network(), "NCW")
    text = helper.make_tensor("text", onnx.TensorProto.STRING, [1], [b"0"])
    proto.graph.initializer.append(text)
    proto.graph.node.insert(0, helper.make_node("Cast", ["text"], ["zero"], to=onnx.TensorProto.FLOAT))
    proto.graph.node.insert(1, helper.make_node("Add", ["x", "zero"], ["same"]))
    proto.graph.node[2].input[0] = "same"
    onnx.save(proto, tmp_path / "text.onnx")
    code, out, err = run("text.onnx", models / "ours")
    assert (code, err) == (0, "")
    assert "run and not read" in out
    assert "0.0001 of each output's scale" in out
    assert "[batch, 3, 64]  float32  NCW  in the candidate [batch, 64, 3] NWC" in out
    assert run("text.onnx", wrong / "ours")[0] == 3
    assert run(models / "ncw.onnx", "text.onnx")[0] == 0


def weigh(first: str, second: str, *, rate: bool = False) -> onnx.ModelProto:
    """y = tanh(2 a + max(b)), z = a - max(b) [/ rate]: inputs and outputs in the given order."""
    ports = {
        "a": helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, ["batch", 5]),
        "b": helper.make_tensor_value_info("b", onnx.TensorProto.INT64, ["batch", 3]),
        "y": helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 5]),
        "z": helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["batch", 5]),
        "rate": helper.make_tensor_value_info("rate", onnx.TensorProto.INT64, []),
    }
    nodes = [
        helper.make_node("Cast", ["b"], ["c"], to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["c", "axes"], ["m"]),
        helper.make_node("Add", ["a", "a"], ["aa"]),
        helper.make_node("Add", ["aa", "m"], ["s"]),
        helper.make_node("Tanh", ["s"], ["y"]),
        helper.make_node("Sub", ["a", "m"], ["d" if rate else "z"]),
    ]
    if rate:
        nodes.append(helper.make_node("Cast", ["rate"], ["r"], to=onnx.TensorProto.FLOAT))
        nodes.append(helper.make_node("Div", ["d", "r"], ["z"]))
    inputs = [ports[name] for name in (*first, *(["rate"] if rate else []))]
    axes = numpy_helper.from_array(np.array([1]), "axes")
    graph = helper.make_graph(nodes, "g", inputs, [ports[name] for name in second], [axes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_inputs_and_outputs_in_another_order(run: Run, tmp_path: Path) -> None:
    """Also with the shapes fixed, as the IR is run besides."""
    onnx.save(weigh("ab", "yz"), tmp_path / "one.onnx")
    onnx.save(weigh("ba", "zy"), tmp_path / "other.onnx")
    openvino.save_model(openvino.convert_model(tmp_path / "other.onnx"), tmp_path / "other.xml", compress_to_fp16=False)
    code, out, _ = run("one.onnx", "other.xml", "--json")
    assert code == 0
    rows = json.loads(out)["verification"]["rows"]
    assert {row["shapes"] for row in rows} == {"open", "fixed"}
    assert {row["output"] for row in rows} == {"y", "z", "y before Tanh"}


def test_an_input_that_has_a_value(run: Run, tmp_path: Path) -> None:
    """The candidate was converted with it; or it has the same input, which gets the same value."""
    onnx.save(weigh("ab", "yz", rate=True), tmp_path / "one.onnx")
    ovprep.convert(tmp_path / "one.onnx", tmp_path / "ours", input_values={"rate": 4}, verify=False, benchmark=False)
    assert run("one.onnx", "ours", "--input-value", "rate=4")[0] == 0
    assert run("one.onnx", "ours", "--input-value", "rate=5")[0] == 3
    assert run("one.onnx", "one.onnx", "--input-value", "rate=5")[0] == 0
    code, _, err = run("one.onnx", "ours")
    assert code == 1
    assert "candidate lacks an input of the original: rate" in err


def test_equal_channels_and_samples_are_asked_about(run: Run, tmp_path: Path) -> None:
    """A permuted model is only right in one of two layouts that no shape tells apart."""
    size, rng = 8, np.random.default_rng(0)
    kernel = numpy_helper.from_array(rng.standard_normal((size, size, 3)).astype(np.float32), "w")

    def model(layout: str) -> onnx.ModelProto:
        perm = [0, 1, 2] if layout == "NCW" else [0, 2, 1]
        nodes = [
            helper.make_node("Transpose", ["x"], ["a"], perm=perm),
            helper.make_node("Conv", ["a", "w"], ["b"], pads=[1, 1]),
            helper.make_node("Transpose", ["b"], ["y"], perm=perm),
        ]
        ports = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", size, size]) for name in ("x", "y")
        ]
        graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [kernel])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

    onnx.save(model("NCW"), tmp_path / "ncw.onnx")
    onnx.save(model("NWC"), tmp_path / "nwc.onnx")
    openvino.save_model(openvino.convert_model(tmp_path / "nwc.onnx"), tmp_path / "nwc.xml", compress_to_fp16=False)
    code, out, err = run("ncw.onnx", "nwc.xml")
    assert (code, out) == (1, "")
    assert "say --layout x=nwc or ncw" in err
    assert err.count("\n") == 1
    assert run("ncw.onnx", "nwc.xml", "--layout", "nwc")[0] == 0
    assert run("ncw.onnx", "nwc.xml", "--layout", "x=nwc", "--layout", "y=nwc")[0] == 0
    assert run("ncw.onnx", "nwc.xml", "--layout", "keep")[0] == 3


def test_each_file_of_data_is_a_signal(run: Run, models: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", np.random.default_rng(1).standard_normal((3, 130)).cumsum(1))
    code, out, err = run(models / "ncw.onnx", models / "ours", "--data", "walk.npy", "--json")
    assert (code, err) == (0, "")
    verification = json.loads(out)["verification"]
    rows = [row for row in verification["rows"] if row["signal"] == "walk.npy"]
    assert {row["batch"] for row in rows} == {2}
    assert {row["output"] for row in rows} >= {"sequence", "classes"}
    assert all(row["passed"] for row in rows if row["precision"] == "f32")
    assert any("130 samples were cut to 2 windows of 64" in note for note in verification["notes"])
    assert verification["certificate"]["data"][0]["path"] == "walk.npy"


def test_data_shows_what_the_signals_do_not(run: Run, models: Path, tmp_path: Path) -> None:
    """The candidate clips its input far beyond what any signal reaches."""
    proto = onnx_model(network(), "NWC")
    proto.graph.node.insert(0, helper.make_node("Clip", ["x", "low", "high"], ["clipped"]))
    proto.graph.node[1].input[0] = "clipped"
    for name, value in (("low", -1e4), ("high", 1e4)):
        proto.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    onnx.save(proto, tmp_path / "clips.onnx")
    np.save(tmp_path / "loud.npy", np.full((64, 3), 2e4, np.float32))
    assert run(models / "nwc.onnx", "clips.onnx")[0] == 0
    assert run(models / "nwc.onnx", "clips.onnx", "--data", "loud.npy")[0] == 3


def test_convert_takes_data_too(models: Path, tmp_path: Path) -> None:
    np.savetxt(tmp_path / "a.csv", np.ones((64, 3)), delimiter=",")
    done = ovprep.convert(models / "ncw.onnx", tmp_path / "out", data=[tmp_path / "a.csv"], benchmark=False)
    assert done.verification is not None
    assert "a.csv" in {row.signal for row in done.verification.rows}
    np.savetxt(tmp_path / "b.csv", np.ones((64, 2)), delimiter=",")
    with pytest.raises(ovprep.OptionError, match="2 channels"):
        ovprep.convert(models / "ncw.onnx", tmp_path / "other", data=[tmp_path / "b.csv"], benchmark=False)
    assert not (tmp_path / "other").exists()


def test_the_tolerance_of_the_caller_takes_the_place_of_the_budget(run: Run, models: Path, wrong: Path) -> None:
    code, out, _ = run(models / "ncw.onnx", wrong / "ours", "--tolerance", "0.5")
    assert code == 0
    assert "0.5 of each output's scale" in out
    code, out, _ = run(models / "ncw.onnx", models / "ours", "--tolerance", "0", "--json")
    assert code == 3
    tolerance = json.loads(out)["verification"]["tolerance"]
    assert tolerance["given"] == 0
    assert "as the caller asked" in tolerance["explanation"]


def test_a_report_is_replaced_and_nothing_else_is(run: Run, models: Path, tmp_path: Path) -> None:
    words = (models / "ncw.onnx", models / "nwc.onnx", "-o", "report.json")
    assert run(*words)[0] == 0
    first = json.loads((tmp_path / "report.json").read_text())
    assert set(first) == {
        "schema", "ovprep", "source", "candidate", "interface", "verification", "reproduction", "warnings",
    }  # fmt: skip
    assert first["interface"]["inputs"][0] == {
        "name": "x", "dtype": "float32", "shape": ["batch", 64, 3], "layout": "NWC",
    }  # fmt: skip
    assert first["interface"]["original"]["inputs"][0]["layout"] == "NCW"
    assert run(*words)[0] == 0
    (tmp_path / "thesis.json").write_text('{"mine": 1}')
    code, _, err = run(models / "ncw.onnx", models / "nwc.onnx", "-o", "thesis.json")
    assert code == 1
    assert "is no report of ovprep verify" in err
    assert json.loads((tmp_path / "thesis.json").read_text()) == {"mine": 1}
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "thesis.json"}


def nan_model(folder: Path) -> Path:
    bias = network().weights["bias"].copy()
    bias[0] = np.nan
    return write_onnx(network().with_weight("bias", bias), "NCW", folder / "nan.onnx")


def fewer_outputs(folder: Path) -> Path:
    proto = onnx_model(network(), "NWC")
    del proto.graph.output[1]
    onnx.save(proto, folder / "less.onnx")
    return folder / "less.onnx"


def no_weights(folder: Path) -> Path:
    path = write_ir(network(), folder / "bare.xml")
    path.with_suffix(".bin").unlink()
    return path


def damaged(folder: Path) -> Path:
    path = write_ir(network(), folder / "cut.xml")
    path.write_text(path.read_text()[:2000])
    return path


BAD: dict[str, tuple[Callable[[Path], tuple[object, ...]], str]] = {
    "one model": (lambda folder: ("a.onnx",), "Give two models"),
    "missing": (lambda folder: ("a.onnx", "b.xml"), "There is no file a.onnx"),
    "missing IR": (lambda folder: (write_onnx(network(), "NCW", folder / "a.onnx"), "b.xml"), "There is no file b.xml"),
    "IR without weights": (lambda f: (no_weights(f), f / "bare.onnx"), "holds the weights of bare.xml"),
    "damaged IR": (lambda f: (damaged(f), f / "cut.onnx"), "is no IR that OpenVINO can read"),
    "an output too few": (lambda f: (write_onnx(network(), "NWC", f / "a.onnx"), fewer_outputs(f)), "lacks an output"),
    "NaN in outputs": (lambda f: (nan_model(f), write_onnx(network(), "NWC", f / "a.onnx")), "holds NaN for noise"),
    "a bad tolerance": (lambda folder: ("a", "b", "--tolerance", "-1"), "says nothing"),
    "a bad seed": (lambda folder: ("a", "b", "--seed", "-1"), "A seed of -1 cannot be"),
    "a bad layout": (
        lambda f: (write_onnx(network(), "NCW", f / "a.onnx"), f / "a.onnx", "--layout", "nhw"), "no layout 'nhw'",
    ),
    "a bad rate": (
        lambda f: (write_onnx(network(), "NCW", f / "a.onnx"), f / "a.onnx", "--sample-rate", "0"),
        "0 samples per second",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gets_one_sentence(run: Run, tmp_path: Path, kind: str) -> None:
    make, words = BAD[kind]
    code, out, err = run(*make(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith("ovprep: ")
    assert words in err
    assert err.count("\n") == 1


def test_an_ir_with_weights_in_float16_is_told_why(run: Run, models: Path, tmp_path: Path) -> None:
    model = openvino.Core().read_model(models / "ours" / "model.xml")
    openvino.save_model(model, tmp_path / "half.xml", compress_to_fp16=True)
    code, out, _ = run(models / "ncw.onnx", "half.xml")
    assert code == 3
    assert "The candidate stores its weights in float16" in " ".join(out.split())
    assert "float16" not in run(models / "ncw.onnx", models / "foreign.xml", "--json")[1].partition("precisions")[0]


def test_an_error_behind_a_saturated_softmax_of_another_format(run: Run, tmp_path: Path) -> None:
    """The logits of an ONNX candidate are looked at as those of an IR are."""
    loud = network()
    for name in ("dense", "offset"):
        loud = loud.with_weight(name, 1e4 * loud.weights[name])
    write_onnx(loud, "NCW", tmp_path / "model.onnx")
    write_onnx(loud.with_weight("dense", 1.05 * loud.weights["dense"]), "NWC", tmp_path / "louder.onnx")
    assert run("model.onnx", write_onnx(loud, "NWC", tmp_path / "same.onnx"))[0] == 0
    code, out, _ = run("model.onnx", "louder.onnx", "--json")
    assert code == 3
    rows = json.loads(out)["verification"]["rows"]
    assert {row["output"] for row in rows if row["passed"] is False} == {"classes before Softmax"}


def test_notes_on_a_candidate_that_is_no_ir_do_not_call_it_one(run: Run, models: Path, wrong: Path) -> None:
    notes = json.loads(run(models / "ncw.onnx", wrong / "nwc.onnx", "--json")[1])["verification"]["notes"]
    assert any("the difference arises in the candidate." in note for note in notes)
    assert not any("IR" in note for note in notes)


def test_another_ir_stands_beside_the_candidate_and_decides_nothing(
    run: Run, models: Path, wrong: Path, tmp_path: Path
) -> None:
    code, out, _ = run(models / "ncw.onnx", models / "ours", "--also", wrong / "ours", "-o", "report.json")
    assert code == 0
    verification = json.loads((tmp_path / "report.json").read_text())["verification"]
    (line,) = [one for one in verification["precisions"] if one["precision"] == str(wrong / "ours")]
    assert line["max_abs_error"] > 1e-3
    assert line["verdict"] in " ".join(out.split())
    rows = [row for row in verification["rows"] if row["precision"] == str(wrong / "ours")]
    assert {row["passed"] for row in rows} == {None}
    assert run("--certificate", "report.json")[0] == 0
    for others, words in (
        ((models / "nwc.onnx", "--also", wrong / "ours"), "Only IRs stand beside an IR"),
        ((models / "ours", "--also", models / "foreign.xml"), "has other inputs or outputs than"),
    ):
        code, _, err = run(models / "ncw.onnx", *others)
        assert (code, err.count("\n")) == (1, 1)
        assert words in err


def test_an_original_that_does_not_tell_its_axes_is_lent_the_candidates_letters(run: Run, tmp_path: Path) -> None:
    offset = numpy_helper.from_array(np.arange(5, dtype=np.float32), "w")
    ports = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 5]) for n in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ports[:1], ports[1:], [offset])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), tmp_path / "one.onnx"
    )
    model = openvino.convert_model(tmp_path / "one.onnx")
    for node in (model.get_parameters()[0], model.get_results()[0]):
        node.set_layout(openvino.Layout("[N,C]"))
    openvino.save_model(model, tmp_path / "other.xml", compress_to_fp16=False)
    assert run("one.onnx", "other.xml")[0] == 0
