"""The certificate: what a verification can be run again from, and what is told where it comes out otherwise."""

import copy
import json
import shutil
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ovprep
from ovprep.cli import main
from ovprep.proof.certificate import compare_certificates, hashes
from ovprep.proof.inputs.cases import Case
from ovprep.report.options import asked_of
from ovprep.tasks.verifying.certifying import recorded
from tests.proof.networks import MUTATIONS, network, write_onnx


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, data, a conversion of both with its report, and a report of `ovprep verify`."""
    folder = tmp_path_factory.mktemp("made")
    write_onnx(network(), "NCW", folder / "model.onnx")
    np.save(folder / "walk.npy", np.random.default_rng(0).standard_normal((3, 64)))
    data = [folder / "walk.npy"]
    ovprep.convert(folder / "model.onnx", folder / "out", data=data, benchmark=False)
    ovprep.verify(folder / "model.onnx", folder / "out", data=data, tolerance=1e-3, seed=3).write(
        folder / "report.json"
    )
    return folder


@pytest.fixture
def moved(made: Path, tmp_path: Path) -> Path:
    """A copy elsewhere, whose report does not know where its files are now."""
    place = tmp_path / "moved"
    shutil.copytree(made, place)
    text = (place / "report.json").read_text().replace(str(made), "gone")
    (place / "report.json").write_text(text)
    return place


def report(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_a_certificate_has_all_that_a_repetition_needs(made: Path) -> None:
    verification = report(made / "report.json")["verification"]
    certificate = verification["certificate"]
    assert certificate["original"]["path"] == str(made / "model.onnx")
    assert certificate["candidate"]["path"] == str(made / "out" / "model.xml")
    assert [Path(file["path"]).name for file in certificate["data"]] == ["walk.npy"]
    assert certificate["options"] == {"data": [str(made / "walk.npy")], "tolerance": 1e-3, "seed": 3}
    assert set(certificate["machine"]) == {"versions", "cpu", "isa", "threads"}
    assert {"openvino", "onnxruntime", "numpy"} <= set(certificate["machine"]["versions"])
    assert "walk.npy at batch 1" in verification["inputs"]
    assert all(len(digest) == 64 for digest in verification["inputs"].values())


@pytest.mark.parametrize("path", ["report.json", "out/report.json", "out"])
def test_it_is_reproduced(made: Path, path: str) -> None:
    found = ovprep.verify_certificate(made / path)
    assert found.reproduction is not None
    assert found.reproduction.changes == ()
    assert found.reproduction.reproduced
    assert found.holds
    assert "walk.npy" in {row.signal for row in found.verification.rows}


def test_files_that_moved_are_found_beside_the_report_or_named(moved: Path) -> None:
    with pytest.raises(ovprep.OptionError, match=r"candidate of .* is not at gone/out/model.xml any more"):
        ovprep.verify_certificate(moved / "report.json")
    found = ovprep.verify_certificate(moved / "report.json", candidate=moved / "out")
    assert found.reproduction is not None
    assert found.reproduction.reproduced


def test_another_model_is_told(moved: Path) -> None:
    write_onnx(MUTATIONS["bias dropped"](network()), "NCW", moved / "model.onnx")
    found = ovprep.verify_certificate(moved / "report.json", candidate=moved / "out")
    assert found.reproduction is not None
    assert not found.reproduction.reproduced
    assert not found.reproduction.same_files
    assert any("original" in change and "another file" in change for change in found.reproduction.changes)
    assert any("was equal, and is not equal" in change for change in found.reproduction.changes)


def test_another_weight_in_the_candidate_is_told(moved: Path) -> None:
    path = moved / "out" / "model.bin"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    found = ovprep.verify_certificate(moved / "report.json", candidate=moved / "out")
    assert found.reproduction is not None
    assert any("candidate" in change for change in found.reproduction.changes)
    assert not found.holds


def test_other_data_is_told(moved: Path) -> None:
    np.save(moved / "walk.npy", np.ones((3, 64)))
    found = ovprep.verify_certificate(moved / "report.json", candidate=moved / "out")
    assert found.reproduction is not None
    assert "The data is not the certificate's." in found.reproduction.changes
    assert "Other values were fed for walk.npy at batch 1." in found.reproduction.changes


def edited(made: Path, edit: Callable[[dict[str, Any]], object]) -> tuple[dict[str, Any], dict[str, Any]]:
    before = report(made / "report.json")["verification"]
    after = copy.deepcopy(before)
    edit(after)
    return before, after


def error_moved(share: float) -> Callable[[dict[str, Any]], object]:
    def edit(verification: dict[str, Any]) -> None:
        row = verification["rows"][0]
        row["max_abs_error"] += share * row["scale"]

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda v: v["certificate"]["machine"]["versions"].update(openvino="2099.1"), "openvino was .*, and is 2099.1"),
        (lambda v: v["certificate"]["machine"]["versions"].pop("keras"), "keras was .*, and is not installed"),
        (lambda v: v["certificate"]["machine"].update(cpu="Other"), "The CPU was .*, and is Other"),
        (lambda v: v["certificate"]["machine"].update(isa=["avx9"]), "with avx9"),
        (lambda v: v["certificate"]["machine"].update(threads=77), "and runs on 77"),
    ],
)
def test_another_machine_is_told_and_no_fault(made: Path, edit: Callable[[Any], object], words: str) -> None:
    found = compare_certificates(*edited(made, edit))
    assert found.reproduced
    assert len(found.changes) == 1
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.changes[0])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (error_moved(1e-5), "1 of .* errors changed, most that of sequence for noise"),
        (lambda v: v["rows"].pop(), "1 comparisons of the certificate are not made any more, and 0 are new"),
        (lambda v: v.update(passed=False), "was equal, and is not equal"),
        (lambda v: v["inputs"].update(more="0"), "Fed besides: more"),
        (lambda v: v["inputs"].pop("walk.npy at batch 1"), "Not fed any more: walk.npy"),
    ],
)
def test_what_is_not_the_same_is_no_reproduction(made: Path, edit: Callable[[Any], object], words: str) -> None:
    found = compare_certificates(*edited(made, edit))
    assert not found.reproduced
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.changes[0])


def test_the_last_bit_of_an_error_may_move(made: Path) -> None:
    assert compare_certificates(*edited(made, error_moved(1e-7))).changes == ()


def test_an_infinite_error_that_stays_has_not_changed(made: Path) -> None:
    before = report(made / "report.json")["verification"]
    before["rows"][0]["max_abs_error"] = "inf"
    assert compare_certificates(before, copy.deepcopy(before)).changes == ()


def test_values_types_and_shapes_are_hashed() -> None:
    x = np.arange(6, dtype=np.float32)
    forms = [x, x + np.float32(1e-3), x.reshape(2, 3), x.view(np.int32)]
    found = {hashes([Case("noise", 1, [array], True)])["noise at batch 1"] for array in forms}
    assert len(found) == len(forms)


def test_code_is_not_run_because_a_report_says_so(made: Path, tmp_path: Path) -> None:
    content = report(made / "report.json")
    content["verification"]["certificate"]["options"]["plugins"] = ["evil.py"]
    (tmp_path / "report.json").write_text(json.dumps(content))
    with pytest.raises(ovprep.OptionError, match="was made with --plugin, which runs code"):
        ovprep.verify_certificate(tmp_path / "report.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("no json", "is not JSON"),
        ("[]", "is no report"),
        ('{"schema": 1, "verification": null}', "holds no certificate"),
        ('{"verification": {"passed": true, "certificate": {"original": 1}}}', "holds no certificate"),
    ],
)
def test_what_is_no_certificate(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(ovprep.OptionError, match=words):
        ovprep.verify_certificate(tmp_path / "report.json")


def without_hash(verification: dict[str, Any]) -> None:
    del verification["certificate"]["candidate"]["sha256"]


def without_errors(verification: dict[str, Any]) -> None:
    del verification["rows"][0]["max_abs_error"]


def _row(verification: dict[str, Any], **values: object) -> None:
    verification["rows"][0].update(values)


def _machine(verification: dict[str, Any], **values: object) -> None:
    verification["certificate"]["machine"].update(values)


def _option(verification: dict[str, Any], **values: object) -> None:
    verification["certificate"]["options"].update(values)


DAMAGED: list[tuple[Callable[[Any], object], str]] = [
    (without_hash, "holds no certificate"),
    (without_errors, "holds no certificate"),
    (lambda v: v.update(rows=[]), "holds no certificate"),
    (lambda v: v.update(rows=7), "holds no certificate"),
    (lambda v: v.update(inputs=["noise"]), "holds no certificate"),
    (lambda v: v.update(passed="yes"), "holds no certificate"),
    (lambda v: _row(v, max_abs_error="wide"), "holds no certificate"),
    (lambda v: _row(v, scale=0), "holds no certificate"),
    (lambda v: _row(v, signal=[]), "holds no certificate"),
    (lambda v: _machine(v, isa=None), "holds no certificate"),
    (lambda v: _machine(v, threads="two"), "holds no certificate"),
    (lambda v: _option(v, magic=7), "option 'magic', which this version"),
    (lambda v: _option(v, tolerance="much"), "is damaged: its option 'tolerance' cannot be \"much\""),
    (lambda v: _option(v, data=7), "option 'data' cannot be 7"),
    (lambda v: _option(v, seed=1.5), "option 'seed' cannot be 1.5"),
    (lambda v: _option(v, input_values={"rate": "x"}), "option 'input_values' cannot be"),
    (lambda v: _option(v, layout=["nwc"]), "option 'layout' cannot be"),
]


@pytest.mark.parametrize(("edit", "words"), DAMAGED)
def test_a_damaged_certificate(made: Path, tmp_path: Path, edit: Callable[[Any], object], words: str) -> None:
    content = report(made / "report.json")
    edit(content["verification"])
    (tmp_path / "report.json").write_text(json.dumps(content))
    with pytest.raises(ovprep.OptionError, match=words):
        ovprep.verify_certificate(tmp_path / "report.json")


def test_the_command(
    made: Path, moved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ovprep", "verify", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capsys.readouterr().out

    assert run("--certificate", made / "report.json")[0] == 0
    code, out = run("--certificate", moved / "report.json", moved / "model.onnx", moved / "out")
    assert code == 0
    assert "reproduced" in out
    assert "not reproduced" not in out
    code, out = run("--certificate", made / "report.json", "--explain")
    assert code == 0
    assert "Each of 9 tensors of the translated graph" in " ".join(out.split())
    for words in (("--tolerance", "1"), ("--seed", "0"), ("--layout", "nwc"), ("--dynamic", "time")):
        code, out = run("--certificate", made / "report.json", *words)
        assert (code, out) == (1, ""), words
    write_onnx(MUTATIONS["bias dropped"](network()), "NCW", moved / "model.onnx")
    code, out = run("--certificate", moved / "report.json", moved / "model.onnx", moved / "out")
    assert code == 3
    assert "not reproduced" in out


def test_a_tolerance_of_zero_is_one() -> None:
    defaults = {name: parameter.default for name, parameter in signature(ovprep.verify).parameters.items()}
    asked = asked_of(ovprep.verify, {**defaults, "tolerance": 0.0})
    assert recorded(asked, data=[], seed=0) == {"tolerance": 0.0, "seed": 0}
