"""What a model is, before anything is done to it."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from ovprep.frontends.source import Source
from ovprep.graph.cost import ReceptiveField, macs_of, receptive_field
from ovprep.graph.sizes import with_sizes
from ovprep.interface import Interface
from ovprep.layout.apply import LayoutChange
from ovprep.layout.explain import PlacedOp, StayingTranspose
from ovprep.options import InterfaceOptions
from ovprep.passes.defects.row import Defect
from ovprep.passes.defects.table import DEFECTS
from ovprep.passes.pipeline import Normalization, normalize
from ovprep.passes.rank.lift import lift_to_rank_4, reason_to_lift
from ovprep.tasks.arguments import as_file, read_options
from ovprep.tasks.defects import active_defects
from ovprep.tasks.reading import read_opened

if TYPE_CHECKING:
    from ovprep.emit.compiled import CompiledMoves

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
class LayoutReport:
    """What `ovprep inspect --layout` shows: the plan op by op, and what moves data in the compiled model.

    Bytes of the plan are per inference at batch one, with open axes counted as 1,000; those of the compiled model are
    at the sizes of the inspection. `transposes_before` and `transposes_after` count all Transposes of the graph.
    """

    bytes_before: int
    bytes_after: int
    transposes_before: int
    transposes_after: int
    transposes: tuple[StayingTranspose, ...]
    ops: tuple[PlacedOp, ...]
    compiled: "CompiledMoves"


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
    rank: str
    warnings: tuple[str, ...]
    layout_plan: LayoutReport | None = None


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


def inspect(
    model: str | os.PathLike[str] | Any,
    *,
    weights: str | os.PathLike[str] | None = None,
    allow_code: bool = False,
    plugins: Sequence[str] = (),
    signature: str | None = None,
    input_values: Mapping[str, float] | None = None,
    dynamic: Sequence[str] = (),
    interface: InterfaceOptions | None = None,
    layout: bool = False,
) -> Inspection:
    """Describes a model and what `convert` would do to it; ONNX and most Keras files need no framework for that.

    layout      add `layout_plan`: the layout of each op, what forces each Transpose that stays, and the Transposes and
                Reorders of the compiled model

    Raises ModelError or UnsupportedError where the model cannot be read.
    """
    with as_file(model) as path:
        options = read_options(weights, allow_code, plugins, signature, input_values)
        source = read_opened(path, options, dynamic, interface)
        return inspect_source(source, interface, active_defects(), with_layout=layout)


def inspect_source(
    source: Source,
    interface: InterfaceOptions | None = None,
    defects: Sequence[Defect] = DEFECTS,
    *,
    with_layout: bool = False,
) -> Inspection:
    """Describes a model that was read, and what `convert` would do to it. The source is left as it was.

    `with_layout` adds the layout plan, for which the model is compiled.
    """
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
        rank=_rank_question(graph),
        warnings=source.warnings,
        layout_plan=_layout_report(graph, normalization, sizes) if with_layout else None,
    )


def _layout_report(graph: ir.Model, normalization: Normalization, sizes: Mapping[str, int]) -> LayoutReport:
    from ovprep.emit.compiled import moves_when_compiled

    layout: LayoutChange = normalization.layout
    return LayoutReport(
        bytes_before=layout.bytes_before,
        bytes_after=layout.bytes_after,
        transposes_before=layout.transposes_before,
        transposes_after=layout.transposes_after,
        transposes=layout.explanation.transposes,
        ops=layout.explanation.ops,
        compiled=moves_when_compiled(graph, normalization.interface, sizes),
    )


def _rank_question(graph: ir.Model) -> str:
    """The rank that `convert` would choose, or that it would time both, and why."""
    reason = reason_to_lift(graph)
    if reason is None:
        return "3: no op of this model is known to run faster at rank 4"
    change = lift_to_rank_4(graph.clone())
    if isinstance(change, str):
        return f"3: {reason} may run faster at rank 4, but the model cannot be lifted to it: {change}"
    return f"3 or 4: {reason} may run faster at rank 4, so convert times both"


def _shape(shape: ir.Shape | None) -> tuple[int | None, ...]:
    return tuple(dim if isinstance(dim, int) else None for dim in shape) if shape is not None else ()
