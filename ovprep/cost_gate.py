"""The cost gate: a rewrite that only makes models faster is left out of the model that it makes slower.

Most rewrites win wherever they apply. Those of `passes.pipeline.OPTIONAL` may lose, and what they do is timed in the
models that they change, and in no other.
"""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import onnx_ir as ir

from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Pair
from ovprep.errors import UnsupportedError
from ovprep.graph.cost import receptive_field
from ovprep.inspection import default_sizes
from ovprep.options import InterfaceOptions
from ovprep.passes.pipeline import OPTIONAL, Normalization, Skipped, normalize
from ovprep.verify.contender import Contender

SECONDS = 1.5
"""Of measuring, as for the rank."""

Emit = Callable[[ir.Model, Path], object]
"""Writes the IR of a graph to a folder."""


def drop_losing_rewrites(
    written: ir.Model,
    graph: ir.Model,
    done: Normalization,
    options: InterfaceOptions | None,
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
    forms = {name: _normalized(written, options, {name})[0] for name in names}
    try:
        pairs = _race(graph, forms, done, emit, threads, seed)
    except UnsupportedError:
        return graph, done  # without it OpenVINO does not even read the model
    losing = {name: _words(pair) for name, pair in pairs.items() if pair.verdict == "slower"}
    if not losing:
        return graph, done
    graph, done = _normalized(written, options, losing)
    return graph, replace(done, skipped=tuple(Skipped(name, reason) for name, reason in losing.items()))


_NAMES = frozenset(one.__name__ for one in OPTIONAL)


def _normalized(
    written: ir.Model, options: InterfaceOptions | None, without: Iterable[str]
) -> tuple[ir.Model, Normalization]:
    graph = written.clone()
    return graph, normalize(graph, options, without=frozenset(without))


def _race(
    graph: ir.Model, forms: dict[str, ir.Model], done: Normalization, emit: Emit, threads: int, seed: int
) -> dict[str, Pair]:
    """Each form, which lacks one rewrite, against the graph that has all."""
    layouts = tuple(port.layout for port in done.interface.inputs)
    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        contenders = []
        for number, (label, form) in enumerate({"all": graph, **forms}.items()):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            emit(form, folder)
            contenders.append(Contender(label, "openvino", folder / "model.xml", "f32", "ovprep", layouts))
        measured = benchmark(
            contenders[0],
            contenders[1:],
            done.original,
            sizes=default_sizes(done.original, receptive_field(graph.graph)),
            seconds=SECONDS,
            threads=threads,
            seed=seed,
        )
    return {pair.contestant: pair for pair in measured.pairs}


def _words(pair: Pair) -> str:
    assert pair.ratio is not None
    return (
        f"without it this model takes {pair.ratio:.2f} [{pair.low:.2f}, {pair.high:.2f}] of the time, "
        "at batch 1 and f32"
    )
