"""The machine's best, and that it is remembered."""

import json
from pathlib import Path
from typing import Any

import pytest

from ovprep.bench import machine as module
from ovprep.bench.machine import machine

RATES = {
    "f32_gflops": 100.0,
    "default_gflops": 200.0,
    "default_precision": "bf16",
    "bandwidth_gb_s": 10.0,
    "cache_gb_s": 300.0,
}


class FakeWorker:
    """Measures what it is told to, and counts how often."""

    def __init__(self, threads: int = 2, **rates: float) -> None:
        self.threads, self.asked = threads, 0
        self._rates = {**RATES, **rates}

    def capability(self) -> dict[str, Any]:
        self.asked += 1
        return self._rates


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ovprep"


def test_it_is_measured_once(cache: Path) -> None:
    worker = FakeWorker()
    first = machine(worker)  # type: ignore[arg-type]
    assert (first.f32_gflops, first.default_precision, first.threads) == (100.0, "bf16", 2)
    assert machine(worker) == first  # type: ignore[arg-type]
    assert worker.asked == 1
    assert [file.suffix for file in cache.iterdir()] == [".json"]


def test_each_number_of_threads_is_measured() -> None:
    one, two = FakeWorker(1), FakeWorker(2)
    assert machine(one).threads == 1  # type: ignore[arg-type]
    assert machine(two).threads == 2  # type: ignore[arg-type]
    assert (one.asked, two.asked) == (1, 1)


NOTHING = json.dumps({**RATES, "threads": 2, "bandwidth_gb_s": 0.0})


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"f32_gflops": 0}', "\x00", NOTHING])
def test_a_damaged_file_is_measured_anew(cache: Path, text: str) -> None:
    worker = FakeWorker()
    machine(worker)  # type: ignore[arg-type]
    (file,) = cache.iterdir()
    file.write_text(text)
    assert machine(worker).f32_gflops == 100.0  # type: ignore[arg-type]
    assert worker.asked == 2
    assert json.loads(file.read_text())["f32_gflops"] == 100.0


def test_what_a_model_reached_the_machine_can_do() -> None:
    machine(FakeWorker(f32_gflops=50.0, bandwidth_gb_s=20.0))  # type: ignore[arg-type]
    again = FakeWorker(f32_gflops=80.0)
    found = machine(again, seen=90.0)  # type: ignore[arg-type]
    assert (again.asked, found.f32_gflops, found.bandwidth_gb_s) == (1, 90.0, 20.0)
    assert machine(again, seen=85.0) == found  # type: ignore[arg-type]
    assert again.asked == 1


def test_no_place_for_a_cache_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert machine(FakeWorker()).f32_gflops == 100.0  # type: ignore[arg-type]


def test_the_largest_cache_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index, size in enumerate(("48K", "1024K", "32M", "odd")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(size + "\n")
    monkeypatch.setattr(module, "_CACHES", tmp_path)
    assert module.cache_bytes() == 32 * 2**20
    monkeypatch.setattr(module, "_CACHES", tmp_path / "none")
    assert module.cache_bytes() == 0
