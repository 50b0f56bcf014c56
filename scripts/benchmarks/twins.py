"""Channels-first Keras models against their channels-last twins, in compiled TensorFlow at batch 1."""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.zoo import save_zoo
from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Pair
from ovprep.interface import Interface, Port
from ovprep.relayout.convert import Relayout, convert_channels_last_to_first, relayout
from ovprep.relayout.moves import FIRST
from ovprep.workers.contender import Contender


@dataclass(frozen=True)
class Row:
    """One model: the Permutes in the original and in its twin, and how many times as fast the twin is."""

    model: str
    before: int
    after: int
    pair: Pair

    def __str__(self) -> str:
        ratio, low, high = self.pair.ratio, self.pair.low, self.pair.high
        speed = "does not run" if ratio is None else f"{ratio:.2f} [{low:.2f}, {high:.2f}]"
        return f"| {self.model} | {self.before} | {self.after} | {speed} | {self.pair.verdict} |"


def measure(names: list[str], seconds: float, threads: int) -> list[Row]:
    """Writes each model of the zoo in channels_first, converts it, and times the two in one interleaved run."""
    rows = []
    print("| model | Permutes | of its twin | times as fast | |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in save_zoo(Path(scratch), names):
            rows.append(_row(name, path, seconds, threads))
            print(rows[-1], flush=True)
    return rows


def summarise(rows: list[Row]) -> None:
    """Prints the geometric mean, and the models whose twin is slower."""
    ratios = [row.pair.ratio for row in rows if row.pair.ratio is not None]
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"geometric mean {mean:.2f} over {len(ratios)} of {len(rows)} models")
    slower = [row.model for row in rows if row.pair.high is not None and row.pair.high < 1]
    print(f"slower: {', '.join(slower) or 'none'}")


def _row(name: str, path: Path, seconds: float, threads: int) -> Row:
    import keras

    model = keras.models.load_model(path, compile=False)
    first = convert_channels_last_to_first(model, verify=False)
    result = relayout(first, FIRST, verify=False)
    _require_the_way_back(model, result.model)
    original, twin = path.with_name("first.keras"), path.with_name("last.keras")
    first.save(original)
    result.model.save(twin)
    source, layouts = _interface(first, result)
    measured = benchmark(
        Contender("channels_last", "keras", twin, role="ovprep", input_layouts=layouts),
        [Contender("channels_first", "keras", original)],
        source,
        sizes={},
        seconds=seconds,
        threads=threads,
        seed=0,
    )
    return Row(name, _permutes(first), _permutes(result.model), measured.pairs[0])


def _require_the_way_back(model: Any, twin: Any) -> None:
    """The twin is the model that the original was written from, which no defect of Keras in channels_first hides."""
    weights = zip(model.get_weights(), twin.get_weights(), strict=True)
    assert twin.get_config() == model.get_config(), model.name
    assert all(np.array_equal(*pair) for pair in weights), model.name


def _interface(model: Any, result: Relayout) -> tuple[Interface, tuple[str, ...]]:
    """The original's inputs, and the layouts that the twin has them in."""
    ports, moved = [], []
    for tensor, perm in zip(model.inputs, result.inputs, strict=True):
        layout = {2: "NC", 3: "NCW", 4: "NCHW"}[len(tensor.shape)] if perm else "?" * len(tensor.shape)
        dims = ("batch", *tensor.shape[1:])
        ports.append(Port(tensor.name, str(tensor.dtype), dims, layout))
        moved.append("".join(layout[axis] for axis in perm) if perm else layout)
    return Interface(tuple(ports), ()), tuple(moved)


def _permutes(model: Any) -> int:
    return sum(type(layer).__name__ == "Permute" for layer in model._flatten_layers())
