"""What is said of the machine."""

import json
import os
from dataclasses import asdict
from importlib.metadata import version

import pytest

from ovprep.bench import environment
from ovprep.verify import cores


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
