"""Time and memory of `ovprep verify` beyond what loading the original in its own runtime takes."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.conversion import run
from benchmarks.measure import Measure
from ovprep.frontends.formats import runtime_of

SECONDS, MEBIBYTES = 2.0, 300.0
"""What a verification may take beyond the original, loaded in its runtime."""

ORIGINAL = """
import sys
from pathlib import Path
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
with Worker.launch(Contender("original", sys.argv[1], Path(sys.argv[2])), threads=int(sys.argv[3])) as worker:
    worker.ready()
    print(worker.peak_rss_mib())
"""
"""The original in a worker as a verification has it, and nothing else."""

_PAUSE = 0.02
"""Seconds between two looks at the memory."""


def measures(model: Path, rounds: int, threads: int) -> Iterator[Measure]:
    """Both, as medians over interleaved rounds; memory is looked at in rounds of its own, since looking takes time."""
    with tempfile.TemporaryDirectory() as folder:
        run(_ovprep("convert", str(model), "-o", f"{folder}/out", "--no-verify", "--no-benchmark"))
        verifying = _ovprep("verify", str(model), f"{folder}/out", "--threads", str(threads))
        loading = [sys.executable, "-c", ORIGINAL, runtime_of(model), str(model), str(threads)]
        seconds = [(run(loading).wall, run(verifying).wall) for _ in range(rounds)]
        memory = [(_told(loading), peak_memory(verifying)) for _ in range(rounds)]
    yield _measure("time of a verification", seconds, SECONDS, "s")
    yield _measure("peak memory of a verification", memory, MEBIBYTES, "MiB")


def peak_memory(command: list[str]) -> float:
    """MiB that a command and all processes it starts hold together at most, each shared page counted once.

    Raises RuntimeError where the command fails.
    """
    process, peak = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0.0
    while process.poll() is None:
        peak = max(peak, sum(map(_resident, _family(process.pid))))
        time.sleep(_PAUSE)
    if process.returncode:
        raise RuntimeError(f"failed: {' '.join(command)}")
    return peak


def _family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _text(folder / "stat").rpartition(")")[2].split()  # the name before it may hold anything
        if fields:
            parents[int(folder.name)] = int(fields[1])
    family, grown = set[int](), {pid}
    while grown:
        family |= grown
        grown = {child for child, parent in parents.items() if parent in grown}
    return family


def _resident(pid: int) -> float:
    """MiB of a process, with its part of what it shares with others; 0 once it has ended."""
    lines = _text(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""


def _told(command: list[str]) -> float:
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _ovprep(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ovprep", *arguments]


def _measure(name: str, pairs: list[tuple[float, float]], allowed: float, unit: str) -> Measure:
    original, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    digits = 2 if allowed < 10 else 0
    seen = (
        f"{whole:.{digits}f} {unit}, with the original alone {original:.{digits}f} {unit}: "
        f"{whole - original:.{digits}f} {unit} beyond it, of {allowed:g} allowed"
    )
    return Measure(name, seen, whole - original <= allowed)
