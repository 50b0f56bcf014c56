"""Devices and older versions: what they need, and what the report says of them."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import openvino
import pytest

import ovprep
from ovprep.errors import OptionError
from ovprep.interface import Interface, Port
from ovprep.options import InterfaceOptions, Rank
from ovprep.tasks.converting.target import Target
from tests.graphs import GraphBuilder


def upsampling(mirrored: bool = False) -> ir.Model:
    """A convolution, perhaps behind a reflecting Pad, and a Resize to twice the length."""
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 16)
    if mirrored:
        x = build.op("Pad", x, build.ints(0, 0, 1, 0, 0, 1), mode="reflect")
    x = build.op("Conv", x, build.weights(4, 4, 3))
    x = build.op("Resize", x, None, build.constant(np.array([1, 1, 2], np.float32), "scales"), mode="linear")
    build.output(build.op("Relu", x), "y")
    return build.model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    ir.save(upsampling(), path)
    return path


def opsets_of(path: Path) -> dict[str, str]:
    ops = openvino.Core().read_model(path).get_ops()
    return {op.get_type_name(): op.get_type_info().version_id for op in ops}


def ranks_of(path: Path, op_type: str) -> set[int]:
    ops = openvino.Core().read_model(path).get_ops()
    return {len(op.output(0).get_partial_shape()) for op in ops if op.get_type_name() == op_type}


@pytest.mark.parametrize(("version", "numbers"), [("2022.3", (2022, 3)), ("2023.0.1", (2023, 0)), (None, None)])
def test_versions(version: str | None, numbers: tuple[int, int] | None) -> None:
    assert Target.of("cpu", version).version == numbers


@pytest.mark.parametrize(
    ("device", "version", "words"),
    [
        ("tpu", None, "There is no target 'tpu'; choose cpu, gpu, npu."),
        ("cpu", "newest", "There is no OpenVINO version 'newest'; give year and release, as 2022.3."),
        ("cpu", "2022", "There is no OpenVINO version '2022'"),
        ("cpu", "2021.4", "OpenVINO 2021.4 does not read IR of version 11, which begins with 2022.1; convert with"),
    ],
)
def test_what_there_is_not(device: str, version: str | None, words: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=words):
        ovprep.convert(tmp_path / "model.onnx", target=device, openvino_version=version)


@pytest.mark.parametrize(("version", "rank"), [("2022.3", 4), ("2023.2", 4), ("2023.3", None), (None, None)])
def test_resize_needs_rank_4_before_2023_3(version: str | None, rank: int | None) -> None:
    need = Target.of("cpu", version).needed_rank(upsampling().graph)
    assert (need.chosen if need else None) == rank


def test_resize_for_an_older_version(path: Path, tmp_path: Path) -> None:
    """At rank 4 without timing, verified, and with the Resize as that version has it."""
    done = ovprep.convert(path, tmp_path / "out", openvino_version="2022.3", benchmark=False)
    assert done.verification is not None
    assert done.verification.passed
    report = done.report()
    assert report["openvino_version"] == "2022.3"
    assert report["normalization"]["rank"] == {
        "chosen": 4,
        "why": "OpenVINO 2022.3 does not run Resize Resize at rank 3",
    }
    assert ranks_of(done.model_path, "Interpolate") == {4}
    assert opsets_of(done.model_path)["Interpolate"] == "opset4"
    (warning,) = report["warnings"]
    words = "Made for OpenVINO 2022.3 and never run there: equality and latency here are those of OpenVINO "
    assert warning == f"{words}{openvino.get_version().split('-')[0]}."


def test_rank_3_against_what_the_version_needs(path: Path, tmp_path: Path) -> None:
    done = ovprep.convert(path, tmp_path / "out", openvino_version="2022.3", rank=3, verify=False, benchmark=False)
    why = "OpenVINO 2022.3 does not run Resize Resize at rank 3"
    assert done.report()["normalization"]["rank"]["why"] == f"as asked for, although {why}"
    assert done.warnings[1] == f"{why}."


@pytest.mark.parametrize(("version", "rank"), [("2022.1", 3), ("2022.2", 4)])
def test_reflecting_pad_stays_at_rank_3_in_2022_1(version: str, rank: int, tmp_path: Path) -> None:
    ir.save(upsampling(mirrored=True), tmp_path / "model.onnx")
    done = ovprep.convert(tmp_path / "model.onnx", tmp_path / "out", openvino_version=version, benchmark=False)
    assert done.verification is not None
    assert done.verification.passed
    assert (ranks_of(done.model_path, "Pad"), ranks_of(done.model_path, "Interpolate")) == ({rank}, {4})
    assert opsets_of(done.model_path)["Pad"] == "opset1"


def test_op_that_the_version_does_not_know(tmp_path: Path) -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 16), build.weights(4, 4, 3))
    build.output(build.op("ArgMax", x, axis=1, keepdims=0), "y")
    ir.save(build.model, tmp_path / "model.onnx")
    options = {"verify": False, "benchmark": False}
    done = ovprep.convert(tmp_path / "model.onnx", tmp_path / "out", openvino_version="2022.3", **options)
    assert done.warnings[1].startswith("OpenVINO 2022.3 cannot read this IR, since it does not know TopK ")
    assert done.warnings[1].endswith(" of opset11.")
    done = ovprep.convert(tmp_path / "model.onnx", tmp_path / "out", openvino_version="2023.0", **options)
    assert len(done.warnings) == 1


@pytest.mark.parametrize("device", ["gpu", "npu"])
def test_devices_that_want_fixed_shapes(device: str, path: Path, tmp_path: Path) -> None:
    words = rf"Target {device} wants fixed shapes.*input-shape \"x\[<batch>,16,4\]\".*--batch 1"
    with pytest.raises(OptionError, match=words):
        ovprep.convert(path, tmp_path / "out", target=device)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("device", "rank", "chosen"), [("gpu", "auto", 3), ("npu", "auto", 3), ("gpu", 4, 4)])
def test_devices_get_rank_3_unless_forced(device: str, rank: Rank, chosen: int, path: Path, tmp_path: Path) -> None:
    """Verified on the CPU, which the report says."""
    done = ovprep.convert(
        path, tmp_path / "out", target=device, rank=rank, interface=InterfaceOptions(batch=1), benchmark=False
    )
    assert done.verification is not None
    assert ranks_of(done.model_path, "Convolution") == {chosen}
    why = f"target {device} is given rank 3 without timing, which would need the device"
    assert done.rank.why == (why if rank == "auto" else f"as asked for, although {why}")
    (warning,) = done.report()["warnings"]
    assert warning == (
        f"What the {device.upper()} gets is written from documentation, untested on the device: "
        "equality and latency here are those of the CPU."
    )


def test_open_outputs_of_fixed_inputs_are_no_matter() -> None:
    ports = (Port("x", "float32", (1, 8, 2), "NWC"),), (Port("y", "float32", (1, "?", 2), "NWC"),)
    Target.of("npu").require_fixed(Interface(*ports))


def test_the_version_at_hand_is_no_older_one(path: Path, tmp_path: Path) -> None:
    at_hand = ".".join(openvino.get_version().split(".")[:2])
    done = ovprep.convert(path, tmp_path / "out", openvino_version=at_hand, rank=3, verify=False, benchmark=False)
    assert done.warnings == ()
    assert opsets_of(done.model_path)["Interpolate"] == "opset11"
    assert Target.of("cpu", "2023.9").is_older_than("2024.0.1")
