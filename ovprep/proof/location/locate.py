"""Where two models differ: the first op whose output is not what its own inputs give.

The original is held against the graph as it was read, tensor by tensor where its framework knows them by name (the
layers of Keras, the tensors of ONNX), and the IR against the canonical graph. Each op is judged by the inputs that the
other side had, so that what went wrong before it does not count.
"""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ovprep.proof.location import reproducer
from ovprep.proof.location.located import NAMES, Located, Side
from ovprep.proof.location.rewritten import SAME, first_rewritten
from ovprep.proof.location.walk import Step, Walk, first_unexplained
from ovprep.proof.location.watched import Watched
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from ovprep.workers.runners.base import Shapes

if TYPE_CHECKING:
    import onnx_ir as ir

Tensors = Literal["same", "perhaps", "own"]

_CLEAR = 10.0
"""Times its tolerance that an op of the IR must be off to be the cause, whatever the original's layers may show."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two models, and the graphs between them.

    as_read     the graph as it was read, with the original's interface; None where the translation is not searched
    canonical   the graph behind the IR, with the IR's interface
    original    the original in its own runtime
    candidate   the IR, or the canonical graph as ONNX
    tensors     "same": the candidate was made of `canonical`, and its tensors have the names of the graph's;
                "perhaps": it may have been, so that one of the same name is one where it has the shape, too;
                "own": it is another model, `canonical` its graph as it was read, and values alone tell what is what
    """

    as_read: "ir.Model | None"
    canonical: "ir.Model"
    original: Contender
    candidate: Contender
    tensors: Tensors = "same"


@dataclass(frozen=True)
class Found:
    """The first op that differs, None where no op stands out; and what was seen, in sentences."""

    located: Located | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Finding:
    """What one of the two walks found; `write` puts an example into a folder, None where there can be none."""

    step: Step | None
    located: Located | None
    note: str
    write: Callable[[Path], None] | None = None

    @property
    def excess(self) -> float:
        return self.step.excess if self.step is not None else 0.0


def locate(
    pair: Pair,
    here: Sequence[Array],
    there: Sequence[Array],
    *,
    shapes: Shapes | None,
    threads: int,
    worker: Worker | None = None,
    folder: Path | None = None,
    thorough: bool = False,
) -> Found:
    """Searches for inputs `here` of the original, which are `there` in the layouts of the IR.

    `shapes` are those that the IR is compiled with, None for open ones. A `worker` of the original's runtime is used
    and left with the original loaded. An example goes to `folder`, which exists and is empty. The original is asked for
    its layers only where the IR shows no clear cause, or where the search is to be `thorough`.

    Raises RuntimeFailure where one of the two cannot be run, UnsupportedError for a graph too large to be taken apart.
    """
    if pair.tensors == "own":
        return _in_another(pair, here, there)
    findings = [_in_ir(pair, there, shapes, threads)]
    if pair.as_read is not None and (thorough or findings[0].excess < _CLEAR):
        findings.insert(0, _in_translation(pair, pair.as_read, here, threads, worker))
    worst = max(findings, key=lambda finding: finding.excess)
    if worst.located is None and pair.as_read is not None:
        worst = _in_passes(pair, pair.as_read, here, there) or worst
    if worst.located is None:
        return Found(None, tuple(finding.note for finding in findings))
    if folder is None or worst.write is None:
        return Found(worst.located, (worst.note,))
    worst.write(folder)
    return Found(dataclasses.replace(worst.located, reproducer=folder), (worst.note,))


def _in_another(pair: Pair, here: Sequence[Array], there: Sequence[Array]) -> Found:
    """Of a candidate that was not made of the original, by values; `there` in the original's order."""
    assert pair.as_read is not None
    wiring = pair.candidate.wiring
    finding = _in_passes(pair, pair.as_read, here, wiring.feed(there) if wiring is not None else there)
    if finding is None:
        return Found(None, ("In float64 the outputs of the candidate's graph are tensors of the original's.",))
    return Found(finding.located, (finding.note,))


