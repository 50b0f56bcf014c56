"""Times several forms of one model against each other."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import onnx_ir as ir

from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Benchmark
from ovprep.graph.cost import receptive_field
from ovprep.inspection import default_sizes
from ovprep.passes.pipeline import Normalization
from ovprep.verify.contender import Contender

PLAIN = "default precision"
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
    plain: str = "",
) -> Benchmark:
    """The first form against each of the others, by its name, at batch 1 and f32.

    All of them have the interface that `done` tells. The form `plain` runs at the device's default precision as well,
    under `PLAIN`. Raises UnsupportedError where OpenVINO does not read a form.
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
            if label == plain:
                contenders.append(replace(contenders[-1], label=PLAIN, precision="default"))
        return benchmark(
            contenders[0],
            contenders[1:],
            done.original,
            sizes=default_sizes(done.original, receptive_field(baseline.graph)),
            seconds=seconds,
            threads=threads,
            seed=seed,
        )
