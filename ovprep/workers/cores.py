"""Which cores the contestants run on."""

import os
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")


def available() -> tuple[int, ...]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def physical() -> tuple[int, ...]:
    """One of the available cores per physical core; two hyper-threads of a core are not two cores."""
    chosen: dict[str, int] = {}
    for core in available():
        chosen.setdefault(_siblings(core), core)
    return tuple(chosen.values())


def choose(threads: int) -> tuple[int, ...]:
    """As many cores as there are threads: physical ones first, then hyper-threads, then all that there are."""
    first = physical()
    others = tuple(core for core in available() if core not in first)
    return (first + others)[: max(1, threads)]


def _siblings(core: int) -> str:
    try:
        return (_CPUS / f"cpu{core}" / "topology" / "thread_siblings_list").read_text(encoding="ascii").strip()
    except OSError:
        return str(core)
