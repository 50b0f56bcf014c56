"""`normalize`: a model as another model file, by the suffix of the file that is asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ovprep import __version__
from ovprep.errors import OutputError
from ovprep.frontends.source import Source
from ovprep.graph.constants import nonfinite_weights
from ovprep.options import InterfaceOptions, ReadOptions
from ovprep.passes.pipeline import ANY_RUNTIME, TORCH, Purpose, normalize
from ovprep.report.document import Normalized
from ovprep.report.folder import new_file
from ovprep.tasks.examine import Candidate, examine
from ovprep.tasks.reading import read_opened

KERAS_WRITES = (".keras", ".h5")
"""In small letters, as Keras itself asks."""


@dataclass(frozen=True)
class Job:
    """What is asked for: see `ovprep.normalize`. `threads` is a number, and `say` takes the names of stages."""

    path: Path
    target: Path
    reading: ReadOptions
    dynamic: Sequence[str]
    interface: InterfaceOptions
    verify: bool
    threads: int
    seed: int
    say: Callable[[str], None]


def write_normalized(job: Job) -> Normalized:
    """Writes ONNX or a Keras file. Raises OutputError for another suffix, and what the two ways raise."""
    suffix = job.target.suffix
    if suffix in KERAS_WRITES:
        from ovprep.tasks.normalizing.keras_files import write_keras_file

        return write_keras_file(job)
    if suffix != ".onnx":
        raise OutputError(
            f"{job.target} is no name for a file that normalize writes; let it end in .onnx, .keras or .h5."
        )
    return _write_onnx(job)


def _write_onnx(job: Job) -> Normalized:
    from ovprep.emit.onnx import require_onnx_place, save_onnx

    require_onnx_place(job.target)
    job.say(f"reading {job.path.name}")
    purpose = _purpose_of(job.interface)
    reading = replace(job.reading, whole_layers=purpose is TORCH)
    source = read_opened(job.path, reading, job.dynamic, job.interface)
    job.say("normalising the graph")
    graph = source.graph.clone()
    done = normalize(graph, job.interface, purpose=purpose)
    with new_file(job.target) as scratch:
        save_onnx(graph, scratch, __version__)
        verification, _ = examine(
            Candidate(source, done.original, graph, done.interface, scratch, "onnxruntime"),
            verifying=job.verify,
            seconds=None,
            threads=job.threads,
            seed=job.seed,
            on_stage=job.say,
        )
    return Normalized(job.target, source, done.original, done.interface, done, verification, warnings_of(source))


def _purpose_of(interface: InterfaceOptions) -> Purpose:
    """What an ONNX file is for: one that is channel-first from end to end is PyTorch's."""
    return TORCH if {interface.layout, *interface.layouts.values()} == {"ncw"} else ANY_RUNTIME


def warnings_of(source: Source) -> tuple[str, ...]:
    """What the reader of a model has to say, and whether its weights are numbers."""
    bad = nonfinite_weights(source.graph)
    found = list(source.warnings)
    if bad:
        found.append(f"NaN or infinity in {len(bad)} of the model's weights, the first of them {bad[0]}.")
    return tuple(found)
