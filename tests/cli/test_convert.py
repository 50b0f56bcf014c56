"""`ovprep convert` and `ovprep inspect` as a user meets them: words, exit codes, pipes."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "imu_tcn" / "model.keras"
H5 = ROOT / "samples" / "spoken_digits" / "model.h5"
ONNX = ROOT / "samples" / "ecg_resnet" / "model.onnx"

RESULT = {"model.xml", "model.bin", "report.json", "report.html", "manifest.json"}


def quick(*words: object) -> tuple[object, ...]:
    return ("convert", *words, "--no-verify", "--no-benchmark")


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_help_names_the_commands(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert "convert" in out
    assert "inspect" in out


def test_the_default_folder_is_named_after_the_model(run: Run, tmp_path: Path) -> None:
    code, out, err = run(*quick(SAMPLE))
    assert (code, err) == (0, "")
    assert {path.name for path in (tmp_path / "model_openvino").iterdir()} == RESULT
    assert "22 Transposes became 1" in out
    assert "\x1b" not in out, "no colours in a pipe"
    assert not any(line != line.rstrip() for line in out.splitlines())


def test_converting_again_replaces_the_result(run: Run, tmp_path: Path) -> None:
    assert run(*quick(SAMPLE, "-o", "out"))[0] == 0
    assert run(*quick(ONNX, "-o", "out"))[0] == 0
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["source"]["name"] == "model.onnx"
    assert files_in(tmp_path) == {
        "out",
        *(f"out/{name}" for name in RESULT),
    }


def test_json_is_one_object_on_stdout(run: Run, tmp_path: Path) -> None:
    code, out, err = run(*quick(SAMPLE, "-o", "out", "--json"))
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "out" / "report.json").read_text())


def test_inspect_shows_the_model(run: Run) -> None:
    code, out, _ = run("inspect", SAMPLE)
    assert code == 0
    for words in ("keras 3", "format keras", "motion", "[batch, 128, 6]", "NWC", "receptive field 125 samples", "MACs"):
        assert words in out


def test_inspect_as_json(run: Run) -> None:
    code, out, _ = run("inspect", ONNX, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["original"]["inputs"][0]["layout"] == "NCW"
    assert found["interface"]["inputs"][0]["layout"] == "NWC"
    assert sum(op["macs"] for op in found["ops"]) == found["macs"]


def text_file(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("this is no model\n" * 20)
    return path


def cut(folder: Path, model: Path, share: float) -> Path:
    path = folder / f"cut{model.suffix}"
    data = model.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def empty(folder: Path, name: str) -> Path:
    path = folder / name
    path.touch()
    return path


def weights_only(folder: Path) -> Path:
    path = folder / "only.weights.h5"
    with zipfile.ZipFile(SAMPLE) as archive:
        path.write_bytes(archive.read("model.weights.h5"))
    return path


def other_zip(folder: Path) -> Path:
    path = folder / "other.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no model")
    return path


def unknown_layer(folder: Path) -> Path:
    path = folder / "unknown.h5"
    path.write_bytes(H5.read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        layer = config["config"]["layers"][2]
        layer["class_name"] = "FancyPooling"
        file.attrs["model_config"] = json.dumps(config)
    return path


def wrong_shape(folder: Path) -> Path:
    path = folder / "wrong.h5"
    path.write_bytes(H5.read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        conv = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Conv1D")
        conv["config"]["filters"] += 1
        file.attrs["model_config"] = json.dumps(config)
    return path


def empty_folder(folder: Path) -> Path:
    path = folder / "folder"
    path.mkdir()
    return path


BAD_MODELS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "none.h5", "There is no file"),
    "a folder": (empty_folder, "not a SavedModel"),
    "empty h5": (lambda folder: empty(folder, "empty.h5"), "is empty"),
    "empty onnx": (lambda folder: empty(folder, "empty.onnx"), "is empty"),
    "truncated h5": (lambda folder: cut(folder, H5, 0.7), "damaged"),
    "truncated keras": (lambda folder: cut(folder, SAMPLE, 0.7), "not a Keras file"),
    "truncated onnx": (lambda folder: cut(folder, ONNX, 0.7), "ONNX"),
    "weights only": (weights_only, "holds weights but no architecture"),
    "another zip": (other_zip, "no Keras model"),
    "text named onnx": (lambda folder: text_file(folder, "text.onnx"), "not an ONNX model"),
    "text named h5": (lambda folder: text_file(folder, "text.h5"), "not a Keras file"),
    "unknown name": (lambda folder: text_file(folder, "model.pt"), "does not know"),
    "unknown layer": (unknown_layer, "FancyPooling, layer 3"),
    "wrong weights": (wrong_shape, "stored with shape"),
}


@pytest.mark.parametrize("kind", BAD_MODELS)
def test_a_bad_model_gets_one_sentence(run: Run, tmp_path: Path, kind: str) -> None:
    make, words = BAD_MODELS[kind]
    path = make(tmp_path)
    before = files_in(tmp_path)
    code, out, err = run("convert", path, "-o", "out")
    assert code == 1
    assert out == ""
    assert err.startswith("ovprep: ")
    assert words in err
    assert "Traceback" not in err
    assert err.count("\n") == 1
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--target", "tpu"), "no target 'tpu'; choose cpu"),
        (("--seconds", "0"), "0 seconds"),
        (("--seconds", "-1"), "-1 seconds"),
        (("--threads", "0"), "0 threads"),
    ],
)
def test_a_bad_option_gets_one_sentence(run: Run, tmp_path: Path, options: tuple[str, str], words: str) -> None:
    code, out, err = run("convert", SAMPLE, *options)
    assert (code, out) == (1, "")
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_exits_2(run: Run) -> None:
    assert run("convert")[0] == 2
    assert run("convert", SAMPLE, "--nonsense")[0] == 2


def test_somebody_elses_folder_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    code, _, err = run(*quick(SAMPLE, "-o", "out"))
    assert code == 1
    assert "thesis.txt" in err
    assert files_in(tmp_path) == {"out", "out/thesis.txt"}


def test_an_error_as_json(run: Run) -> None:
    code, out, err = run("convert", "none.h5", "--json")
    assert code == 1
    assert json.loads(out) == {"error": err.removeprefix("ovprep: ").strip(), "kind": "ModelError", "exit_code": 1}


def test_nan_in_the_weights_is_a_warning_and_equality_is_judged(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nan.h5"
    path.write_bytes(H5.read_bytes())
    with h5py.File(path, "r+") as file:
        name = next(name for name in file["model_weights/digit"].attrs["weight_names"] if "bias" in str(name))
        bias = file["model_weights/digit"][name]
        bias[3] = float("nan")
    code, out, err = run("convert", path, "-o", "out", "--no-benchmark")
    assert (code, err) == (0, "")
    assert "NaN or infinity in 1 of the model's weights" in out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verification"]["passed"] is True
    assert report["warnings"]


def test_the_program_in_a_pipe(tmp_path: Path) -> None:
    """As an installed program: plain lines, nothing on stderr, nothing that a terminal alone understands."""
    command = [sys.executable, "-m", "ovprep", *map(str, quick(H5, "-o", tmp_path / "out"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "20 Transposes became" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("inspect", H5), ("inspect", "--json", H5), ("inspect", "--json", "none.h5")])
def test_a_full_disk_gets_one_sentence(arguments: tuple[str | Path, ...]) -> None:
    command = [sys.executable, "-m", "ovprep", *map(str, arguments)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be printed" in done.stderr or "There is no file" in done.stderr


def test_converting_imports_no_framework(tmp_path: Path) -> None:
    """Converting alone must not load TensorFlow or Keras, let alone run anything from the file."""
    program = (
        "import sys, ovprep\n"
        f"for path in {[str(H5), str(SAMPLE), str(ONNX)]}:\n"
        f"    ovprep.convert(path, {str(tmp_path / 'out')!r}, verify=False, benchmark=False)\n"
        "print(*sorted({'keras', 'tensorflow', 'torch', 'onnxruntime'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


def test_where_the_ir_is_to_run(run: Run) -> None:
    """A rank-4 interface for an older version, and a device that nothing was tested on."""
    words = ("--interface-rank", 4, "--openvino-version", "2022.3", "--target", "npu", "--batch", 1, "--json")
    code, out, _ = run(*quick(SAMPLE), *words)
    assert code == 0
    report = json.loads(out)
    assert (report["target"], report["openvino_version"], report["normalization"]["rank"]["chosen"]) == (
        "npu",
        "2022.3",
        3,
    )
    (port,) = report["interface"]["inputs"]
    assert (len(port["shape"]), port["layout"], port["shape"][:2]) == (4, "NHWC", [1, 1])
    assert [text[:24] for text in report["warnings"]] == ["What the NPU gets is wri", "Made for OpenVINO 2022.3"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--target", "gpu"), "Target gpu wants fixed shapes"),
        (("--openvino-version", "2021.4"), "does not read IR of version 11"),
        (("--interface-rank", "5"), "There is no interface of rank 5; choose 3 or 4."),
    ],
)
def test_where_it_cannot_run(words: tuple[str, ...], sentence: str, run: Run, tmp_path: Path) -> None:
    code, _, err = run(*quick(SAMPLE), *words)
    assert code == 1
    assert sentence in " ".join(err.split())
    assert not list(tmp_path.iterdir())


def test_inspect_tells_the_question_of_rank(run: Run) -> None:
    code, out, _ = run("inspect", SAMPLE)
    assert code == 0
    assert "3: no op of this model is known to run faster at rank 4" in " ".join(out.split())
