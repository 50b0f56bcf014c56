"""From a model file to a Keras file, `.keras` or `.h5`, in the data format that is asked for, proven as it lies there.

A Keras file keeps its layers: each gets the other data format where it has one (`ovprep.relayout`). Any other model is
written anew from its graph (`keras_writing`), and so is a file of Keras 1 or 2 that Keras 3 does not load.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import onnx_ir as ir

from ovprep import __version__
from ovprep.emit.keras.file import require_keras_place, save_keras
from ovprep.errors import ModelError, OptionError, UnsupportedError, VerificationError
from ovprep.frontends.formats import KERAS_SUFFIXES
from ovprep.frontends.keras.legacy import major_of
from ovprep.frontends.source import Source
from ovprep.interface import Interface
from ovprep.loading.keras import CannotLoad, load_with_keras_3, quiet_keras
from ovprep.options import InterfaceOptions, ReadOptions
from ovprep.passes.interface import lay_out_interface
from ovprep.passes.pipeline import ANY_RUNTIME, Normalization, PassReport, normalize
from ovprep.relayout.convert import relayout
from ovprep.relayout.equality import keras_defect
from ovprep.relayout.moves import FIRST, LAST
from ovprep.report.document import Normalized
from ovprep.report.folder import new_file
from ovprep.tasks.examine import Candidate, examine
from ovprep.tasks.normalizing.files import Job, warnings_of
from ovprep.tasks.normalizing.keras_writing import measured_graph, written_anew
from ovprep.tasks.normalizing.opaque import opaque_source
from ovprep.tasks.normalizing.relaid import changes_nothing, interfaces_of, permutes_of, reports_of
from ovprep.tasks.reading import read_opened

if TYPE_CHECKING:
    from ovprep.proof.verify import Verification


@dataclass(frozen=True)
class _Made:
    """A live model to be saved, the graph that it is measured by, with the same interface, and how it came about.

    `live` holds the original where that is a model of Keras 3, too.
    """

    model: Any
    source: Source
    graph: ir.Model
    normalization: Normalization
    warnings: tuple[str, ...] = ()
    live: tuple[Any, ...] = ()


def write_keras_file(job: Job) -> Normalized:
    """Writes the file, once what Keras loads from it has given what the original gives.

    Raises OutputError, ModelError, UnsupportedError or OptionError, VerificationError where it is not equal, and
    MissingDependencyError without Keras 3; nothing is written then.
    """
    require_keras_place(job.target)
    with quiet_keras(), new_file(job.target) as scratch:
        job.say(f"reading {job.path.name}")
        is_keras = job.path.is_file() and job.path.suffix.lower() in KERAS_SUFFIXES
        made = _from_keras(job) if is_keras else _from_graph(job, _read(job))
        job.say("writing the Keras file")
        save_keras(made.model, scratch, __version__)
        own = ReadOptions(allow_code=job.reading.allow_code, plugins=job.reading.plugins)
        if scratch.suffix == ".h5":
            _require_loadable(scratch, own)
        verification = _verified(job, made, scratch, own)
    done, defect = made.normalization, keras_defect(made.model)
    warnings = (*warnings_of(made.source), *made.warnings, *([defect] if defect else []))
    return Normalized(job.target, made.source, done.original, done.interface, done, verification, warnings)


def _verified(job: Job, made: _Made, file: Path, own: ReadOptions) -> "Verification | None":
    """Compares what a process of its own loads from the file with what another one makes of the original."""
    done = made.normalization
    try:
        return examine(
            Candidate(made.source, done.original, made.graph, done.interface, file, "keras", own),
            verifying=job.verify,
            seconds=None,
            threads=job.threads,
            seed=job.seed,
            on_stage=job.say,
        )[0]
    except VerificationError as error:
        if defect := keras_defect(made.model, *made.live):
            raise VerificationError(
                f"{error} {defect} Write the file with --no-verify if the channels_last model is the right one."
            ) from error
        raise


def _read(job: Job) -> Source:
    return read_opened(job.path, job.reading, job.dynamic, job.interface)


def _from_keras(job: Job) -> _Made:
    """The model of a Keras file, layer by layer; anew where Keras 3 does not load it, but once did."""
    source, unread = None, None
    try:
        source = _read(job)
    except UnsupportedError as error:  # layers that Keras knows, and the graph road does not: Conv3D, ConvLSTM2D
        unread = error
    try:
        model = load_with_keras_3(job.path, job.reading).model
    except CannotLoad as error:
        if source is None:
            raise unread or error from error
        if major_of(source.framework.removeprefix("keras ")) >= 3:
            raise ModelError(f"{job.path} is written for a Keras that is not at hand: {error}.") from error
        anew = f"The model was written anew, and its layers may be others: {error}."
        made = _from_graph(job, source)
        return replace(made, warnings=(*made.warnings, anew))
    if source is None:
        source = opaque_source(job.path, model, job.reading)
    return _relaid(job, replace(source, warnings=()), model)  # they are about the reading of its graph


def _relaid(job: Job, source: Source, model: Any) -> _Made:
    graph = source.graph.clone()
    read = normalize(graph, InterfaceOptions("keep"), purpose=ANY_RUNTIME)
    left, inputs = _wish(job, read.original)
    job.say("changing the data format")
    done = relayout(model, left, inputs=inputs, verify=False)
    before, after = interfaces_of(read.original, done, left)
    turned = lay_out_interface(graph, before, after)
    reports = (*([PassReport(lay_out_interface.__name__, turned)] if turned else []), *reports_of(done, left))
    normalization = Normalization(before, after, reports, permutes_of(model, done))
    return _Made(model if changes_nothing(done) else done.model, source, graph, normalization, live=(model,))


def _wish(job: Job, original: Interface) -> tuple[str, Literal["move", "keep"]]:
    """The data format that layers leave, and whether inputs and outputs follow them.

    Raises OptionError for what a model of layers cannot be given.
    """
    wanted = job.interface
    if wanted.shapes or wanted.batch or wanted.rank != 3 or job.reading.values:
        raise OptionError(
            "A Keras file keeps the shapes and the inputs of its model when it is written as one; give sizes, ranks "
            "and values of inputs to convert, or write a file that ends in .onnx."
        )
    names = [port.name for port in (*original.inputs, *original.outputs)]
    for name in wanted.layouts:
        if name not in names:
            raise OptionError(f"There is no input or output {name!r}; the model has {', '.join(names)}.")
    layout = "nwc" if wanted.layout == "keep" else wanted.layout
    words = {wanted.layout_of(name) for name in names}
    if words not in ({layout}, {"keep"}):
        raise OptionError(
            "The inputs and outputs of a Keras model follow its layers all together or not at all; give --layout nwc "
            "or ncw alone, or keep for every one of them."
        )
    return (FIRST if layout == "nwc" else LAST), ("keep" if words == {"keep"} else "move")


def _from_graph(job: Job, source: Source) -> _Made:
    """A new model with channels_last layers; channels_first ones where that is the layout asked for."""
    job.say("writing layers")
    made, done = written_anew(source, job.interface, job.path.stem)
    graph = measured_graph(source, job.interface)
    if job.interface.layout == "ncw":
        twin = relayout(made, LAST, inputs="keep", verify=False)  # the interface is as it was asked for already
        layout = replace(
            permutes_of(made, twin),
            bytes_before=done.layout.bytes_before,
            transposes_before=done.layout.transposes_before,
        )
        made, done = twin.model, replace(done, passes=(*done.passes, *reports_of(twin, LAST)), layout=layout)
    return _Made(made, source, graph, done)


def _require_loadable(path: Path, reading: ReadOptions) -> None:
    """Raises UnsupportedError where Keras cannot load what it has saved as HDF5, which holds fewer kinds of layers."""
    try:
        load_with_keras_3(path, reading)
    except CannotLoad as error:
        raise UnsupportedError(
            f"The model does not come back from an HDF5 file ({error}); write a .keras file."
        ) from error
