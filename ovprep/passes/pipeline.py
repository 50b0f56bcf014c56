"""The order of the passes, and what they did together."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace

import onnx_ir as ir

from ovprep.graph.parameters import NAMED
from ovprep.interface import Interface, Port
from ovprep.layout.apply import LayoutChange, count_transposes
from ovprep.layout.letters import infer_interface
from ovprep.options import InterfaceOptions
from ovprep.passes.activations import spell_out_activations
from ovprep.passes.affine import fold_affine
from ovprep.passes.batch_first import use_batch_first_recurrences
from ovprep.passes.batch_norm import decompose_batch_norm
from ovprep.passes.change import Change
from ovprep.passes.channel_last import use_channel_last_ops
from ovprep.passes.defects.row import Defect
from ovprep.passes.defects.table import DEFECTS, Avoided, avoid_defects
from ovprep.passes.dilation import restore_dilation
from ovprep.passes.flatten_last import flatten_channel_last
from ovprep.passes.folding import fold_shapes
from ovprep.passes.gathers import fold_gathers, name_gathers
from ovprep.passes.gelu import name_gelus
from ovprep.passes.group_norm import name_group_norms
from ovprep.passes.interface import (
    fix_shapes,
    lay_out_interface,
    raise_interface,
    raised_interface,
    wanted_interface,
)
from ovprep.passes.interface_rank import turn_at_low_rank
from ovprep.passes.layout import lay_out, reshape_trivial_transposes
from ovprep.passes.left_products import multiply_from_left
from ovprep.passes.merge_transposes import merge_transposes
from ovprep.passes.noops import remove_noops
from ovprep.passes.padding import fold_padding
from ovprep.passes.parameters import name_parameters, note_layers, write_linears
from ovprep.passes.parts import split_unfolded
from ovprep.passes.recurrence.recover import recover_recurrence
from ovprep.passes.recurrence.tidy import tidy_recurrence
from ovprep.passes.reset_before import unroll_reset_before
from ovprep.passes.reshapes import name_reshapes
from ovprep.passes.resizes import name_resized_axes
from ovprep.passes.tensordot import lift_dense
from ovprep.passes.transposed_convolution import turn_kernels
from ovprep.passes.transposed_ones import narrow_transposes
from ovprep.passes.unit_axis.drop import drop_unit_axis
from ovprep.passes.upsampling import name_upsampling
from ovprep.passes.wrap_padding import unroll_wrap_padding

Pass = Callable[[ir.Model], Change | None]

BEFORE_INTERFACE: tuple[Pass, ...] = (
    fold_shapes,
    recover_recurrence,  # has to know how long sequences are
    tidy_recurrence,
    name_reshapes,
    name_upsampling,
    name_gathers,  # tells the interface what it hides, and is free in either layout
    lift_dense,
    drop_unit_axis,  # after all that give names to what Reshapes do
    name_resized_axes,  # of rank 3, which some are only now
    narrow_transposes,
    restore_dilation,
)
BEFORE_LAYOUT: tuple[Pass, ...] = (
    remove_noops,
    split_unfolded,  # free in either layout, which a Reshape to rank 4 is not
    unroll_wrap_padding,
    turn_kernels,
    decompose_batch_norm,  # free in either layout, which BatchNormalization is not
)
AFTER_LAYOUT: tuple[Pass, ...] = (
    fold_gathers,
    fold_affine,  # Transposes no longer stand between a convolution and its BatchNorm
    fold_padding,
    merge_transposes,
    turn_at_low_rank,
    split_unfolded,  # again, where Transposes stood between
    reshape_trivial_transposes,  # after all that look for swaps: as a Reshape, one is no longer seen as such
)
FOR_PLUGIN: tuple[Pass, ...] = (
    spell_out_activations,
    flatten_channel_last,  # its Transpose costs nothing beside a convolution, and is not to be merged
    multiply_from_left,
    unroll_reset_before,  # last of all rewrites, since it makes many ops of one
)
"""What OpenVINO's CPU plugin runs faster, and other runtimes need not."""
OPTIONAL: tuple[Pass, ...] = (multiply_from_left, unroll_reset_before)
"""Rewrites for speed alone that do not win everywhere.

`ovprep.tasks.converting.cost_gate` times them where they change a model.
"""


@dataclass(frozen=True)
class Purpose:
    """What a graph is normalised for: the passes before and after its layout is chosen; whether the plugin runs it."""

    before: tuple[Pass, ...]
    after: tuple[Pass, ...]
    plugin: bool = False


