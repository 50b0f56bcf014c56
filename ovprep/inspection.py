"""What a model is, before anything is done to it."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import onnx_ir as ir

from ovprep.frontends.source import Source
from ovprep.graph.cost import ReceptiveField, macs_of, receptive_field
from ovprep.graph.sizes import with_sizes
from ovprep.interface import Interface
from ovprep.options import InterfaceOptions
from ovprep.passes.defects.row import Defect
from ovprep.passes.defects.table import DEFECTS
from ovprep.passes.pipeline import Normalization, normalize

_LENGTHS = (256, 32_000)
"""Bounds, in samples, of the length that an open time axis is given where the caller names none."""

_STEP = 64
"""How much open axes of one input differ by: a multiple of what networks halve and double again."""


@dataclass(frozen=True)
class OpSummary:
    """One op of the converted model: its output's shape at batch one, and its share of all multiply-accumulates."""

    name: str
    type: str
    shape: tuple[int | None, ...]
    macs: int
    share: float


@dataclass(frozen=True)
class Inspection:
    """What `ovprep inspect` shows. `sizes` are the sizes given to open axes, for which shapes and MACs hold."""

    path: str
    format: str
    framework: str
    sha256: str
    original: Interface
    interface: Interface
    sizes: Mapping[str, int]
    parameters: int
    macs: int
    receptive_field: int | None
    hop: Fraction | None
    ops: tuple[OpSummary, ...]
    changes: tuple[str, ...]
    pins: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def default_sizes(interface: Interface, field: ReceptiveField | None) -> dict[str, int]:
    """A size for each open axis: batch one, and twice the receptive field for time.

    Open axes of one input differ, so that one taken for the other does not go unnoticed; those of several inputs may
    have to be the same.
    """
    low, high = _LENGTHS
    length = min(max(2 * field.samples if field else low, low), high)
    sizes: dict[str, int] = {}
    for port in interface.inputs:
        names = [dim for dim in port.dims if isinstance(dim, str)]
        for name in names:
            taken = {sizes.get(other) for other in names}
            free = next(size for size in itertools.count(length, _STEP) if size not in taken)
            sizes.setdefault(name, 1 if name == "batch" else free)
    return sizes


def inspect_source(
    source: Source, interface: InterfaceOptions | None = None, defects: Sequence[Defect] = DEFECTS
) -> Inspection:
    """Describes a model that was read, and what `convert` would do to it. The source is left as it was."""
    graph = source.graph.clone()
    normalization: Normalization = normalize(graph, interface, defects)
    field = receptive_field(graph.graph)
    sizes = default_sizes(normalization.interface, field)
    fixed = with_sizes(graph, sizes).graph
    macs = [macs_of(node) for node in fixed]
    total = sum(macs)
    ops = tuple(
        OpSummary(str(node.name), node.op_type, _shape(node.outputs[0].shape), count, count / total if total else 0.0)
        for node, count in zip(fixed, macs, strict=True)
    )
    return Inspection(
        path=str(source.path),
        format=source.format,
        framework=source.framework,
        sha256=source.sha256,
        original=normalization.original,
        interface=normalization.interface,
        sizes=sizes,
        parameters=source.parameters,
        macs=total,
        receptive_field=field.samples if field else None,
        hop=field.hop if field else None,
        ops=ops,
        changes=tuple(report.change.summary for report in normalization.passes),
        pins=normalization.layout.pins,
        warnings=source.warnings,
    )


def _shape(shape: ir.Shape | None) -> tuple[int | None, ...]:
    return tuple(dim if isinstance(dim, int) else None for dim in shape) if shape is not None else ()
