"""The options of a call that are told in its report."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovprep.options import InterfaceOptions
from ovprep.report.options import asked_of


def job(
    model: str,
    output: str | None = None,
    *,
    weights: Path | None = None,
    data: Sequence[Any] = (),
    interface: InterfaceOptions | None = None,
    verify: bool = True,
    seconds: float = 10.0,
    on_progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    return asked_of(job, locals())


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, {}),
        ({"seconds": 10.0, "verify": True, "data": [], "interface": InterfaceOptions(), "on_progress": print}, {}),
        ({"seconds": 2, "verify": False, "weights": Path("w.h5")}, {"seconds": 2, "verify": False, "weights": "w.h5"}),
        ({"data": ["a.npy", {"x": np.zeros(2)}]}, {}),
        ({"data": ("a.npy",)}, {"data": ["a.npy"]}),
        (
            {"interface": InterfaceOptions(shapes={"x": (1, None)})},
            {"interface": {"layout": "nwc", "layouts": {}, "shapes": {"x": [1, None]}, "batch": None, "rank": 3}},
        ),
    ],
    ids=["nothing", "defaults", "others", "arrays", "files", "interface"],
)
def test_what_differs_from_the_defaults(given: dict[str, Any], asked: dict[str, Any]) -> None:
    assert job("model.h5", "out", **given) == asked
