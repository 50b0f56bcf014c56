"""All rows, and the pass that applies them. Last before emission, so that nothing undoes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ovprep.passes.change import Change
from ovprep.passes.defects.moved_pooling import MOVED_POOLING
from ovprep.passes.defects.moved_stride import MOVED_STRIDE
from ovprep.passes.defects.reduction import REDUCTION
from ovprep.passes.defects.row import Defect
from ovprep.passes.defects.shared_memory import SHARED_MEMORY
from ovprep.passes.defects.shared_sequence import SHARED_SEQUENCE
from ovprep.passes.defects.turned_twice import TURNED_TWICE

DEFECTS: tuple[Defect, ...] = (
    REDUCTION,
    SHARED_SEQUENCE,
    SHARED_MEMORY,
    MOVED_STRIDE,
    MOVED_POOLING,
    TURNED_TWICE,
)


@dataclass(frozen=True)
class Avoided:
    """A defect that a model would have met, and what was done."""

    defect: Defect
    change: Change


def avoid_defects(model: ir.Model, defects: Sequence[Defect] = DEFECTS) -> tuple[Avoided, ...]:
    """Edits a model in place, wherever it would meet one of these defects."""
    found = ((defect, defect.avoid(model)) for defect in defects)
    return tuple(Avoided(defect, change) for defect, change in found if change is not None)
