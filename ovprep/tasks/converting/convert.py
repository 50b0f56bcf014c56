"""Converts a model to OpenVINO IR.

conversion = ovprep.convert("model.h5", target="cpu")
conversion.model_path                           # model_openvino/model.xml
conversion.verification.worst.max_abs_error     # against the original, at float32
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx_ir as ir

from ovprep.bench.gates import Limits, judged
from ovprep.frontends.source import Source
from ovprep.options import InterfaceOptions, Rank
from ovprep.passes.pipeline import normalize
from ovprep.proof.certificate import File
from ovprep.proof.inputs.demand import Data, Demand, checked_rate, demand_of, stated_rate
from ovprep.proof.verify import Verification
from ovprep.report.document import Conversion, artifacts_in, write_documents
from ovprep.report.folder import new_folder, require_ours
from ovprep.report.graph import graph_change
from ovprep.report.options import asked_of
from ovprep.tasks.arguments import Progress, as_file, checked_threads, read_options
from ovprep.tasks.converting.building import build
from ovprep.tasks.converting.request import Request
from ovprep.tasks.converting.target import Target
from ovprep.tasks.defects import active_defects
from ovprep.tasks.normalizing.files import warnings_of
from ovprep.tasks.reading import read_opened
from ovprep.tasks.verifying.certifying import certified, ir_hash, recorded
from ovprep.tasks.verifying.difference import difference_beside


def convert(
    model: str | os.PathLike[str] | Any,
    output: str | os.PathLike[str] | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    allow_code: bool = False,
    plugins: Sequence[str] = (),
    signature: str | None = None,
    input_values: Mapping[str, float] | None = None,
    dynamic: Sequence[str] = (),
    interface: InterfaceOptions | None = None,
    rank: Rank = "auto",
    target: str = "cpu",
    openvino_version: str | None = None,
    execution_precision: str = "default",
    verify: bool = True,
    data: Sequence[Data] = (),
    sample_rate: int | None = None,
    tolerance: float | None = None,
    explain: bool = False,
    benchmark: bool = True,
    seconds: float = 10.0,
    fail_if_slower: float | None = None,
    max_latency_ms: float | None = None,
    max_memory_mb: float | None = None,
    threads: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Conversion:
    """Converts a trained 1D CNN to OpenVINO IR with a channel-last interface, proves it equal, and times it.

    model       path of a `.h5`, `.keras`, `.onnx`, `.tflite` or `.pb` file or of a SavedModel folder, or a live
                `keras.Model`
    output      the folder to write, `<stem>_openvino` by default; an earlier result of ovprep is replaced
    weights     the file with the weights, where `model` has the architecture only
    allow_code  let Keras run Python code that the file carries, where it cannot be read without
    plugins     Python modules, by name or path, that register rules or classes for custom layers
    signature   the signature of a SavedModel to convert, where it has several and none for serving
    input_values
                numbers that inputs have once and for all, by name, as a sample rate that the model takes: such inputs
                become constants
    dynamic     fixed axes to open where the ops let them be, of ONNX files: "batch", "time", or an input as `x[?,?,1]`,
                in the layout of the result
    interface   layouts, fixed sizes and rank of inputs and outputs; channel-last and as open as the model by default
    rank        of the tensors inside: 3, 4 (`[N, C, 1, W]`), or "auto": the faster where a model gives a reason to time
                both, else 3; the interface stays as it is
    target      "cpu", "gpu" or "npu"; the last two are given rank 3 and want fixed shapes, and are verified and timed
                on the CPU
    openvino_version  the OpenVINO that shall run the IR ("2022.3"), where that is older than the one at hand
    execution_precision
                "f32" has devices compute in float32 that would choose bf16 or f16 by themselves, as far as the IR can
                ask for it; "default" leaves it to them
    verify      compare the IR with the original, in the original's own runtime, at float32
    data, sample_rate, tolerance
                of the verification, as in `ovprep.verify`: the user's own signals, in the layout of the original; the
                rate that they are held against; the share of an output's scale allowed in place of the error budget
    explain     say how close each op comes to what its inputs give, also where nothing differs
    benchmark   time the IR against the original and against OpenVINO's own direct conversion; and leave out what only
                makes models faster, where it makes this one slower
    seconds     budget of the benchmark's measuring
    fail_if_slower, max_latency_ms, max_memory_mb
                limits for the IR at f32, judged in `benchmark.gates`: how many times as fast as the original it must
                be, its median latency, the peak memory of its process; see `ovprep.bench.gates.Limits`
    threads     threads that every runtime may use; all cores of the process by default
    seed        of the signals, and of the order of the measurements
    on_progress called with the name of each stage

    Raises ModelError, UnsupportedError, OutputError or OptionError, with nothing written, where the model, the folder
    or an option is at fault; VerificationError, with nothing written but an example of the difference in
    `<stem>_difference`, where the IR is not equal to the original.
    """
    asked = asked_of(convert, locals())
    request = Request(
        interface=interface,
        rank=rank,
        target=Target.of(target, openvino_version),
        execution_precision=execution_precision,
        verify=verify,
        data=data,
        sample_rate=sample_rate,
        tolerance=tolerance,
        explain=explain,
        benchmark=benchmark,
        seconds=seconds,
        limits=Limits(fail_if_slower, max_latency_ms, max_memory_mb),
        threads=checked_threads(threads),
        seed=seed,
        say=on_progress or (lambda stage: None),
    )
    reading = read_options(weights, allow_code, plugins, signature, input_values)
    with as_file(model) as path:
        folder = Path(output) if output is not None else Path(f"{path.stem}_openvino")
        require_ours(folder)
        request.say(f"reading {path.name}")
        return _converted(read_opened(path, reading, dynamic, interface), folder, request, asked)


def _converted(source: Source, folder: Path, request: Request, asked: Mapping[str, Any]) -> Conversion:
    """Normalises a model that was read, and writes the folder with the IR, once that was examined."""
    request.say("normalising the graph")
    graph = source.graph.clone()
    defects = active_defects(request.say)
    done = normalize(graph, request.interface, defects)
    request.target.require_fixed(done.interface)
    rate = checked_rate(request.sample_rate, stated_rate(source.graph))
    demand = demand_of(request.data, done.original, rate, request.tolerance)
    with new_folder(folder) as scratch:
        built = build(source, graph, done, request, defects, demand, scratch, difference_beside(folder))
        measured = built.benchmark
        conversion = Conversion(
            output=folder,
            target=request.target.device,
            openvino_version=asked.get("openvino_version"),
            execution_precision=request.execution_precision,
            source=source,
            original=done.original,
            interface=done.interface,
            normalization=built.chosen.normalization,
            rank=built.chosen.rank,
            ops=built.written.ops,
            verification=_certified(built.verification, source, folder, scratch, demand, request, asked),
            benchmark=None if measured is None else judged(measured, request.limits),
            artifacts=artifacts_in(scratch),
            warnings=(*warnings_of(source), *_branches(built.chosen.graph), *built.caveats(request.target)),
            graph=graph_change(source.graph.graph, built.chosen.graph.graph),
            options=asked,
        )
        write_documents(conversion, scratch)
    return conversion


def _certified(
    found: Verification | None,
    source: Source,
    folder: Path,
    scratch: Path,
    demand: Demand,
    request: Request,
    asked: Mapping[str, Any],
) -> Verification | None:
    """The verification with its certificate; the IR is named by the place that it moves to."""
    if found is None:
        return None
    return certified(
        found,
        File(source.path, source.sha256),
        File(folder / "model.xml", ir_hash(scratch / "model.xml")),
        data=demand.files,
        options=recorded(asked, request.data, request.seed),
        threads=request.threads,
    )


def _branches(graph: ir.Model) -> list[str]:
    open_ones = [str(node.name) for node in graph.graph if node.op_type == "If"]
    return [f"{name!r} branches on the inputs: only what the test signals take is compared." for name in open_ones]
