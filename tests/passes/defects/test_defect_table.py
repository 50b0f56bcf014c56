"""Each row: the plugin still needs it, and its rewrite helps."""

from dataclasses import replace
from functools import partial

import onnx
import onnx_ir as ir
import openvino
import pytest
from onnxruntime.transformers import float16

from ovprep.passes.defects.row import TESTED, Defect, Reproducer
from ovprep.passes.defects.table import DEFECTS, avoid_defects
from ovprep.passes.pipeline import PassReport, normalize
from ovprep.report.document import _normalization
from ovprep.tasks.defects import tried
from tests.graphs import FEW_ULP, check, difference, run

INSTALLED = openvino.__version__.split("-")[0]


@pytest.fixture(scope="module")
def verdicts() -> dict[str, bool]:
    """Of each reproducer as it is, and avoided."""
    return tried(
        [*DEFECTS, *(replace(row, name=f"{row.name} avoided", reproduce=partial(avoided, row)) for row in DEFECTS)]
    )


def avoided(row: Defect) -> Reproducer:
    case = row.reproduce()
    row.avoid(case.model)
    return case


@pytest.mark.parametrize("row", DEFECTS, ids=lambda row: row.name)
def test_the_plugin_still_has_it(row: Defect, verdicts: dict[str, bool]) -> None:
    assert not verdicts[row.name], (
        f"OpenVINO {INSTALLED} computes the reproducer of {row.name} rightly: the plugin is fixed. "
        "Add the version to TESTED but not to the row's `seen`; drop the row once no version that we support has it."
    )


@pytest.mark.parametrize("row", DEFECTS, ids=lambda row: row.name)
def test_the_rewrite_avoids_it(row: Defect, verdicts: dict[str, bool]) -> None:
    case = row.reproduce()
    check(case.model)
    wanted = run(case.model, case.feeds)
    change = row.avoid(case.model)
    assert change is not None
    assert change.summary
    assert set(change.details) <= {node.name for node in case.model.graph}
    check(case.model)
    for found, expected in zip(run(case.model, case.feeds), wanted, strict=True):
        assert difference(found, expected) <= FEW_ULP
    assert row.avoid(case.model) is None  # nothing is left to avoid
    assert verdicts[f"{row.name} avoided"]


@pytest.mark.parametrize("row", DEFECTS, ids=lambda row: row.name)
def test_no_other_row_minds(row: Defect) -> None:
    """A reproducer shows one defect alone."""
    assert [hit.defect.name for hit in avoid_defects(row.reproduce().model)] == [row.name]


def test_rows_are_consistent() -> None:
    names = [row.name for row in DEFECTS]
    assert len(names) == len(set(names))
    for row in DEFECTS:
        assert row.seen
        assert set(row.seen) <= set(TESTED)
        assert row.wrong.endswith(".")


@pytest.mark.parametrize("row", DEFECTS, ids=lambda row: row.name)
def test_hits_are_reported(row: Defect) -> None:
    case = row.reproduce()
    model = case.model.clone()
    change = row.avoid(case.model)
    assert change is not None
    done = normalize(row.reproduce().model, defects=()).without_defects(model, DEFECTS)  # as other passes leave it
    assert done.passes[-1] == PassReport(row.name, done.defects[0].change)
    assert _normalization(done)["defects"] == [
        {
            "name": row.name,
            "wrong": row.wrong,
            "openvino": INSTALLED,
            "done": change.summary,
            "ops": list(done.defects[0].change.details),
        }
    ]
    assert not normalize(row.reproduce().model, defects=()).defects


@pytest.mark.parametrize("row", DEFECTS, ids=lambda row: row.name)
def test_rows_know_half_precision(row: Defect) -> None:
    """As models have it that were converted to float16 as a whole."""
    case = row.reproduce()
    model = onnx.ModelProto.FromString(ir.to_proto(case.model).SerializeToString())
    half = ir.from_proto(onnx.shape_inference.infer_shapes(float16.convert_float_to_float16(model)))
    row.avoid(half)  # or not, where the Casts at its ends break the pattern
    onnx.checker.check_model(ir.to_proto(half), full_check=True)
