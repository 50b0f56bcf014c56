"""Whether benchmarks can be believed: a model against itself, a planted slowdown, benchmark_app, a whole convert."""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

import ovprep
from benchmarks.conversion import run as run_command
from benchmarks.measure import Measure
from ovprep.bench import contestant
from ovprep.bench.contestant import Contestant
from ovprep.bench.results import Pair
from ovprep.workers import cores
from ovprep.workers.process import Worker

SLOWED = "slowed.xml"
"""The model by this name is run by `benchmarks.slowed_worker`."""
APP_SECONDS = 2.0
WIDEST, FOUND, AGREEMENT, SECONDS_OF_CONVERT = 0.03, 0.9, 0.05, 30.0


def measures(model: Path, runs: int, seconds: float, threads: int) -> Iterator[Measure]:
    """All four, on the IR of one model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ovprep.convert(model, folder / "ours", verify=False, benchmark=False)
        yield against_itself(folder, runs, seconds, threads)
        yield planted(folder, runs, seconds, threads)
        yield with_benchmark_app(folder, runs, threads)
        yield whole_conversion(model, folder)


def against_itself(folder: Path, runs: int, seconds: float, threads: int) -> Measure:
    """ "faster" is never claimed of the same file, and intervals reach 3% from 1 at the median."""
    pairs = [_pair(folder, "model.xml", seconds, threads, seed) for seed in range(runs)]
    reaches = [max(abs(pair.low - 1), abs(pair.high - 1)) for pair in pairs if pair.low and pair.high]
    claims = sum(pair.verdict in ("faster", "slower") for pair in pairs)
    reach = statistics.median(reaches) if reaches else float("inf")
    seen = f"{claims} claims in {runs} runs; the interval reaches {reach:.1%} from 1 at the median"
    return Measure("the same model twice", seen, claims == 0 and reach <= WIDEST)


def planted(folder: Path, runs: int, seconds: float, threads: int) -> Measure:
    """5% of extra work is found in 18 of 20 runs."""
    (folder / "ours" / "slowed.bin").write_bytes((folder / "ours" / "model.bin").read_bytes())
    (folder / "ours" / SLOWED).write_bytes((folder / "ours" / "model.xml").read_bytes())
    with _slowed_workers():
        pairs = [_pair(folder, SLOWED, seconds, threads, seed) for seed in range(runs)]
    found = sum(pair.verdict == "faster" for pair in pairs)  # which is what the first is
    ratios = [pair.ratio for pair in pairs if pair.ratio is not None]
    seen = f"found in {found} of {runs} runs; the ratio is {statistics.median(ratios):.3f} at the median"
    return Measure("5% of extra work", seen, found >= FOUND * runs)


def with_benchmark_app(folder: Path, runs: int, threads: int) -> Measure:
    """The median latency is that of OpenVINO's own tool within 5%: short runs in turns, since the machine drifts."""
    pairs = []
    for seed in range(runs):
        tools = [partial(_ours, folder, threads, seed), partial(_benchmark_app, folder, APP_SECONDS, threads)]
        first = seed % 2
        found = {which: tools[which]() for which in (first, 1 - first)}
        pairs.append((found[0], found[1]))
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    seen = f"{ours:.4f} ms, benchmark_app {theirs:.4f} ms: {ratio:.3f}, the median of {runs} pairs in turns"
    return Measure("benchmark_app -hint latency -nstreams 1", seen, abs(ratio - 1) <= AGREEMENT)


def _ours(folder: Path, threads: int, seed: int) -> float:
    model = folder / "ours" / "model.xml"
    found = ovprep.benchmark(model, seconds=APP_SECONDS, threads=threads, seed=seed).benchmark
    return found.contestants[0].median_ms or float("nan")


def whole_conversion(model: Path, folder: Path) -> Measure:
    """With verification and benchmark at their default budget."""
    command = [sys.executable, "-m", "ovprep", "convert", str(model), "-o", str(folder / "whole")]
    seconds = [run_command(command).wall for _ in range(3)]
    seen = f"{statistics.median(seconds):.1f} s, {max(seconds):.1f} s at most"
    return Measure(f"ovprep convert {model}", seen, max(seconds) <= SECONDS_OF_CONVERT)


def _pair(folder: Path, other: str, seconds: float, threads: int, seed: int) -> Pair:
    models = folder / "ours" / "model.xml", folder / "ours" / other
    found = ovprep.benchmark(*models, seconds=seconds, threads=threads, seed=seed).benchmark
    pair = found.pairs[0]
    dropped = f"{found.clock.dropped} of {found.clock.rounds} rounds dropped"
    print(f"  {other} {pair.ratio} [{pair.low}, {pair.high}] {pair.verdict}; {dropped}", flush=True)
    return pair


@contextmanager
def _slowed_workers() -> Iterator[None]:
    """Contestants by the name of the slowed model get workers that do extra work."""
    start = Contestant.start

    def started(self: Contestant, worker: Worker | None = None) -> None:
        slowed = self.contender.path.name == SLOWED
        contestant.Worker = partial(Worker, module="benchmarks.slowed_worker") if slowed else Worker  # type: ignore[misc]
        start(self, worker)

    Contestant.start = started  # type: ignore[method-assign]
    try:
        yield
    finally:
        Contestant.start, contestant.Worker = start, Worker  # type: ignore[method-assign,misc]


def _benchmark_app(folder: Path, seconds: float, threads: int) -> float:
    """Median latency (ms) of the IR on the same cores, at f32, with noise for an input."""
    interface = json.loads((folder / "ours" / "manifest.json").read_text())["interface"]["inputs"]
    shapes, files = [], []
    for index, port in enumerate(interface):
        shape = [size if isinstance(size, int) else 1 for size in port["shape"]]
        np.save(folder / f"{index}.npy", np.random.default_rng(index).standard_normal(shape).astype(port["dtype"]))
        shapes.append(f"{port['name']}[{','.join(map(str, shape))}]")
        files.append(f"{port['name']}:{folder / f'{index}.npy'}")
    # It takes -nstreams and -nthreads beside -hint from a file only.
    settings = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    (folder / "settings.json").write_text(json.dumps({"CPU": settings}))
    command = [str(Path(sys.executable).with_name("benchmark_app")), "-m", str(folder / "ours" / "model.xml")]
    command += ["-d", "CPU", "-hint", "latency", "-load_config", str(folder / "settings.json"), "-api", "sync"]
    command += ["-t", str(max(1, round(seconds))), "-shape", ",".join(shapes), "-i", *files]
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.choose(threads))  # it is inherited
    try:
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    finally:
        os.sched_setaffinity(0, before)
    found = re.search(r"Median: +([0-9.]+) (ms|us)", told)
    assert found is not None
    return float(found[1]) * {"ms": 1.0, "us": 1e-3}[found[2]]
