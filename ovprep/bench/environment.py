"""The machine and the software that a benchmark ran on."""

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ovprep.verify import cores

_FLAGS = (
    "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
    "amx_bf16", "amx_int8", "asimd", "asimdhp", "bf16", "i8mm", "sve",
)  # fmt: skip
_PACKAGES = ("openvino", "onnxruntime", "tensorflow", "keras", "onnx", "onnx-ir", "numpy", "ovprep")
_STEAL = 7  # column of /proc/stat's first line


@dataclass(frozen=True)
class Environment:
    """What a reader needs to judge or repeat a benchmark.

    `isa` are those flags of the CPU that decide which kernels run. `cores` is the number of cores of the machine,
    `affinity` those that were used, `quota` the cores' worth of time that a cgroup grants (None: no limit). `steal` is
    the share of CPU time that the hypervisor took away while measuring, None where the system does not tell.
    `properties` are those of the compiled IR.
    """

    cpu: str
    isa: tuple[str, ...]
    cores: int
    affinity: tuple[int, ...]
    quota: float | None
    steal: float | None
    system: str
    python: str
    versions: dict[str, str]
    properties: dict[str, str]


def describe(affinity: tuple[int, ...], steal: float | None, properties: Mapping[str, str]) -> Environment:
    """The environment as it is now."""
    fields = _cpu_fields()
    return Environment(
        cpu=fields.get("model name") or platform.processor() or platform.machine(),
        isa=isa(fields),
        cores=os.cpu_count() or 1,
        affinity=affinity,
        quota=quota(),
        steal=steal,
        system=platform.platform(),
        python=platform.python_version(),
        versions=versions(),
        properties=dict(properties),
    )


def isa(fields: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Those flags of the CPU that decide which kernels run."""
    fields = _cpu_fields() if fields is None else fields
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return tuple(flag for flag in _FLAGS if flag in flags)


def versions() -> dict[str, str]:
    """Versions of the packages that matter, as far as they are installed; none of them is imported."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def cpu_ticks() -> tuple[int, int] | None:
    """Ticks that were stolen and ticks in all since the machine started; None where the system does not tell."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return None
    ticks = [int(field) for field in first.split()[1:]]
    # The last two, guest times, are counted in user and nice already.
    return ticks[_STEAL], sum(ticks[: _STEAL + 1])


def steal_share(before: tuple[int, int] | None, after: tuple[int, int] | None) -> float | None:
    """Share of stolen time between two readings of `cpu_ticks`."""
    if before is None or after is None or after[1] <= before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])


def quota() -> float | None:
    """Cores' worth of CPU time that this process' cgroup (version 2) grants; None where there is no limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) / int(period)


def used_cores(threads: int) -> tuple[int, ...]:
    """The cores that workers with this many threads are pinned to."""
    return cores.choose(threads)


def _cpu_fields() -> dict[str, str]:
    """Fields of the first processor in /proc/cpuinfo."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
