"""The machine and the software that a benchmark ran on."""

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ovprep.workers import cores

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


def quota(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Cores' worth of CPU time that the cgroups of this process (of either version) grant; None for no limit."""
    found = [limit for folder in _cgroups(root, own) if (limit := _granted(folder)) is not None]
    return min(found, default=None)


def _cgroups(root: Path, own: Path) -> list[Path]:
    """Folders of the groups that limit this process: its own and all above; in a container, the root may be its own."""
    folders = [root, root / "cpu", root / "cpu,cpuacct"]
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = Path(path.lstrip("/"))
        folders += [root / controllers / part for part in (group, *group.parents)]
    return folders


def _granted(folder: Path) -> float | None:
    """What one group grants; version 2 has one file for both numbers, version 1 two."""
    try:
        if (folder / "cpu.max").exists():
            limit, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            limit = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        return None if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError):
        return None


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
