"""The interface of an OpenVINO IR, read off its file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovprep.errors import ModelError, UnsupportedError
from ovprep.interface import BATCH, Dim, Interface, Port
from ovprep.workers.runners.openvino import without_telemetry

_LETTERS = frozenset("NCWHD")


@dataclass(frozen=True)
class IrFile:
    """What the file of an IR tells: `names` are all that each input and output has, by its first.

    `halved` says that weights are stored in float16, `quantised` that ops compute in 8 bits or less.
    """

    interface: Interface
    names: dict[str, frozenset[str]]
    halved: bool
    quantised: bool


def read_ir(path: Path) -> IrFile:
    """Reads an IR (.xml).

    A tensor whose file states no layout has "?" for each axis; an open first axis of such a one is the batch.

    Raises ModelError where OpenVINO cannot read it, UnsupportedError where the rank of an input or output is open.
    """
    if not path.with_suffix(".bin").exists():
        raise ModelError(f"There is no file {path.with_suffix('.bin')}, which holds the weights of {path.name}.")
    try:
        model = without_telemetry().Core().read_model(path)
    except RuntimeError as error:
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "no reason given")
        raise ModelError(f"{path} is no IR that OpenVINO can read: {reason.strip().rstrip('.')}.") from error
    inputs = tuple(_port(port, f"input_{index}") for index, port in enumerate(model.inputs))
    outputs = tuple(_port(port, f"output_{index}") for index, port in enumerate(model.outputs))
    ports = zip((*inputs, *outputs), (*model.inputs, *model.outputs), strict=True)
    return IrFile(
        interface=Interface(inputs, outputs),
        names={port.name: frozenset(one.get_names()) for port, one in ports},
        halved=any(map(_is_halved, model.get_ordered_ops())),
        quantised=any(op.get_type_name() == "FakeQuantize" for op in model.get_ordered_ops()),
    )


def _is_halved(op: Any) -> bool:
    """Whether an op holds weights that are made float32 again when they are read."""
    if op.get_type_name() != "Constant" or op.get_element_type().get_type_name() != "f16":
        return False
    readers = [reader.get_node().get_type_name() for reader in op.output(0).get_target_inputs()]
    return bool(readers) and set(readers) == {"Convert"}


def _port(port: Any, otherwise: str) -> Port:
    name = str(port.get_any_name()) if port.get_names() else otherwise
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        raise UnsupportedError(f"The IR does not say what rank {name!r} has.")
    layout = _layout(port, len(shape))
    dims = tuple(
        _dim(dim, layout[axis] == "N" or (axis == 0 and "N" not in layout), f"{name}_{axis}")
        for axis, dim in enumerate(shape)
    )
    return Port(name, port.get_element_type().to_dtype().name, dims, layout)


def _dim(dim: Any, is_batch: bool, otherwise: str) -> Dim:
    if dim.is_static:
        return int(dim.get_length())
    return BATCH if is_batch else otherwise


def _layout(port: Any, rank: int) -> str:
    """The layout that the file states ("[N,W,C]"), if it says one letter for each axis."""
    stated = port.get_node().get_layout().to_string().strip("[]").split(",")
    letters = [letter if letter in _LETTERS else "?" for letter in stated]
    return "".join(letters) if len(letters) == rank else "?" * rank
