"""`report.json` and `manifest.json`."""

import hashlib
import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import ovprep
from ovprep.report.document import plain

SAMPLE = Path(__file__).parents[2] / "samples" / "spoken_digits" / "model.h5"


@dataclass(frozen=True)
class Thing:
    path: Path
    numbers: tuple[float, ...]
    inner: dict[str, Fraction]


def test_plain_values_are_strict_json() -> None:
    value = plain(Thing(Path("a/b"), (1.0, math.inf, math.nan, -math.inf), {"half": Fraction(1, 2)}))
    assert value == {"path": "a/b", "numbers": [1.0, "inf", "nan", "-inf"], "inner": {"half": "1/2"}}
    json.dumps(value, allow_nan=False)


def test_the_documents_of_a_conversion(tmp_path: Path) -> None:
    done = ovprep.convert(SAMPLE, tmp_path / "out", verify=False, benchmark=False)
    report = json.loads((done.output / "report.json").read_text())
    assert report == json.loads(json.dumps(done.report()))
    assert report["schema"] == 1
    assert report["source"] == {
        "path": str(SAMPLE),
        "format": "keras-h5",
        "sha256": hashlib.sha256(SAMPLE.read_bytes()).hexdigest(),
        "framework": done.source.framework,
    }
    assert report["interface"]["inputs"] == [
        {"name": "waveform", "dtype": "float32", "shape": ["batch", 8000, 1], "layout": "NWC"}
    ]
    assert report["interface"]["outputs"] == [
        {"name": "digit", "dtype": "float32", "shape": ["batch", 10], "layout": "NC"}
    ]
    assert report["verification"] is None
    assert report["benchmark"] is None
    assert [done["name"] for done in report["normalization"]["passes"]][:1] == ["lay_out"]
    layout = report["normalization"]["layout"]
    assert layout["transposes_before"] == 20
    assert sum(entry["bytes"] for entry in layout["transposes"]) == layout["bytes_after"]
    assert [entry["because"][0] for entry in layout["transposes"]][:1] == [
        {"op": "waveform", "reason": "the interface gives NWC"}
    ]

    manifest = json.loads((done.output / "manifest.json").read_text())
    assert manifest["generator"] == "ovprep"
    assert manifest["verified"] is False
    listed = {file["name"]: file for file in manifest["files"]}
    assert set(listed) | {"manifest.json"} == {path.name for path in done.output.iterdir()}
    for name, file in listed.items():
        content = (done.output / name).read_bytes()
        assert file == {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
