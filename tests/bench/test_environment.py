"""What is said of the machine."""

import json
import os
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pytest

from ovprep.bench import environment
from ovprep.workers import cores


def test_versions_come_without_imports() -> None:
    found = environment.versions()
    assert found["openvino"] == version("openvino")
    assert found["numpy"] == version("numpy")


def test_it_describes_this_machine() -> None:
    found = environment.describe((0,), 0.25, {"A": "B"})
    assert found.cpu
    assert found.cores == os.cpu_count()
    assert found.affinity == (0,)
    assert found.properties == {"A": "B"}
    json.dumps(asdict(found), allow_nan=False)


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [((10, 100), (30, 200), 0.2), ((0, 5), (0, 5), None), (None, (1, 2), None)],
)
def test_stolen_time_is_a_share(before, after, share) -> None:
    assert environment.steal_share(before, after) == share


def test_cores_are_as_many_as_threads_where_there_are() -> None:
    assert len(cores.choose(1)) == 1
    assert set(cores.choose(10_000)) == set(cores.available())
    assert set(cores.physical()) <= set(cores.available())
    assert len(cores.choose(0)) == 1


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def test_a_cgroup_with_half_a_core(tmp_path: Path) -> None:
    group(tmp_path / "cg", cpu__max="50000 100000")
    (tmp_path / "own").write_text("0::/\n")
    assert environment.quota(tmp_path / "cg", tmp_path / "own") == 0.5


def test_the_tightest_of_the_groups_above_counts(tmp_path: Path) -> None:
    group(tmp_path / "cg", cpu__max="max 100000")
    group(tmp_path / "cg" / "a", cpu__max="150000 100000")
    group(tmp_path / "cg" / "a" / "b", cpu__max="200000 100000")
    group(tmp_path / "cg" / "other", cpu__max="1000 100000")
    (tmp_path / "own").write_text("0::/a/b\n")
    assert environment.quota(tmp_path / "cg", tmp_path / "own") == 1.5


def test_a_cgroup_of_version_1(tmp_path: Path) -> None:
    group(tmp_path / "cg" / "cpu,cpuacct" / "docker", cpu__cfs_quota_us="25000", cpu__cfs_period_us="100000")
    group(tmp_path / "cg" / "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    (tmp_path / "own").write_text("5:memory:/x\n3:cpu,cpuacct:/docker\n")
    assert environment.quota(tmp_path / "cg", tmp_path / "own") == 0.25


def test_no_cgroup_is_no_limit(tmp_path: Path) -> None:
    assert environment.quota(tmp_path / "none", tmp_path / "none") is None
