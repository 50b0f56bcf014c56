"""A model on one side of a comparison: where it is, what runs it, and what it takes and gives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import ModelError, RuntimeFailure, UnsupportedError
from ovprep.frontends.fixed_inputs import with_values
from ovprep.frontends.formats import runtime_of
from ovprep.frontends.open import read_model
from ovprep.frontends.source import Source, sha256_of
from ovprep.interface import Interface
from ovprep.options import InterfaceOptions, ReadOptions
from ovprep.passes.pipeline import ANY_RUNTIME, normalize
from ovprep.proof.inputs.demand import stated_rate
from ovprep.report.folder import MANIFEST
from ovprep.tasks.reading import read_opened
from ovprep.tasks.verifying.certifying import ir_hash
from ovprep.workers.contender import Contender

if TYPE_CHECKING:
    import onnx_ir as ir


@dataclass(frozen=True, eq=False)
class Side:
    """A model that is compared with another.

    `names` are other names of its inputs and outputs, by their own. `canonical` is its graph in canonical form, with
    the interface `graph_interface`: the same inputs and outputs; None for a model that is run and not read, as an IR.
    `rate` is the number of samples per second that the file says it takes. `notes` are what a reader should know.
    """

    path: Path
    format: str
    framework: str
    sha256: str
    contender: Contender
    interface: Interface
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    source: Source | None = None
    canonical: "ir.Model | None" = None
    graph_interface: Interface | None = None
    rate: int | None = None
    notes: tuple[str, ...] = ()


def open_original(path: Path, options: ReadOptions, dynamic: Sequence[str], threads: int) -> Side:
    """The model that another is held against; where ovprep does not cover it, as its runtime tells it.

    Raises ModelError where there is none, OptionError where it is not what the options want, RuntimeFailure where it
    can neither be read nor run.
    """
    path = model_in(path)
    if path.suffix.lower() == ".xml":
        return open_ir(path, "original")
    try:
        return _side_of(read_opened(path, options, dynamic, None), "original")
    except UnsupportedError as error:
        return _open_unread(path, "original", options, threads, error)


def open_candidate(path: Path, options: ReadOptions, threads: int) -> Side:
    """The model that is held against the original; of the values that `options` give to inputs it takes those it has.

    Raises what `open_original` does.
    """
    path = model_in(path)
    if path.suffix.lower() == ".xml":
        return open_ir(path, "candidate")
    own = ReadOptions(allow_code=options.allow_code, plugins=options.plugins)
    try:
        source = read_model(path, own)
    except UnsupportedError as error:
        return _open_unread(path, "candidate", own, threads, error)
    names = {port.name for port in source.interface.inputs}
    values = [value for value in options.values if value.name in names]
    return _side_of(with_values(source, values) if values else source, "candidate")


def model_in(path: Path) -> Path:
    """The IR in a folder that `ovprep convert` wrote; any other path as it is."""
    manifest = path / MANIFEST
    if not path.is_dir() or not manifest.exists():
        return path
    try:
        content = json.loads(manifest.read_text("utf-8"))
        return path / str(content["model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{manifest} is no manifest of ovprep: convert the model again.") from error


_HALVED = (
    "The {} stores its weights in float16, as ovc does unless told otherwise (--compress_to_fp16=False): what they "
    "were rounded by is part of the difference."
)
_QUANTISED = (
    "The {} is quantised (FakeQuantize), which float32 rounding does not explain: --tolerance says how much it may "
    "differ."
)


def open_ir(path: Path, label: str) -> Side:
    """An IR (.xml). Raises ModelError where there is none that OpenVINO can read."""
    from ovprep.workers.ir_file import read_ir

    if not path.exists():
        raise ModelError(f"There is no file {path}.")
    found = read_ir(path)
    notes = [text.format(label) for text, is_so in ((_HALVED, found.halved), (_QUANTISED, found.quantised)) if is_so]
    return Side(
        path=path,
        format="openvino-ir",
        framework="openvino",
        sha256=ir_hash(path),
        contender=Contender(label, "openvino", path),
        interface=found.interface,
        names=found.names,
        notes=tuple(notes),
    )


def _open_unread(path: Path, label: str, options: ReadOptions, threads: int, reason: UnsupportedError) -> Side:
    from ovprep.workers.probe import probe

    contender = Contender(label, runtime_of(path), path, options=options)
    try:
        interface = probe(contender, threads)
    except RuntimeFailure as error:
        raise RuntimeFailure(f"{reason} Nor can it be run: {error}") from error
    return Side(
        path=path,
        format=path.suffix.lower().lstrip(".") or "saved-model",
        framework="",
        sha256=sha256_of(path),
        contender=contender,
        interface=interface,
        notes=(f"The {label} is run and not read: {reason}",),
    )


def _side_of(source: Source, label: str) -> Side:
    graph = source.graph.clone()
    done = normalize(graph, InterfaceOptions(layout="keep"), purpose=ANY_RUNTIME)
    return Side(
        path=source.path,
        format=source.format,
        framework=source.framework,
        sha256=source.sha256,
        contender=Contender(label, source.runtime, source.path, options=source.options),
        interface=done.original,
        source=source,
        canonical=graph,
        graph_interface=done.interface,
        rate=stated_rate(source.graph),
    )
