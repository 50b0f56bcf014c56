"""An IR that devices run in float32 whatever their default precision is.

OpenVINO has a place for compile options in an IR, `rt_info/runtime_options`, but the CPU plugin of 2026.4 takes the
sizes of caches from there and not the precision. It does heed a mark on each op, `precise`, by which the IR format says
that an op is not to be computed in 16 bits; newer versions read it as DisablePrecisionConversion. So both are written:
the option for readers, and the marks for the plugin.

A mark is lost where the plugin puts another op in the place of one, so the commonest of these are written as what they
become. Others remain: around some recurrences, and where a Transpose is merged into a product of two computed operands,
values are still rounded to 16 bits. What is left of the difference stands in the verification's rows at the default
precision.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino.opset1

HINT_PATH = ["runtime_options", "INFERENCE_PRECISION_HINT"]
"""Where an IR names the precision, in its `rt_info`."""

_DATA = frozenset(("Const", "Parameter", "Result"))


def replace_ops_that_lose_marks(model: openvino.Model) -> None:
    """Writes ops as the plugin would; the model computes what it did."""
    rules: dict[str, Callable[[Any], Any]] = {"MatMul": _dense, "MaxPool": _pool, "Squeeze": _reshape}
    for node in model.get_ordered_ops():
        rule = rules.get(node.get_type_name())
        new = rule(node) if rule is not None else None
        if new is None:
            continue
        new.set_friendly_name(node.get_friendly_name())
        new.output(0).get_tensor().set_names(node.output(0).get_tensor().get_names())
        for taker in node.output(0).get_target_inputs():
            taker.replace_source_output(new.output(0))
    model.validate_nodes_and_infer_types()


def _dense(node: Any) -> Any:
    """A product with weights as a convolution of one tap: behind it a bias is joined without another op.

    x [..., F] * w [O, F] becomes x [-1, F, 1] * w [O, F, 1], where the result has at most one open axis.
    """
    weights, options = node.input_value(1).get_node(), node.get_attributes()
    shape = node.output(0).get_partial_shape()
    ranked = weights.get_type_name() == "Constant" and len(weights.shape) == 2 and shape.rank.is_static
    if not ranked or options["transpose_a"]:
        return None
    sizes = [size.get_length() if size.is_static else -1 for size in shape]
    if sizes.count(-1) > 1:
        return None
    table = weights.get_data() if options["transpose_b"] else np.ascontiguousarray(weights.get_data().T)
    kernel = openvino.opset1.constant(table[..., None])
    given = node.input_value(0)
    if given.get_node().get_type_name() == "Reshape":  # two of them would be merged, and the mark be lost
        given = given.get_node().input_value(0)
    x = _shaped(given, [-1, kernel.shape[1], 1]).output(0)
    return _shaped(openvino.opset1.convolution(x, kernel, [1], [0], [0], [1]).output(0), sizes)


def _shaped(value: Any, sizes: list[int]) -> Any:
    """A Reshape, with 0 for an axis that stays."""
    return openvino.opset1.reshape(value, openvino.opset1.constant(np.array(sizes, np.int64)), special_zero=True)


def _pool(node: Any) -> Any:
    """MaxPool without dilations or indices in its first version."""
    options = node.get_attributes()
    if set(options.get("dilations", ())) != {1} or node.output(1).get_target_inputs():
        return None
    names = ("strides", "pads_begin", "pads_end", "kernel", "rounding_type", "auto_pad")
    return openvino.opset1.max_pool(node.input_value(0), *(options[name] for name in names))


def _reshape(node: Any) -> Any:
    """Squeeze as Reshape, where at most one open axis moves."""
    before, after = node.input(0).get_partial_shape(), node.output(0).get_partial_shape()
    if before.rank.is_dynamic or after.rank.is_dynamic or len(node.inputs()) < 2:
        return None
    axes = node.input_value(1).get_node()
    if axes.get_type_name() != "Constant":
        return None
    first = min(int(axis) % len(before) for axis in np.ravel(axes.get_data()))
    sizes = [size.get_length() if size.is_static else 0 if axis < first else -1 for axis, size in enumerate(after)]
    if sizes.count(-1) > 1:
        return None
    return _shaped(node.input_value(0), sizes)


def mark_precise(path: Path) -> None:
    """Marks every op of an IR file (.xml), those in bodies of loops and branches too, as not to be run in 16 bits."""
    tree = ET.parse(path)
    for op in tree.iter("layer"):
        if op.get("type") not in _DATA:
            info = op.find("rt_info")
            if info is None:
                info = ET.Element("rt_info")
                op.insert(0 if op.find("data") is None else 1, info)
            ET.SubElement(info, "attribute", name="precise", version="0")
    tree.write(path, encoding="utf-8", xml_declaration=True)
