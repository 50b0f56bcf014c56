"""What this machine can do at its best, measured once and remembered in the user's cache."""

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from ovprep.bench import environment
from ovprep.bench.results import Machine
from ovprep.workers.process import Worker

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def machine(worker: Worker, *, seen: float = 0.0) -> Machine:
    """The machine, with as many threads as an OpenVINO `worker` has.

    Where an op was `seen` to reach more GFLOP/s at f32 than the machine was measured to, something else ran beside that
    measurement: it is made once more, the better figures stay, and what was seen counts too. Raises RuntimeFailure
    where it cannot be measured.
    """
    place = _place(worker.threads)
    found = _remembered(place, worker.threads)
    if found is None or found.f32_gflops < seen:
        fresh = Machine(**{**worker.capability(), "threads": worker.threads})
        found = fresh if found is None else _better(found, fresh)
        found = replace(found, f32_gflops=max(found.f32_gflops, seen))
        _remember(place, found)
    return found


def _better(one: Machine, other: Machine) -> Machine:
    rates = ("f32_gflops", "default_gflops", "bandwidth_gb_s", "cache_gb_s")
    return replace(one, **{rate: max(getattr(one, rate), getattr(other, rate)) for rate in rates})


def cache_bytes() -> int:
    """Size of the largest cache; 0 where the system does not tell."""
    sizes = [0]
    for file in _CACHES.glob("index*/size"):
        try:
            text = file.read_text(encoding="ascii").strip()
            sizes.append(int(text[:-1]) * {"K": 2**10, "M": 2**20}[text[-1]])
        except (OSError, ValueError, KeyError, IndexError):
            continue
    return max(sizes)


def _place(threads: int) -> Path:
    """The file for this CPU, these cores and this OpenVINO."""
    here = environment.describe(environment.used_cores(threads), None, {})
    words = (here.cpu, *here.isa, str(here.quota), here.versions.get("openvino", ""), str(len(here.affinity)))
    name = hashlib.sha256(" ".join(words).encode()).hexdigest()[:8]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "ovprep" / f"machine-{threads}-threads-{name}.json"


def _remembered(place: Path, threads: int) -> Machine | None:
    try:
        found = Machine(**json.loads(place.read_text(encoding="utf-8")))
        rates = (found.f32_gflops, found.default_gflops, found.bandwidth_gb_s, found.cache_gb_s)
        return found if found.threads == threads and min(rates) > 0 else None
    except (OSError, ValueError, TypeError):
        return None


def _remember(place: Path, found: Machine) -> None:
    """Writes the file as a whole; where there is no place for it, the next run measures anew."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = place.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(asdict(found)), encoding="utf-8")
        scratch.replace(place)
    except OSError:
        return
