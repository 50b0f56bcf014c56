"""Converting alone: time and memory of `ovprep convert` against loading in Keras and `openvino.convert_model`."""

import itertools
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

DIRECT = """
import sys
import keras, openvino
model = keras.models.load_model(sys.argv[1], compile=False)
if isinstance(model, keras.Sequential):  # which OpenVINO cannot trace
    model = keras.Model(model.inputs, model.outputs)
openvino.save_model(openvino.convert_model(model), sys.argv[2] + "/model.xml", compress_to_fp16=False)
"""


@dataclass(frozen=True)
class Cost:
    """One run of a command: seconds of wall time, seconds of CPU time, and MiB of peak resident memory."""

    wall: float
    cpu: float
    memory: float


def run(command: list[str]) -> Cost:
    """Runs a command to its end, quietly. Raises RuntimeError where it fails."""
    started = time.monotonic()
    with open(os.devnull, "wb") as nowhere:
        actions = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1), (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 2)]
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"failed: {' '.join(command)}")
    return Cost(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(model: Path, rounds: int) -> None:
    """Prints both costs as medians over interleaved rounds, and their ratios."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "keras + openvino.convert_model": [sys.executable, "-c", DIRECT, str(model), folder],
            "ovprep convert": [
                *(sys.executable, "-m", "ovprep", "convert", str(model), "-o", f"{folder}/out"),
                *("--no-verify", "--no-benchmark"),
            ],
        }
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                costs[name].append(run(command))
    medians = {name: _median(runs) for name, runs in costs.items()}
    for name, cost in medians.items():
        print(f"{name:32} {cost.wall:6.2f} s wall {cost.cpu:6.2f} s CPU {cost.memory:6.0f} MiB")
    direct, ours = medians.values()
    print(f"ovprep: {direct.wall / ours.wall:.1f}x faster, {direct.memory / ours.memory:.1f}x less memory")


def help_time(rounds: int) -> None:
    """Prints the CPU time of `ovprep --help`."""
    cost = _median([run([sys.executable, "-m", "ovprep", "--help"]) for _ in range(rounds)])
    print(f"ovprep --help: {cost.cpu:.2f} s CPU")


def growth(sizes: tuple[int, ...], rounds: int) -> None:
    """Prints the cost of converting Functional `.keras` files with so many layers, and of each further layer."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {size: Path(folder) / f"{size}.keras" for size in sizes}
        for size, path in paths.items():
            # In another process: the peak memory of a child begins with its parent's, and Keras is large.
            program = "import sys; from benchmarks.zoo import save_deep; save_deep(sys.argv[1], int(sys.argv[2]))"
            run([sys.executable, "-c", program, str(path), str(size)])
        costs: dict[int, list[Cost]] = {size: [] for size in sizes}
        for _ in range(rounds):
            for size, path in paths.items():
                output = ("-o", f"{folder}/out", "--no-verify", "--no-benchmark")
                costs[size].append(run([sys.executable, "-m", "ovprep", "convert", str(path), *output]))
    medians = {size: _median(runs) for size, runs in costs.items()}
    for size, cost in medians.items():
        print(f"{size:6} layers {cost.wall:6.2f} s wall {cost.cpu:6.2f} s CPU {cost.memory:6.0f} MiB")
    for (small, before), (large, after) in itertools.pairwise(medians.items()):
        print(
            f"from {small} to {large}: {1e3 * (after.cpu - before.cpu) / (large - small):.2f} ms of CPU for each layer"
        )


def _median(runs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(run, field) for run in runs) for field in ("wall", "cpu", "memory")))
