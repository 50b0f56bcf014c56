"""The Python interface: all that the command line does.

conversion = ovprep.convert("model.h5", target="cpu")
conversion.model_path                           # model_openvino/model.xml
conversion.verification.worst.max_abs_error     # against the original, at float32
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx_ir as ir

from ovprep.bench.gates import Limits, judged
from ovprep.building import build
from ovprep.certifying import certified, ir_hash, is_given, recorded
from ovprep.defects import active_defects
from ovprep.difference import difference_beside
from ovprep.dynamic import read_opened
from ovprep.errors import OptionError
from ovprep.inspection import Inspection, inspect_source
from ovprep.normalizing import Job, warnings_of, write_normalized
from ovprep.options import EXECUTION_PRECISIONS, RANKS, InputValue, InterfaceOptions, Rank, ReadOptions
from ovprep.passes.pipeline import normalize as normalize_graph
from ovprep.report.document import Conversion, Normalized, artifacts_in, write_documents
from ovprep.report.folder import new_folder, require_ours
from ovprep.report.graph import graph_change
from ovprep.report.options import asked_of
from ovprep.target import Target
from ovprep.verify.certificate import File
from ovprep.verify.demand import Data, checked_rate, demand_of, file_names, stated_rate

Progress = Callable[[str], None]
"""Called with the name of each stage when it begins."""


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
    say = on_progress or (lambda stage: None)
    count = _checked_options(rank, seconds, threads)
    require_seed(seed)
    if not verify:
        _require_none_for_verification(
            {"--data": data, "--sample-rate": sample_rate, "--tolerance": tolerance, "--explain": explain}
        )
    limits = Limits(fail_if_slower, max_latency_ms, max_memory_mb)
    if limits.given and not benchmark:
        raise OptionError("Limits such as --fail-if-slower need the benchmark; leave --no-benchmark out.")
    device = Target.of(target, openvino_version)
    if execution_precision not in EXECUTION_PRECISIONS:
        raise OptionError(f"The execution precision is {' or '.join(EXECUTION_PRECISIONS)}, not {execution_precision}.")
    with as_file(model) as path:
        folder = Path(output) if output is not None else Path(f"{path.stem}_openvino")
        require_ours(folder)
        say(f"reading {path.name}")
        source = read_opened(
            path, read_options(weights, allow_code, plugins, signature, input_values), dynamic, interface
        )
        say("normalising the graph")
        graph = source.graph.clone()
        defects = active_defects(say)
        normalization = normalize_graph(graph, interface, defects)
        device.require_fixed(normalization.interface)
        rate = checked_rate(sample_rate, stated_rate(source.graph))
        demand = demand_of(data, normalization.original, rate, tolerance)
        with new_folder(folder) as scratch:
            built = build(
                source,
                graph,
                normalization,
                interface,
                rank,
                device,
                defects,
                scratch,
                verifying=verify,
                demand=demand,
                seconds=seconds if benchmark else None,
                threads=count,
                seed=seed,
                keep_f32=execution_precision == "f32",
                on_stage=say,
                difference=difference_beside(folder),
                explain=explain,
            )
            verification = built.verification and certified(
                built.verification,
                File(source.path, source.sha256),
                File(folder / "model.xml", ir_hash(scratch / "model.xml")),
                data=demand.files,
                options=recorded(
                    data=file_names(data),
                    sample_rate=sample_rate,
                    tolerance=tolerance,
                    weights=weights,
                    allow_code=allow_code,
                    plugins=plugins,
                    signature=signature,
                    input_values=input_values,
                    dynamic=dynamic,
                    seed=seed,
                ),
                threads=count,
            )
            conversion = Conversion(
                output=folder,
                target=target,
                openvino_version=openvino_version,
                execution_precision=execution_precision,
                source=source,
                original=normalization.original,
                interface=normalization.interface,
                normalization=built.chosen.normalization,
                rank=built.chosen.rank,
                ops=built.written.ops,
                verification=verification,
                benchmark=None if built.benchmark is None else judged(built.benchmark, limits),
                artifacts=artifacts_in(scratch),
                warnings=(*warnings_of(source), *_branches(built.chosen.graph), *built.caveats(device)),
                graph=graph_change(source.graph.graph, built.chosen.graph.graph),
                options=asked,
            )
            write_documents(conversion, scratch)
    return conversion


def normalize(
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
    verify: bool = True,
    threads: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Normalized:
    """Writes a model as ONNX or as a Keras file, channel-last unless told otherwise, and proves the file equal.

    output      the file to write, `<stem>_normalized.onnx` by default; an earlier result of ovprep is replaced. Its
                suffix decides: `.onnx` is the canonical graph. `.keras` and `.h5` are a model for Keras 3: a Keras
                model keeps its layers, each in the other data format where it has one; any other model is written
                anew, as `ovprep.to_keras` does

    The layout of `interface` is that of the layers of a Keras file, too: "ncw" makes them channels_first, "keep" leaves
    the inputs and outputs alone. An ONNX file that is "ncw" from end to end has layers and weights as PyTorch's modules
    have them, which `torch_state` reads. The other parameters, and what is raised, are those of `convert`.
    """
    say = on_progress or (lambda stage: None)
    count = _checked_options(3, 1.0, threads)
    require_seed(seed)
    with as_file(model) as path:
        return write_normalized(
            Job(
                path,
                Path(output) if output is not None else Path(f"{path.stem}_normalized.onnx"),
                read_options(weights, allow_code, plugins, signature, input_values),
                tuple(dynamic),
                interface or InterfaceOptions(),
                verify,
                count,
                seed,
                say,
            )
        )


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


def read_options(
    weights: str | os.PathLike[str] | None,
    allow_code: bool,
    plugins: Sequence[str],
    signature: str | None,
    values: Mapping[str, float] | None,
) -> ReadOptions:
    """How a model is read, from the arguments of a call."""
    fixed = tuple(InputValue(name, number) for name, number in (values or {}).items())
    return ReadOptions(None if weights is None else Path(weights), allow_code, tuple(plugins), signature, fixed)


def _checked_options(rank: Rank, seconds: float, threads: int | None) -> int:
    """The number of threads, once all options make sense."""
    if rank not in RANKS:
        raise OptionError(f"There is no rank {rank!r}; choose auto, 3 or 4.")
    if not 0 < seconds < float("inf"):
        raise OptionError(f"A benchmark of {seconds:g} seconds measures nothing; give a positive number.")
    return checked_threads(threads)


def _require_none_for_verification(options: Mapping[str, object]) -> None:
    """Raises OptionError for an option that is given, though nothing is verified."""
    given = [name for name, value in options.items() if is_given(value)]
    if given:
        raise OptionError(f"{given[0]} is for the verification: leave it out, or --no-verify.")


def require_seed(seed: int) -> None:
    """Raises OptionError for a seed that random numbers cannot start from."""
    if seed < 0:
        raise OptionError(f"A seed of {seed} cannot be; give 0 or more.")


def checked_threads(threads: int | None) -> int:
    """The number of threads that is asked for, or all cores of the process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads is not None and threads < 1:
        raise OptionError(f"{threads} threads cannot compute anything; give 1 or more.")
    return threads or cores


@contextmanager
def as_file(model: Any) -> Iterator[Path]:
    """The path of a model; a live Keras model is saved to a temporary file first."""
    if isinstance(model, (str, os.PathLike)):
        yield Path(model)
        return
    if not any(base.__module__.startswith("keras.") for base in type(model).__mro__) or not hasattr(model, "save"):
        raise OptionError(f"A model is a path or a keras.Model, not a {type(model).__name__}.")
    with tempfile.TemporaryDirectory(prefix="ovprep.") as folder:
        path = Path(folder) / f"{model.name}.keras"
        model.save(path)
        yield path


def _branches(graph: ir.Model) -> list[str]:
    open_ones = [str(node.name) for node in graph.graph if node.op_type == "If"]
    return [f"{name!r} branches on the inputs: only what the test signals take is compared." for name in open_ones]
