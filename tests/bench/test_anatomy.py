"""Where the time goes: real ops of a real IR, and the roofline by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from ovprep.bench import anatomy
from ovprep.bench.anatomy import dissected, roofline
from ovprep.bench.results import Machine, OpTime
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from ovprep.workers.runners.op_times import layer_of, macs
from tests.bench.made_up import benchmark, measured
from tests.proof.networks import CHANNELS, CLASSES, FILTERS, SAMPLES, TAPS, network, write_ir

SIGNAL = np.zeros((1, SAMPLES, CHANNELS), np.float32)
MACHINE = Machine(100.0, 200.0, "bf16", 10.0, 1000.0, 1)


@pytest.fixture(scope="module")
def ir(tmp_path_factory: pytest.TempPathFactory) -> Contender:
    path = write_ir(network(), tmp_path_factory.mktemp("ir") / "model.xml")
    return Contender("ovprep", "openvino", path, role="ovprep")


def test_each_op_that_runs_has_its_macs(ir: Contender) -> None:
    with Worker("openvino", threads=1) as worker:
        found = worker.op_times(ir, [SIGNAL], 0.05)
    counts = {op["type"]: op["macs"] for op in found if op["macs"]}
    assert counts == {"Convolution": SAMPLES * FILTERS * CHANNELS * TAPS, "MatMul": FILTERS * CLASSES}
    convolution = next(op for op in found if op["type"] == "Convolution")
    values = SAMPLES * CHANNELS + FILTERS * CHANNELS * TAPS + FILTERS + SAMPLES * FILTERS
    assert convolution["bytes"] == 4 * values
    assert convolution["kernel"]
    assert all(op["ms"] > 0 for op in found)


def test_a_wired_model_gets_its_own_inputs(tmp_path: Path) -> None:
    """Two inputs that the other model has the other way round: fed without the wiring, shapes do not fit."""
    from ovprep.workers.wiring import Wiring

    one, two = ops.parameter([1, 4], np.float32, "one"), ops.parameter([1, 6], np.float32, "two")
    product = ops.matmul(ops.concat([one, two], 1), constant(10, 2), False, False)
    openvino.save_model(openvino.Model([product], [one, two], "m"), tmp_path / "m.xml")
    wiring = Wiring((1, 0), ("float32", "float32"), (0,))
    contender = Contender("m", "openvino", tmp_path / "m.xml", wiring=wiring)
    with Worker("openvino", threads=1) as worker:
        assert worker.op_times(contender, [np.zeros((1, 6), np.float32), np.zeros((1, 4), np.float32)], 0.01)


def constant(*shape: int) -> Any:
    return ops.constant(np.ones(shape, np.float32))


def signal(*shape: int) -> Any:
    return ops.parameter(list(shape), np.float32)


def test_macs_by_hand() -> None:
    conv = {"strides": [1], "pads_begin": [0], "pads_end": [0], "dilations": [1]}
    assert macs(ops.convolution(signal(2, 3, 10), constant(8, 3, 5), **conv)) == 2 * 8 * 6 * 3 * 5
    assert macs(ops.group_convolution(signal(2, 6, 10), constant(3, 4, 2, 5), **conv)) == 2 * 12 * 6 * 2 * 5
    up = {"strides": [2]}
    assert macs(ops.convolution_backprop_data(signal(2, 3, 10), constant(3, 8, 4), **up)) == 2 * 3 * 10 * 8 * 4
    grouped = ops.group_convolution_backprop_data(signal(2, 6, 10), constant(3, 2, 4, 5), **up)
    assert macs(grouped) == 2 * 6 * 10 * 4 * 5
    assert macs(ops.matmul(signal(2, 7, 5), constant(5, 9), False, False)) == 2 * 7 * 9 * 5
    assert macs(ops.matmul(signal(2, 5, 7), constant(5, 9), True, False)) == 2 * 7 * 9 * 5
    state, lengths = signal(2, 1, 4), ops.constant(np.array([10, 10]))
    gates = (constant(1, 16, 3), constant(1, 16, 4), constant(1, 16))
    lstm = ops.lstm_sequence(signal(2, 10, 3), state, signal(2, 1, 4), lengths, *gates, 4, "FORWARD")
    assert macs(lstm) == 2 * 10 * (16 * 3 + 16 * 4)
    gates = (constant(1, 12, 3), constant(1, 12, 4), constant(1, 12))
    gru = ops.gru_sequence(signal(2, 10, 3), state, lengths, *gates, 4, "FORWARD")
    assert macs(gru) == 2 * 10 * (12 * 3 + 12 * 4)
    assert macs(ops.relu(signal(1, 4))) == 0


@pytest.mark.parametrize(
    ("name", "layer"),
    [("conv1/Conv/WithoutBiases", "conv1"), ("outer/inner/Conv", "outer/inner"), ("digit", "digit"), ("a/Add", "a")],
)
def test_names_tell_the_layer(name: str, layer: str) -> None:
    assert layer_of(name) == layer


def op(macs: int, size: int, ms: float = 1.0) -> OpTime:
    return OpTime("op", "Convolution", "", "", ms, macs, size, 0.0, None)


def test_the_roofline_is_the_larger_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anatomy, "cache_bytes", lambda: 0)
    roof = roofline(MACHINE, [op(0, 10)], 10)
    assert roof.least_ms(50_000_000, 0) == pytest.approx(1.0)  # 0.1 GFLOP at 100 GFLOP/s
    assert roof.least_ms(0, 10_000_000) == pytest.approx(1.0)  # 10 MB at 10 GB/s
    assert roof.least_ms(50_000_000, 20_000_000) == pytest.approx(2.0)


def test_what_fits_into_the_caches_has_their_bandwidth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anatomy, "cache_bytes", lambda: 100)
    assert roofline(MACHINE, [op(0, 40), op(0, 60)], 40).gb_s == 1000.0
    assert roofline(MACHINE, [op(0, 40), op(0, 60)], 41).gb_s == 10.0


def test_shares_are_of_the_ops_and_of_the_median(ir: Contender, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "name": "c",
        "type": "Convolution",
        "layer": "c",
        "kernel": "k",
        "ms": 2.0,
        "macs": 50_000_000,
        "bytes": 8,
    }
    monkeypatch.setattr(Worker, "op_times", lambda *arguments, **options: [fields, {**fields, "macs": 0, "ms": 0.5}])
    monkeypatch.setattr(anatomy, "machine", lambda worker, seen: replace(MACHINE, f32_gflops=max(100.0, seen)))
    found = dissected(benchmark(measured("ovprep", "ovprep", median=4.0), threads=1), ir, [SIGNAL])
    assert [entry.roofline_share for entry in found.ops] == [0.5, 0.0]
    assert found.ops[0].gflops == 50.0
    assert (found.ops_of, found.model_roofline_share, found.notes) == ("ovprep", 0.25, ())
    fast = dissected(benchmark(measured("ovprep", "ovprep", median=0.8), threads=1), ir, [SIGNAL])
    assert fast.model_roofline_share == 1.25
    assert "share of more than 100%" in fast.notes[-1]


def test_what_cannot_be_measured_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_text("no IR")
    found = dissected(benchmark(measured("a"), threads=1), Contender("a", "openvino", tmp_path / "bad.xml"), [SIGNAL])
    assert found.ops == ()
    assert "time of single ops was not measured" in found.notes[-1]