PLUGIN = Purpose(BEFORE_LAYOUT, (*AFTER_LAYOUT, *FOR_PLUGIN), plugin=True)
ANY_RUNTIME = Purpose(BEFORE_LAYOUT, AFTER_LAYOUT)
LAYERS = Purpose(
    (
        remove_noops,
        split_unfolded,
        unroll_wrap_padding,
        name_gelus,
        name_group_norms,  # those that only show now
        fold_gathers,
        fold_padding,  # while convolutions are channel-first
        use_channel_last_ops,
        use_batch_first_recurrences,
    ),
    (merge_transposes, split_unfolded),
)
"""For a model that is to be trained: every layer stays one."""
TORCH = Purpose(
    (
        remove_noops,
        split_unfolded,
        unroll_wrap_padding,
        name_group_norms,
        note_layers,  # while weights are those that were read
    ),
    (
        fold_padding,
        merge_transposes,
        split_unfolded,
        reshape_trivial_transposes,
        write_linears,
        name_parameters,
    ),
)
"""For PyTorch: every layer stays one, with the weights that its module would have."""


@dataclass(frozen=True)
class PassReport:
    """One pass that changed something."""

    name: str
    change: Change


@dataclass(frozen=True)
class Skipped:
    """A rewrite that was left out of this model, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Normalization:
    """What was done to a model and what was not, the interface that it had, and the interface that it has now.

    `defects` are those of OpenVINO's CPU plugin that the model would have met; what avoids them is among `passes`.
    """

    original: Interface
    interface: Interface
    passes: tuple[PassReport, ...]
    layout: LayoutChange
    skipped: tuple[Skipped, ...] = ()
    defects: tuple[Avoided, ...] = ()

    def without_defects(self, model: ir.Model, defects: Sequence[Defect]) -> "Normalization":
        """Avoids, in place, what the plugin gets wrong in a model; returns what was done in all."""
        avoided = avoid_defects(model, defects)
        passes = tuple(PassReport(one.defect.name, one.change) for one in avoided)
        return replace(self, passes=(*self.passes, *passes), defects=(*self.defects, *avoided))


def normalize(
    model: ir.Model,
    options: InterfaceOptions | None = None,
    defects: Sequence[Defect] = DEFECTS,
    after_each: Callable[[str, ir.Model], None] = lambda name, model: None,
    without: Set[str] = frozenset(),
    purpose: Purpose = PLUGIN,
) -> Normalization:
    """Brings a model, in place, to the canonical 1D form with the wanted interface: channel-last by default.

    `after_each` is called with the name of each pass and the model that it left; every pass must leave a model that
    checks and computes the same. `purpose` says what the graph is for: by default OpenVINO's CPU plugin, written as it
    runs fastest there, and without the `defects` that it would meet. `without` names passes of `OPTIONAL` that are left
    out. Raises OptionError for an interface that the model cannot have.
    """
    required = without - {one.__name__ for one in OPTIONAL}
    if required:
        raise ValueError(f"{', '.join(sorted(required))} cannot be left out")
    reports: list[PassReport] = []
    options = options or InterfaceOptions()
    model.metadata_props.pop(NAMED, None)  # of a file that was normalised before, for PyTorch

    def run(name: str, change: Change | None) -> None:
        if change is not None:
            reports.append(PassReport(name, change))
        after_each(name, model)

    if options.shapes or options.batch:
        fix_shapes(model, _explained(model), options)
    written = infer_interface(model)
    for one in BEFORE_INTERFACE:
        run(one.__name__, one(model))
    # Here, as ops speak of the interface: not yet through arithmetic on shapes, no longer once a BatchNorm is folded.
    original = with_images(infer_interface(model), written)
    wanted = wanted_interface(original, options)
    run(lay_out_interface.__name__, lay_out_interface(model, original, wanted))
    for one in purpose.before:
        run(one.__name__, one(model))
    change, layout = lay_out(model)
    run(lay_out.__name__, change)
    for one in purpose.after:
        if one.__name__ not in without:
            run(one.__name__, one(model))
    interface = raised_interface(wanted, options)
    run(raise_interface.__name__, raise_interface(model, wanted, interface))
    layout = replace(layout, transposes_after=count_transposes(model.graph))
    done = Normalization(original, interface, tuple(reports), layout)
    if purpose.plugin:
        done = done.without_defects(model, defects)
        after_each(avoid_defects.__name__, model)
    return done


def _explained(model: ir.Model) -> Interface:
    """The interface with what the early passes find out about its axes; the model stays as it is."""
    probe = model.clone()
    for one in BEFORE_INTERFACE:
        one(probe)
    return with_images(infer_interface(probe), infer_interface(model))


def with_images(interface: Interface, written: Interface) -> Interface:
    """The interface, with tensors of rank 4 as the model was written: no op speaks of an axis that was dropped."""

    def named(port: Port, before: Port) -> Port:
        return replace(port, layout=before.layout) if len(port.dims) == 4 and "?" not in before.layout else port

    return Interface(
        tuple(map(named, interface.inputs, written.inputs)), tuple(map(named, interface.outputs, written.outputs))
    )
