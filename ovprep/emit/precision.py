"""An IR that devices run in float32 whatever their default precision is.

OpenVINO has a place for compile options in an IR, `rt_info/runtime_options`, but the CPU plugin of 2026.4 takes the
sizes of caches from there and not the precision. It does heed a mark on each op, `precise`, by which the IR format says
that an op is not to be computed in 16 bits; newer versions read it as DisablePrecisionConversion. So both are written:
the option for readers, and the marks for the plugin.

The marks are lost on ops that the plugin replaces by its own: around some recurrences, and where it merges a Transpose
into a product of two computed operands, values are still rounded to 16 bits. What is left of the difference stands in
the verification's rows at the default precision.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

HINT_PATH = ["runtime_options", "INFERENCE_PRECISION_HINT"]
"""Where an IR names the precision, in its `rt_info`."""

_DATA = frozenset(("Const", "Parameter", "Result"))


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
