"""Small graphs in a child process, which some of them end."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from ovprep.errors import RuntimeFailure
from ovprep.workers import reproduce
from tests.graphs import GraphBuilder

SIZE = 4


def written(folder: Path, name: str, op_type: str = "Relu") -> None:
    build = GraphBuilder()
    build.output(build.op(op_type, build.input("x", 2, SIZE)), "y")
    onnx.save(ir.to_proto(build.model), folder / f"{name}.onnx")
    np.savez(folder / f"{name}.npz", x=np.linspace(-1, 1, 2 * SIZE, dtype=np.float32).reshape(2, SIZE))


def test_what_ends_the_process_is_wrong_and_the_others_go_on(tmp_path: Path) -> None:
    for name in ("first", "crash", "last one"):
        written(tmp_path, name)
    (tmp_path / "crash.npz").write_bytes(b"")
    found = reproduce.tried(tmp_path, ["first", "crash", "last one"])
    assert found == {"first": True, "crash": False, "last one": True}


def test_a_wrong_result_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino

    written(tmp_path, "relu")
    written(tmp_path, "tanh", "Tanh")
    with np.load(tmp_path / "relu.npz") as feeds:
        assert reproduce.is_right(tmp_path / "relu.onnx", dict(feeds))
        real = openvino.Core.read_model
        monkeypatch.setattr(openvino.Core, "read_model", lambda core, path: real(core, path.with_stem("tanh")))
        assert not reproduce.is_right(tmp_path / "relu.onnx", dict(feeds))


def test_what_openvino_refuses_is_wrong(tmp_path: Path) -> None:
    written(tmp_path, "relu")
    (tmp_path / "broken.onnx").write_bytes(b"")
    import openvino

    with pytest.MonkeyPatch.context() as patch, np.load(tmp_path / "relu.npz") as feeds:
        real = openvino.Core.read_model
        patch.setattr(openvino.Core, "read_model", lambda core, path: real(core, path.with_stem("broken")))
        assert not reproduce.is_right(tmp_path / "relu.onnx", dict(feeds))


def test_what_hangs_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stops = iter([["ready", "first right"], ["ready", "last right"]])
    monkeypatch.setattr(reproduce, "_said", lambda folder, names: next(stops))
    found = reproduce.tried(tmp_path, ["first", "hangs", "last"])
    assert found == {"first": True, "hangs": False, "last": True}


def test_runtimes_that_do_not_start_are_no_fault_of_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "relu")
    (tmp_path / "openvino.py").write_text("raise ImportError")
    environment = {**reproduce.environment(), "PYTHONPATH": str(tmp_path)}
    monkeypatch.setattr(reproduce, "environment", lambda: environment)
    with pytest.raises(RuntimeFailure, match=r"^OpenVINO or ONNX Runtime does not start\.$"):
        reproduce.tried(tmp_path, ["relu"])
