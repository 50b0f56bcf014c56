"""Rank 3 against rank 4, and what `--rank auto` chooses; and models of one axis in two against OpenVINO's own way."""

import tempfile
from pathlib import Path

import ovprep
from benchmarks.zoo import COLUMNS, RANKS, save_zoo
from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Pair
from ovprep.options import RANKS as CHOICES
from ovprep.options import Rank
from ovprep.workers.contender import Contender


def choices(seconds: float, threads: int) -> None:
    """Prints for each model what was chosen, and how many times faster rank 4 is than rank 3."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in save_zoo(Path(scratch), list(RANKS)):
            auto, low, high = (_convert(path, Path(scratch) / f"rank_{rank}", rank, threads) for rank in CHOICES)
            measured = benchmark(
                _contender("rank 4", high),
                [_contender("rank 3", low)],
                low.original,
                sizes={},
                seconds=seconds,
                threads=threads,
                seed=0,
            )
            print(f"{name:22} chosen {auto.rank.chosen}; rank 4 is {_text(measured.pairs[0])} as rank 3", flush=True)
            print(f"{'':22} {auto.rank.why}", flush=True)


def columns(seconds: float, threads: int) -> None:
    """Prints for each model how many times faster the IR is than OpenVINO's direct conversion."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in save_zoo(Path(scratch), list(COLUMNS)):
            fixed = ovprep.InterfaceOptions(batch=1)
            done = ovprep.convert(path, Path(scratch) / "out", interface=fixed, seconds=seconds, threads=threads)
            assert done.benchmark is not None
            pair = next(pair for pair in done.benchmark.pairs if "direct" in pair.contestant)
            shapes = ", ".join(str(port) for port in done.interface.inputs)
            print(f"{name:22} ovprep is {_text(pair)} as the direct conversion; {shapes}", flush=True)


def _convert(path: Path, output: Path, rank: Rank, threads: int) -> ovprep.Conversion:
    fixed = ovprep.InterfaceOptions(batch=1)
    return ovprep.convert(path, output, interface=fixed, rank=rank, benchmark=False, threads=threads)


def _contender(label: str, done: ovprep.Conversion) -> Contender:
    return Contender(label, "openvino", done.model_path, role="ovprep")


def _text(pair: Pair) -> str:
    if pair.ratio is None:
        return "not measured"
    return f"{pair.ratio:.2f} [{pair.low:.2f}, {pair.high:.2f}] times as fast"
