"""Times several forms of one model against each other."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir

from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Benchmark
from ovprep.errors import RuntimeFailure
from ovprep.graph.cost import receptive_field
from ovprep.passes.pipeline import Normalization
from ovprep.tasks.inspection import default_sizes
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker

ANSWER_LIMIT = 20.0
"""Seconds to wait for a form that gives its answers within milliseconds at f32."""

Emit = Callable[[ir.Model, Path], object]
"""Writes the IR of a graph to a folder."""


def race(
    forms: Mapping[str, ir.Model],
    done: Normalization,
    emit: Emit,
    *,
    seconds: float,
    threads: int,
    seed: int,
) -> Benchmark:
    """The first form against each of the others, by its name, at batch 1 and f32.

    All of them have the interface that `done` tells. Raises UnsupportedError where OpenVINO does not read one.
    """
    baseline = next(iter(forms.values()))
    layouts = tuple(port.layout for port in done.interface.inputs)
    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        contenders = []
        for number, (label, graph) in enumerate(forms.items()):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            emit(graph, folder)
            contenders.append(Contender(label, "openvino", folder / "model.xml", "f32", "ovprep", layouts))
        return benchmark(
            contenders[0],
            contenders[1:],
            done.original,
            sizes=default_sizes(done.original, receptive_field(baseline.graph)),
            seconds=seconds,
            threads=threads,
            seed=seed,
        )


def failure_by_default(graph: ir.Model, done: Normalization, emit: Emit, *, threads: int) -> str | None:
    """Why a form gives no answer at the device's default precision, None where it gives one.

    OpenVINO's CPU plugin hangs on some depthwise convolutions of rank 4 in bf16.
    """
    sizes = default_sizes(done.original, receptive_field(graph.graph))
    inputs = [
        np.zeros([dim if isinstance(dim, int) else sizes[dim] for dim in port.dims], port.dtype)
        for port in done.interface.inputs
    ]
    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch, Worker("openvino", threads=threads) as worker:
        emit(graph, Path(scratch))
        try:
            worker.load(Contender("default", "openvino", Path(scratch) / "model.xml", "default"), limit=ANSWER_LIMIT)
            worker.run(inputs, limit=ANSWER_LIMIT)
        except RuntimeFailure as error:
            return str(error)
    return None
