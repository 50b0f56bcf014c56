"""Gives the model the interface that the caller asked for: channel-last, unless told otherwise."""

import onnx_ir as ir

from ovprep.errors import OptionError
from ovprep.graph.builder import Builder
from ovprep.graph.names import unique_name
from ovprep.graph.sizes import fix_sizes
from ovprep.interface import Interface, Port
from ovprep.layout.letters import infer_interface
from ovprep.options import InterfaceOptions
from ovprep.passes.change import Change


def lay_out_interface(model: ir.Model, options: InterfaceOptions) -> Change | None:
    """Turns every input and output with known axes to its wanted layout; the layout pass sees to the Transposes.

    x [N, C, W] -> Conv -> y [N, C, W]
    becomes
    x [N, W, C] -> Transpose -> Conv -> Transpose -> y [N, W, C]

    Raises OptionError for a layout that is asked of a tensor that there is not, or whose axes nothing explains.
    """
    before = infer_interface(model)
    _require_known(before, options)
    turned = _turn_inputs(model.graph, before, options) + _turn_outputs(model.graph, before, options)
    if not turned:
        return None
    ways = sorted({f"{old} to {new}" for _, old, new in turned})
    names = tuple(name for name, _, _ in turned)
    return Change(f"turned {', '.join(names)} ({', '.join(ways)})", names)


def fix_shapes(model: ir.Model, options: InterfaceOptions) -> None:
    """Gives open axes of the inputs, which are still as in the original, the sizes that the caller asked for.

    Raises OptionError where there is no such input, or the model has another size there.
    """
    interface = infer_interface(model)
    sizes: dict[str, int] = {}
    for name in options.shapes.keys() - {port.name for port in interface.inputs}:
        raise OptionError(f"There is no input {name!r}; the model has {_names(interface.inputs)}.")
    for port in interface.inputs:
        for dim, size in zip(port.dims, _wanted_dims(port, options), strict=True):
            if size is None or dim == size:
                continue
            if isinstance(dim, int) or sizes.setdefault(dim, size) != size:
                raise OptionError(f"Input {port} has {sizes.get(str(dim), dim)} where a size of {size} is asked for.")
    if sizes:
        fix_sizes(model, sizes, rest_open=True)


def _wanted_dims(port: Port, options: InterfaceOptions) -> list[int | None]:
    """The sizes that are asked for, in the order of the original's axes."""
    wanted: list[int | None] = [None] * len(port.dims)
    given = options.shapes.get(port.name)
    if given is not None:
        if len(given) != len(port.dims):
            raise OptionError(f"The shape {list(given)} for {port} has not {len(port.dims)} axes.")
        target = _wanted_layout(port, options)
        # The same layout may have several "?", which have no index.
        wanted = list(given) if target == port.layout else [given[target.index(letter)] for letter in port.layout]
    if options.batch is not None and "N" in port.layout:
        axis = port.layout.index("N")
        if wanted[axis] not in (None, options.batch):
            raise OptionError(f"Input {port.name!r} is to have a batch of {wanted[axis]} and one of {options.batch}.")
        wanted[axis] = options.batch
    return wanted


def _wanted_layout(port: Port, options: InterfaceOptions) -> str:
    """The letters in the wanted order; as they are where they are not all known, or no channels stand beside space."""
    word, spatial = options.layout_of(port.name), [letter for letter in port.layout if letter not in "NC"]
    if word == "keep" or "?" in port.layout or not port.layout.startswith("N") or "C" not in port.layout or not spatial:
        return port.layout
    order = [*spatial, "C"] if word == "nwc" else ["C", *spatial]
    return "".join(["N", *order])


def _require_known(interface: Interface, options: InterfaceOptions) -> None:
    ports = {port.name: port for port in (*interface.inputs, *interface.outputs)}
    for name, word in options.layouts.items():
        if name not in ports:
            raise OptionError(f"There is no input or output {name!r}; the model has {_names(tuple(ports.values()))}.")
        if word != "keep" and "?" in ports[name].layout:
            raise OptionError(f"Nothing in the model tells what the axes of {ports[name]} mean; it can only be kept.")


def _names(ports: tuple[Port, ...]) -> str:
    return ", ".join(port.name for port in ports)


def _turn_inputs(graph: ir.Graph, interface: Interface, options: InterfaceOptions) -> list[tuple[str, str, str]]:
    turned = []
    for index, port in enumerate(interface.inputs):
        layout = _wanted_layout(port, options)
        if layout == port.layout:
            continue
        old = graph.inputs[index]
        old.name = unique_name(graph, f"{port.name}/{port.layout.lower()}")
        assert old.shape is not None
        dims = [old.shape[port.layout.index(letter)] for letter in layout]
        new = ir.val(port.name, dtype=old.dtype, shape=ir.Shape(dims))
        graph.inputs[index] = new
        back = [layout.index(letter) for letter in port.layout]
        inside = Builder(graph, port.name, before=graph[0]).op("Transpose", new, perm=back)
        old.replace_all_uses_with(inside, replace_graph_outputs=True)
        turned.append((port.name, port.layout, layout))
    return turned


def _turn_outputs(graph: ir.Graph, interface: Interface, options: InterfaceOptions) -> list[tuple[str, str, str]]:
    turned = []
    for index, port in enumerate(interface.outputs):
        layout = _wanted_layout(port, options)
        if layout == port.layout:
            continue
        old = graph.outputs[index]
        old.name = unique_name(graph, f"{port.name}/{port.layout.lower()}")
        perm = [port.layout.index(letter) for letter in layout]
        new = Builder(graph, port.name).op("Transpose", old, perm=perm)
        new.name = port.name
        graph.outputs[index] = new
        turned.append((port.name, port.layout, layout))
    return turned
