"""IR in the form that older versions know: it computes the same, and what is too new is named."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino.opset10
import openvino.opset13 as ops
import openvino.opset16
import pytest

from ovprep.emit.versions import FIRST_RELEASE, fit

X = np.random.default_rng(0).standard_normal((2, 3, 1, 8)).astype(np.float32)


def made(op: Any, x: Any) -> openvino.Model:
    op.set_friendly_name("the op")
    model = openvino.Model([op.output(0)], [x])
    model.output(0).get_tensor().set_names({"y"})
    return model


def padded(mode: str, after: int = 2) -> openvino.Model:
    x = ops.parameter([2, 3, 1, 8], np.float32)
    begin, end = (ops.constant(np.array([0, 0, 0, number], np.int64)) for number in (3, after))
    value = ops.constant(np.float32(7)) if mode == "constant" else None
    return made(ops.pad(x, begin, end, mode, value), x)


def resized(by: str, mode: str = "linear_onnx", axes: bool = True) -> openvino.Model:
    x = ops.parameter([2, 3, 1, 8], np.float32)
    numbers = np.array([1, 1.5], np.float32) if by == "scales" else np.array([1, 12], np.int64)
    if not axes:
        numbers = np.concatenate([np.array([1, 1] if by == "scales" else [2, 3], numbers.dtype), numbers])
    over = ops.constant(np.array([2, 3], np.int64)) if axes else None
    return made(ops.interpolate(x, ops.constant(numbers), mode, by, axes=over), x)


def averaged(length: int, **options: Any) -> openvino.Model:
    x = ops.parameter([2, 3, 1, length], np.float32)
    given = {"strides": [1, 2], "dilations": [1, 1], "pads_begin": [0, 1], "pads_end": [0, 0], "kernel_shape": [1, 2]}
    given.update(options)
    op = openvino.opset16.avg_pool(x, **given, exclude_pad=False, rounding_type="ceil_torch", auto_pad="explicit")
    return made(op, x)


def largest(stable: bool) -> openvino.Model:
    x = ops.parameter([2, 3, 1, 8], np.float32)
    return made(ops.topk(x, ops.constant(np.int64(2)), 1, "max", "value", "i64", stable), x)


def run(model: openvino.Model) -> Any:
    return openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(X)["y"]


def opset_of(model: openvino.Model) -> str:
    (op,) = [op for op in model.get_ops() if op.get_friendly_name() == "the op"]
    return str(op.get_type_info().version_id)


@pytest.mark.parametrize(
    ("model", "opset"),
    [
        *((padded(mode), "opset1") for mode in ("constant", "reflect", "edge")),
        *((resized(by, mode), "opset4") for by in ("scales", "sizes") for mode in ("linear_onnx", "nearest")),
        (resized("sizes", "nearest", axes=False), "opset4"),
        (largest(stable=False), "opset3"),
        (averaged(8), "opset1"),
        (averaged(8, kernel_shape=[1, 3], strides=[1, 3]), "opset1"),
    ],
)
def test_older_forms_compute_the_same(model: openvino.Model, opset: str) -> None:
    wanted, shape = run(model.clone()), model.output(0).partial_shape
    assert fit(model, (2022, 1)) == ()
    assert opset_of(model) == opset
    assert model.output(0).partial_shape == shape
    np.testing.assert_array_equal(run(model), wanted)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (padded("constant", after=-1), "Pad the op of opset12"),
        (largest(stable=True), "TopK the op of opset11"),
        (averaged(8, dilations=[1, 2]), "AvgPool the op of opset16"),
        (averaged(8, pads_end=[0, 1]), "AvgPool the op of opset16"),
    ],
)
def test_what_has_no_older_form_is_named(model: openvino.Model, name: str) -> None:
    assert fit(model, (2022, 1)) == (name,)


def test_what_a_version_knows_stays() -> None:
    for model, opset, number in ((padded("edge"), "opset12", 12), (resized("scales"), "opset11", 11)):
        assert fit(model, FIRST_RELEASE[number]) == ()
        assert opset_of(model) == opset


def test_the_result_can_be_saved(tmp_path: Path) -> None:
    model = padded("reflect")
    fit(model, (2022, 3))
    openvino.save_model(model, tmp_path / "model.xml", compress_to_fp16=False)
    text = (tmp_path / "model.xml").read_text()
    assert 'type="Pad" version="opset1"' in text
    assert '<net name="' in text
    assert 'version="11"' in text.splitlines()[1]
