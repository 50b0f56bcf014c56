"""Options that a format has no use for are refused, not ignored."""

from pathlib import Path

import pytest

from ovprep.errors import OptionError
from ovprep.frontends.open import read_model
from ovprep.options import ReadOptions


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("model.onnx", ReadOptions(weights=Path("w.h5")), "has weights of its own; --weights is for an architecture"),
        ("model.tflite", ReadOptions(weights=Path("w.h5")), "has weights of its own"),
        ("model.h5", ReadOptions(signature="serve"), "--signature chooses among those of a SavedModel folder, which"),
        ("model.onnx", ReadOptions(signature="serve"), "is not; leave it out."),
    ],
)
def test_what_a_format_has_no_use_for(name: str, options: ReadOptions, words: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(OptionError, match=words):
        read_model(tmp_path / name, options)
