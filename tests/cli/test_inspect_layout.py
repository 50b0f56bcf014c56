"""`ovprep inspect --layout`: with and without a value, in any order, as a user meets it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ovprep.cli import main
from ovprep.cli.bare_layout import with_values

ROOT = Path(__file__).parents[2]
ONNX = ROOT / "samples" / "ecg_resnet" / "model.onnx"


@pytest.mark.parametrize(
    ("words", "filled"),
    [
        ("--layout model.onnx", "--layout= model.onnx"),
        ("model.onnx --layout", "model.onnx --layout="),
        ("--layout ./model", "--layout= ./model"),
        ("--layout ncw model.onnx", "--layout ncw model.onnx"),
        ("--layout NCW model.onnx", "--layout NCW model.onnx"),
        ("model.onnx --layout nwc --json", "model.onnx --layout nwc --json"),
        ("--layout --json model.onnx", "--layout= --json model.onnx"),
        ("--layout=ncw model.onnx", "--layout=ncw model.onnx"),
        ("--layout --layout x=ncw model.onnx", "--layout= --layout x=ncw model.onnx"),
        ("--layout a.b/x:0=keep model.onnx", "--layout a.b/x:0=keep model.onnx"),
        ("--layout nhwc model.onnx", "--layout nhwc model.onnx"),
        ("--layout x=last model.onnx", "--layout x=last model.onnx"),
        ("--layout -- --layout", "--layout= -- --layout"),
        ("--layout a=b.onnx", "--layout= a=b.onnx"),
        ("", ""),
    ],
)
def test_a_bare_option_gets_an_empty_value(words: str, filled: str) -> None:
    assert with_values(words.split()) == filled.split()


def test_a_folder_that_is_there_is_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_values(["--layout", "model"]) == ["--layout", "model"]
    (tmp_path / "model").mkdir()
    assert with_values(["--layout", "model"]) == ["--layout=", "model"]


def inspect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["ovprep", "inspect", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    return code, *capsys.readouterr()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *words: inspect(monkeypatch, capsys, *words)


@pytest.mark.parametrize("words", [("--layout", ONNX), (ONNX, "--layout"), (ONNX, "--layout", "nwc")])
def test_the_plan_in_words(run: Any, words: tuple[object, ...]) -> None:
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    for text in (
        "bytes transposed",
        "ecg → ",
        "ecg: the interface gives NWC",
        "Conv is channel-first",
        "CPU, f32, at batch 1",
    ):
        assert text in out
    assert not any(line != line.rstrip() for line in out.splitlines())


def test_the_plan_for_another_interface(run: Any) -> None:
    code, out, _ = run("--layout", "ncw", ONNX, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["interface"]["inputs"][0]["layout"] == "NCW"
    assert found["layout_plan"]["bytes_after"] == 0
    assert found["layout_plan"]["transposes"] == []


def test_the_plan_as_json(run: Any) -> None:
    code, out, _ = run(ONNX, "--layout", "--json")
    plan = json.loads(out)["layout_plan"]
    assert code == 0
    assert sum(entry["bytes"] for entry in plan["transposes"]) == plan["bytes_after"] > 0
    assert plan["ops"][0] == {
        "op": "ecg",
        "type": "input",
        "layout": "NWC",
        "moved": False,
        "pin": "the interface gives NWC",
    }
    assert {op["layout"] for op in plan["ops"] if op["type"] == "Conv"} == {"NCW"}
    assert plan["compiled"]["precision"] == "f32"
    assert {move["type"] for move in plan["compiled"]["moves"]} <= {"Transpose", "Reorder"}


def test_without_the_option_there_is_no_plan_and_no_openvino(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it fails
    monkeypatch.delitem(sys.modules, "ovprep.emit.compiled", raising=False)
    code, out, _ = run(ONNX, "--json")
    assert code == 0
    assert json.loads(out)["layout_plan"] is None


def test_no_such_layout(run: Any) -> None:
    code, _, err = run("--layout", "nhwc", ONNX)
    assert code != 0
    assert "There is no layout 'nhwc'" in err
