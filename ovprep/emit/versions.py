"""IR for older versions of OpenVINO: ops in the form that they know, and what they do not know at all.

Each op of an IR names the operation set that it is from, and a runtime refuses an IR with one from a set that is newer.
https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/available-opsets.html
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import openvino
import openvino.opset1
import openvino.opset3
import openvino.opset10

Version = tuple[int, int]

FIRST_RELEASE: dict[int, Version] = {
    9: (2022, 2),
    10: (2022, 3),
    11: (2023, 0),
    12: (2023, 1),
    13: (2023, 2),
    14: (2024, 0),
    15: (2024, 5),
    16: (2025, 3),
}
"""The first release that has an operation set in full; sets up to 8 are as old as this version of IR."""


def fit(model: openvino.Model, version: Version) -> tuple[str, ...]:
    """Writes ops in older forms, in place, where a version needs it; returns what it does not know even then, named."""
    for op in model.get_ordered_ops():
        older = _OLDER.get(op.get_type_name())
        if older is None or _is_known(op, version):
            continue
        replacement = older(op)
        if replacement is not None:
            replacement.set_friendly_name(op.get_friendly_name())
            for index in range(op.get_output_size()):
                op.output(index).replace(replacement.output(index))
    model.validate_nodes_and_infer_types()
    return tuple(
        f"{op.get_type_name()} {op.get_friendly_name()} of opset{_opset(op)}"
        for op in model.get_ordered_ops()
        if not _is_known(op, version)
    )


def _is_known(op: Any, version: Version) -> bool:
    number = _opset(op)
    return number <= 8 or (number in FIRST_RELEASE and FIRST_RELEASE[number] <= version)


def _opset(op: Any) -> int:
    """The number of the operation set; that of the newest of all for an op that is in none."""
    found = re.fullmatch(r"opset(\d+)", op.get_type_info().version_id)
    return int(found[1]) if found else 99


def _pad(op: Any) -> Any:
    """The same, unless it cuts off: that came with opset12."""
    values = [_constant(op, index) for index in (1, 2)]
    if any(value is None or (value < 0).any() for value in values):
        return None
    inputs = [op.input_value(index) for index in range(op.get_input_size())]
    return openvino.opset1.pad(*inputs[:3], op.get_attributes()["pad_mode"], *inputs[3:])


def _interpolate(op: Any) -> Any:
    """Sizes and scales are two inputs there, of which an attribute says which one counts."""
    attributes, numbers, given = op.get_attributes(), _constant(op, 1), op.input_value(1)
    if numbers is None:
        return None
    if attributes["shape_calculation_mode"] == "scales":
        sizes, scales = np.ones(numbers.shape, np.int64), given
    else:
        sizes, scales = given, np.ones(numbers.shape, np.float32)
    axes = op.input_value(2) if op.get_input_size() > 2 else None
    # The set has it from opset4, as it was until opset11.
    return openvino.opset10.interpolate(op.input_value(0), sizes, scales, **attributes, axes=axes)


def _top_k(op: Any) -> Any:
    """The same, unless it must keep the order of equals: that came with opset11."""
    attributes = op.get_attributes()
    if attributes.get("stable"):
        return None
    names = ("axis", "mode", "sort", "index_element_type")
    return openvino.opset3.topk(op.input_value(0), op.input_value(1), *(attributes[name] for name in names))


def _average_pool(op: Any) -> Any:
    """The same, unless it skips samples, or ends with a window that the newer rounding leaves out."""
    attributes, shape = op.get_attributes(), op.output(0).get_partial_shape()
    if set(attributes["dilations"]) != {1} or any(attributes["pads_end"]):
        return None
    names = ("strides", "pads_begin", "pads_end", "kernel", "exclude-pad")
    rounding = attributes["rounding_type"].removesuffix("_torch")
    older = openvino.opset1.avg_pool(
        op.input_value(0), *(attributes[name] for name in names), rounding, attributes["auto_pad"]
    )
    return older if older.output(0).get_partial_shape() == shape else None


def _constant(op: Any, index: int) -> Any:
    source = op.input_value(index).get_node()
    return source.get_data() if source.get_type_name() == "Constant" else None


_OLDER: dict[str, Callable[[Any], Any]] = {
    "AvgPool": _average_pool,
    "Interpolate": _interpolate,
    "Pad": _pad,
    "TopK": _top_k,
}
