"""The cost gate: a rewrite that only makes models faster is left out of the model that it makes slower.

Most rewrites win wherever they apply. Those of `passes.pipeline.OPTIONAL` may lose, and what they do is timed in the
models that they change, and in no other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import onnx_ir as ir

from ovprep.bench.results import Pair
from ovprep.errors import UnsupportedError
from ovprep.options import InterfaceOptions
from ovprep.passes.defects.row import Defect
from ovprep.passes.pipeline import OPTIONAL, Normalization, Skipped, normalize
from ovprep.tasks.converting.race import Emit, race

SECONDS = 1.5
"""Of measuring, as for the rank."""


def drop_losing_rewrites(
    written: ir.Model,
    graph: ir.Model,
    done: Normalization,
    options: InterfaceOptions | None,
    defects: Sequence[Defect],
    emit: Emit,
    *,
    threads: int,
    seed: int,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> tuple[ir.Model, Normalization]:
    """The normalised graph, without the rewrites that it is faster without, beyond noise, at batch 1 and f32.

    `written` is the graph before it was normalised. Nothing is timed where no optional rewrite changed the model.
    """
    names = [report.name for report in done.passes if report.name in _NAMES]
    if not names:
        return graph, done
    on_stage(f"timing the model with and without {' and '.join(names)}")
    forms = {name: _normalized(written, options, defects, {name})[0] for name in names}
    try:
        measured = race({"all": graph, **forms}, done, emit, seconds=SECONDS, threads=threads, seed=seed)
    except UnsupportedError:
        return graph, done  # without it OpenVINO does not even read the model
    losing = {pair.contestant: _words(pair) for pair in measured.pairs if pair.verdict == "slower"}
    if not losing:
        return graph, done
    graph, done = _normalized(written, options, defects, losing)
    return graph, replace(done, skipped=tuple(Skipped(name, reason) for name, reason in losing.items()))


_NAMES = frozenset(one.__name__ for one in OPTIONAL)


def _normalized(
    written: ir.Model, options: InterfaceOptions | None, defects: Sequence[Defect], without: Iterable[str]
) -> tuple[ir.Model, Normalization]:
    graph = written.clone()
    return graph, normalize(graph, options, defects, without=frozenset(without))


def _words(pair: Pair) -> str:
    assert pair.ratio is not None
    return (
        f"without it this model takes {pair.ratio:.2f} [{pair.low:.2f}, {pair.high:.2f}] of the time, "
        "at batch 1 and f32"
    )
