"""What the compiled model moves about, which is what runs, whatever the IR says."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import onnx_ir as ir
import openvino

from ovprep.emit.openvino import to_openvino
from ovprep.errors import UnsupportedError
from ovprep.interface import Interface

KINDS = ("Transpose", "Reorder")
"""Layer types of the plugin that move data and compute nothing."""
_MOVES_NOTHING = "_fake"
"""How the plugin names the Reorder that stands for a Transpose and a Reorder which take each other back."""
DEVICE = "CPU"
PRECISION = "f32"


@dataclass(frozen=True)
class Move:
    """One Transpose or Reorder that runs, between the ops `source` and `reader`, which may be the plugin's own.

    `bytes` are 0 where the plugin takes the data as it lies, in another order. `order` has the memory formats before
    and after, as the plugin names them: `acb` is channel-last where `abc` is NCW.
    """

    type: str
    name: str
    source: str
    reader: str
    shape: tuple[int, ...]
    bytes: int
    order: str


@dataclass(frozen=True)
class CompiledMoves:
    """All that move data, in the order of running; where the model does not compile, `reason` says why."""

    device: str
    precision: str
    moves: tuple[Move, ...]
    reason: str | None = None


def moves_when_compiled(graph: ir.Model, interface: Interface, sizes: Mapping[str, int]) -> CompiledMoves:
    """The Transposes and Reorders of a graph as the CPU runs it, its open axes given `sizes`.

    Those of weights run once, before the first inference, and are left out.
    """
    try:
        model = to_openvino(graph, interface)
        model.reshape({port.name: openvino.PartialShape(list(port.shape(sizes))) for port in interface.inputs})
        compiled = openvino.Core().compile_model(model, DEVICE, {"INFERENCE_PRECISION_HINT": PRECISION})
    except (UnsupportedError, RuntimeError) as error:
        return CompiledMoves(DEVICE, PRECISION, (), str(error).strip().splitlines()[-1])
    running = compiled.get_runtime_model().get_ordered_ops()
    return CompiledMoves(DEVICE, PRECISION, tuple(_move(op) for op in running if _moves_data(op)))


def _moves_data(op: Any) -> bool:
    if _layer_type(op) not in KINDS:
        return False
    return _layer_type(op.input_value(0).get_node()) != "Const"


def _move(op: Any) -> Move:
    shape = tuple(op.get_output_shape(0))
    size = 0 if op.get_friendly_name().endswith(_MOVES_NOTHING) else prod(shape) * op.get_output_element_type(0).size
    return Move(
        type=_layer_type(op),
        name=op.get_friendly_name(),
        source=_name(_source(op)),
        reader=min(map(_name, _readers(op)), default=""),
        shape=shape,
        bytes=size,
        order=f"{_format(op.input_value(0).get_node())} to {_format(op)}",
    )


def _source(op: Any) -> Any:
    """What computes the data that an op moves, Reorders between left out: the plugin names them after their ends."""
    source = op.input_value(0).get_node()
    return _source(source) if _layer_type(source) == "Reorder" else source


def _readers(op: Any) -> list[Any]:
    readers = [target.get_node() for target in op.output(0).get_target_inputs()]
    return [end for node in readers for end in (_readers(node) if _layer_type(node) == "Reorder" else [node])]


def _name(op: Any) -> str:
    return str(op.get_friendly_name()).removesuffix("/WithoutBiases")


def _layer_type(op: Any) -> str:
    return _text(op, "layerType")


def _format(op: Any) -> str:
    return _text(op, "outputLayouts").split(",")[0]


def _text(op: Any, key: str) -> str:
    found = op.get_rt_info()[key]
    return str(getattr(found, "value", found))
