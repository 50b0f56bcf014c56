"""`ovprep inspect`, for people."""

from typing import TYPE_CHECKING

from rich.markup import escape

from ovprep.cli.tables import columns, count, dims, section
from ovprep.interface import Interface
from ovprep.tasks.inspection import Inspection, OpSummary

if TYPE_CHECKING:
    from rich.console import Console


def render_inspection(console: "Console", found: Inspection) -> None:
    """The model, its interface, and what convert would do with its ops, or the layout plan where that was asked for."""
    console.print(f"[bold]{escape(found.path)}[/]  {escape(found.framework)}, format {found.format}", soft_wrap=True)
    section(console, "Model", _numbers(found))
    section(console, "Interface", map(escape, interface_lines(found.original, found.interface)))
    section(console, "Warnings", map(escape, found.warnings))
    if found.layout_plan is not None:
        from ovprep.cli.render_layout import render_layout

        render_layout(console, found.layout_plan, _sizes(found))
        return
    section(console, "convert", map(escape, found.changes or ("would change nothing but the format",)))
    section(console, "Rank", [escape(found.rank)])
    section(console, "Ops", map(escape, columns([_row(op) for op in found.ops], right=(3, 4))))


def interface_lines(original: Interface, new: Interface) -> list[str]:
    """One line per input and output, with what it was before where that differs."""
    rows = []
    for kind, before, after in (("input", original.inputs, new.inputs), ("output", original.outputs, new.outputs)):
        for old, port in zip(before, after, strict=True):
            changed = "" if old.layout == port.layout else f"was {dims(old.dims)} {old.layout}"
            rows.append((kind, port.name, dims(port.dims), port.dtype, port.layout, changed))
    return columns(rows)


def _numbers(found: Inspection) -> list[str]:
    sizes = _sizes(found)
    lines = [f"{count(found.parameters)} parameters, {count(found.macs)} MACs{f' (at {sizes})' if sizes else ''}"]
    if found.receptive_field is not None:
        lines.append(f"receptive field {found.receptive_field:,} samples, hop {found.hop}")
    return lines


def _sizes(found: Inspection) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.sizes.items())


def _row(op: OpSummary) -> tuple[str, str, str, str, str]:
    share = f"{op.share:.1%}" if op.macs else ""
    return op.name, op.type, dims(op.shape), count(op.macs) if op.macs else "", share
