"""The benchmark from end to end on a model of microseconds; nothing here depends on how fast anything is."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from ovprep.bench import Benchmark, benchmark, clock
from ovprep.bench.contestant import Contestant
from ovprep.errors import OptionError
from ovprep.workers import Contender, Worker
from tests.proof.networks import NCW, network, write_ir, write_onnx

VERDICTS = {"faster", "slower", "equal within 2%", "cannot tell"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    write_onnx(network(), "NCW", path / "original.onnx")
    write_ir(network(), path / "ir.xml")
    (path / "bad.onnx").write_text("not a model")
    return path


def baseline(folder: Path) -> Contender:
    return Contender("ovprep", "openvino", folder / "ir.xml", role="ovprep", input_layouts=("NWC",))


def others(folder: Path) -> list[Contender]:
    return [
        Contender("original", "onnxruntime", folder / "original.onnx"),
        Contender("direct", "openvino", folder / "original.onnx", role="direct"),
        Contender("ovprep, default", "openvino", folder / "ir.xml", "default", "ovprep", ("NWC",)),
    ]


def run(folder: Path, contenders: list[Contender], **options) -> Benchmark:
    settings = {"sizes": {}, "seconds": 0.6, "threads": 1, "seed": 0} | options
    return benchmark(baseline(folder), contenders, NCW, **settings)


@pytest.fixture(scope="module")
def found(folder: Path) -> Benchmark:
    return run(folder, others(folder))


def test_every_contestant_is_measured_in_every_restart(found: Benchmark) -> None:
    roles = [entry.role for entry in found.contestants]
    assert roles[:4] == ["ovprep", "control", "original", "direct"]
    for entry in found.contestants:
        assert entry.reason is None
        assert entry.median_ms is not None
        assert entry.p90_ms is not None
        assert 0 < entry.median_ms <= entry.p90_ms
        assert len(entry.blocks_ms) == found.restarts == 2
        assert entry.calls == sum(map(sum, entry.block_calls))
        for name in ("load_ms", "first_ms", "peak_rss_mib", "size_bytes"):
            assert getattr(entry, name) > 0
    lengths = {tuple(map(len, entry.blocks_ms)) for entry in found.contestants}
    assert len(lengths) == 1


def test_every_other_one_is_paired_with_the_baseline(found: Benchmark) -> None:
    assert [pair.contestant for pair in found.pairs] == [entry.label for entry in found.contestants[2:]]
    assert found.control is not None
    for pair in (*found.pairs, found.control):
        assert pair.baseline == "ovprep"
        assert pair.ratio is not None
        assert pair.low is not None
        assert pair.high is not None
        assert pair.low <= pair.ratio <= pair.high
        assert pair.verdict in VERDICTS


def test_the_same_precision_is_not_timed_twice(found: Benchmark) -> None:
    labels = {entry.label: entry.precision for entry in found.contestants}
    if "ovprep, default" in labels:
        assert labels["ovprep, default"] != "f32"
    else:
        assert any("computes in f32 by default" in note for note in found.notes)
    assert labels["ovprep"] == "f32"


def test_it_turns_into_strict_json(found: Benchmark) -> None:
    text = json.dumps(dataclasses.asdict(found), allow_nan=False)
    read = json.loads(text)
    assert {"contestants", "pairs", "control", "environment"} <= read.keys()
    assert read["environment"]["properties"]["INFERENCE_PRECISION_HINT"]
    assert read["environment"]["versions"]["openvino"]
    assert read["environment"]["affinity"]


def test_one_that_cannot_be_loaded_is_a_row_with_its_reason(folder: Path) -> None:
    good, bad = others(folder)[0], Contender("bad", "onnxruntime", folder / "bad.onnx")
    found = run(folder, [bad, good])
    rows = {entry.label: entry for entry in found.contestants}
    assert rows["bad"].reason is not None
    assert "failed while loading bad.onnx" in rows["bad"].reason
    assert rows["bad"].median_ms is None
    assert rows["original"].reason is None
    assert rows["original"].calls > 0
    pairs = {pair.contestant: pair for pair in found.pairs}
    assert pairs["bad"].ratio is None
    assert pairs["bad"].verdict == "cannot tell"
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_one_that_dies_on_the_way_keeps_its_samples(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "unsteady", lambda spins, stolen: [False] * len(spins))  # this machine may be busy
    block = Contestant.block
    calls = []

    def dying(self: Contestant, length_ms: float) -> None:
        calls.append(self.contender.label)
        if self.contender.role == "original" and calls.count(self.contender.label) == 3:
            assert self._worker is not None
            os.kill(self._worker.pid, 9)
        block(self, length_ms)

    monkeypatch.setattr(Contestant, "block", dying)
    found = run(folder, others(folder)[:1])
    row = found.contestants[2]
    assert row.reason is not None
    assert "was killed by SIGKILL" in row.reason
    assert row.calls > 0
    assert found.control is not None
    assert found.control.rounds > 5


def test_a_loaded_worker_serves_the_first_restart_and_lives_on(folder: Path) -> None:
    original = others(folder)[0]
    with Worker.launch(original, threads=1) as worker:
        worker.ready()
        found = run(folder, [original], worker=worker)
        assert worker.alive
    assert [len(entry.blocks_ms) for entry in found.contestants] == [2, 2, 2]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_no_process_outlives_an_exception(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    pids = []
    start = Worker.__init__

    def remembered(self: Worker, *arguments, **options) -> None:
        start(self, *arguments, **options)
        pids.append(self.pid)

    def interrupted(self: Contestant, limit_ms: float) -> None:
        raise error

    monkeypatch.setattr(Worker, "__init__", remembered)
    monkeypatch.setattr(Contestant, "warm_up", interrupted)
    with pytest.raises(error):
        run(folder, others(folder))
    assert len(pids) >= 5
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_progress_is_told(folder: Path) -> None:
    lines: list[str] = []
    run(folder, [], seconds=0.2, on_progress=lines.append)
    assert lines == ["restart 1 of 2", "restart 2 of 2"]


@pytest.mark.parametrize("options", [{"seconds": 0}, {"seconds": -1}, {"batch": 0}, {"threads": 0}])
def test_senseless_options_are_refused(folder: Path, options: dict[str, int]) -> None:
    with pytest.raises(OptionError):
        run(folder, [], **options)
