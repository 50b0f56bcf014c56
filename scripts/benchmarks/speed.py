"""Speed of ovprep's IR over the zoo, against OpenVINO's direct conversion and the compiled original, at f32."""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ovprep
from benchmarks.zoo import CONVOLUTIONAL, RECURRENT, save_zoo


@dataclass(frozen=True)
class Row:
    """One model: how many times faster ovprep's IR is than each other contestant, as text and as a number."""

    model: str
    direct: str
    original: str
    direct_ratio: float | None
    original_ratio: float | None


def measure(names: list[str], seconds: float, threads: int) -> list[Row]:
    """Converts, verifies and times each model of the zoo; each in one interleaved run."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in save_zoo(Path(folder), names):
            fixed = ovprep.InterfaceOptions(batch=1)  # as a device has it; the benchmark fixes the rivals' shapes, too
            output = Path(folder) / "out"
            conversion = ovprep.convert(path, output, interface=fixed, seconds=seconds, threads=threads)
            rows.append(_row(name, conversion))
            print(f"{rows[-1].model:22} direct {rows[-1].direct:28} original {rows[-1].original}", flush=True)
    return rows


def summarise(rows: list[Row]) -> None:
    """Prints the geometric means of each family."""
    for family, names in (("convolutional", CONVOLUTIONAL), ("recurrent", RECURRENT)):
        members = [row for row in rows if row.model in names]
        _summarise(family, "direct conversion", [row.direct_ratio for row in members])
        _summarise(family, "compiled original", [row.original_ratio for row in members])


def _summarise(family: str, rival: str, ratios: list[float | None]) -> None:
    known = [ratio for ratio in ratios if ratio is not None]
    if known:
        mean = math.exp(sum(map(math.log, known)) / len(known))
        print(f"{family}: geometric mean against the {rival} {mean:.2f}x over {len(known)} of {len(ratios)} models")


def _row(name: str, conversion: ovprep.Conversion) -> Row:
    benchmark = conversion.benchmark
    assert benchmark is not None
    roles = {entry.label: entry.role for entry in benchmark.contestants}
    texts, ratios = {}, {}
    for pair in benchmark.pairs:
        role = roles[pair.contestant]
        known = f"{pair.ratio:.2f}x [{pair.low:.2f}, {pair.high:.2f}] {pair.verdict}" if pair.ratio is not None else ""
        texts.setdefault(role, known or "failed")
        ratios.setdefault(role, pair.ratio)
    return Row(name, texts["direct"], texts["original"], ratios["direct"], ratios["original"])