def _in_translation(
    pair: Pair, as_read: "ir.Model", inputs: Sequence[Array], threads: int, worker: Worker | None
) -> _Finding:
    from ovprep.graph.origin import is_of_layers, taps_of

    walk = Walk(as_read, inputs)
    known = taps_of(as_read.graph)
    if not is_of_layers(as_read.graph) and pair.original.runtime == "onnxruntime":
        known = {name: name for name in walk.tensors}
    arrays, given = _tapped(pair.original, tuple(dict.fromkeys(known.values())), inputs, threads, worker)
    own = len(arrays) - len(given)
    found = dict(zip(given, arrays[own:], strict=True))
    seen = {name: found[tap] for name, tap in known.items() if tap in found}
    seen |= dict(zip(walk.outputs, arrays[:own], strict=False))
    steps = walk.steps(seen)
    step = first_unexplained(steps)
    if step is None:
        return _Finding(None, None, _closest(steps, "translation", as_read))
    located = _located("translation", step, walk, as_read)

    def write(folder: Path) -> None:
        reproducer.of_translation(folder, str(located), step, walk, seen[step.tensor])

    return _Finding(step, located, str(located), write)


def _tapped(
    original: Contender, taps: tuple[str, ...], inputs: Sequence[Array], threads: int, worker: Worker | None
) -> tuple[list[Array], tuple[str, ...]]:
    """The original's outputs with inner tensors behind them, and the names of these."""
    tapped = dataclasses.replace(original, taps=taps)
    if worker is None:
        with Worker.launch(tapped, threads=threads) as own:
            return own.run(inputs), own.ready().taps
    loaded = worker.load(tapped)
    try:
        return worker.run(inputs), loaded.taps
    finally:
        if worker.alive:
            worker.load(original)


def _in_ir(pair: Pair, inputs: Sequence[Array], shapes: Shapes | None, threads: int) -> _Finding:
    as_read = pair.as_read or pair.canonical
    walk = Walk(pair.canonical, inputs)
    trusted = pair.tensors == "same"
    with closing(Watched(walk, pair.candidate, threads=threads, shapes=shapes, trusted=trusted)) as watched:
        step = watched.first()
    if step is None:
        return _Finding(None, None, _closest(watched.steps, "IR", as_read))
    located = _located("IR", step, walk, as_read)

    def write(folder: Path) -> None:
        ir, fixed = pair.candidate.path, shapes is not None
        reproducer.of_ir(folder, str(located), step, walk, watched.seen, ir, fixed=fixed, threads=threads)

    return _Finding(step, located, str(located), write if pair.candidate.runtime == "openvino" else None)


def _in_passes(pair: Pair, as_read: "ir.Model", here: Sequence[Array], there: Sequence[Array]) -> _Finding | None:
    """Both ends are right, so it is what lies between; there is no example of that which OpenVINO could run."""
    from ovprep.graph.origin import origin_of

    walk = Walk(pair.canonical, there)
    found = first_rewritten(Walk(as_read, here), walk)
    if found is None:
        return None
    tolerance, apart = SAME * found.scale, pair.tensors == "own"
    located = Located(
        side="candidate" if apart else "passes",
        op=found.node,
        op_type=walk.parts.op_type(found.node),
        origin=origin_of(found.node, (pair.canonical if apart else as_read).graph),
        place=walk.parts.place(found.node) + 1,
        total=len(walk.parts.nodes),
        region=found.region,
        max_abs_error=float(found.error.max()),
        mean_abs_error=float(found.error.mean()),
        scale=found.scale,
        share=float(np.mean(found.error > tolerance)),
        tolerance=tolerance,
        unjudged=walk.unjudged,
    )
    return _Finding(None, located, str(located))


def _closest(steps: Sequence[Step], side: Side, as_read: "ir.Model") -> str:
    """What to say where no op stands out."""
    from ovprep.graph.origin import origin_of

    if not steps:
        return f"No tensor of {NAMES[side]} could be compared."
    worst = max(steps, key=lambda step: step.excess)
    origin = origin_of(worst.node, as_read.graph)
    return (
        f"Each of {len(steps)} tensors of {NAMES[side]} is what its own inputs give; the farthest, that of "
        f"{worst.node!r} ({worst.op_type}{f', from {origin}' if origin else ''}), is at {worst.excess:.0%} of what "
        "float32 explains."
    )


def _located(side: Side, step: Step, walk: Walk, as_read: "ir.Model") -> Located:
    from ovprep.graph.origin import layer_of, origin_of

    layer = layer_of(step.tensor, as_read.graph) if side == "translation" else None
    return Located(
        side=side,
        op=step.node,
        op_type=step.op_type,
        origin=layer or origin_of(step.node, as_read.graph),
        place=step.place + 1,
        total=len(walk.parts.nodes),
        region=step.region,
        max_abs_error=step.error,
        mean_abs_error=step.mean,
        scale=step.scale,
        share=step.share,
        tolerance=step.tolerance,
        unjudged=walk.unjudged,
    )
