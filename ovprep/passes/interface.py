"""Gives the model the interface that the caller asked for: channel-last, unless told otherwise."""

from dataclasses import replace

import onnx_ir as ir

from ovprep.errors import OptionError
from ovprep.graph.builder import Builder
from ovprep.graph.constants import ints_of
from ovprep.graph.names import unique_name
from ovprep.graph.shapes import dims_of
from ovprep.graph.sizes import fix_sizes
from ovprep.interface import BATCH, Interface, Port
from ovprep.options import InterfaceOptions
from ovprep.passes.change import Change

HEIGHT = "H"
"""The axis of size one, before the length, that tensors of rank 3 have at an interface of rank 4."""


def wanted_interface(original: Interface, options: InterfaceOptions) -> Interface:
    """The original's interface with the layouts that the caller asked for, where its axes are known.

    Raises OptionError for a layout that is asked of a tensor that there is not, or whose axes nothing explains.
    """
    ports = {port.name: port for port in (*original.inputs, *original.outputs)}
    for name, word in options.layouts.items():
        if name not in ports:
            raise OptionError(f"There is no input or output {name!r}; the model has {', '.join(ports)}.")
        if word != "keep" and "?" in ports[name].layout:
            raise OptionError(f"Nothing in the model tells what the axes of {ports[name]} mean; it can only be kept.")

    def turned(port: Port) -> Port:
        layout = _wanted_layout(port, options)
        if layout == port.layout:
            return port
        return replace(port, dims=tuple(port.dims[port.layout.index(letter)] for letter in layout), layout=layout)

    return Interface(tuple(map(turned, original.inputs)), tuple(map(turned, original.outputs)))


def lay_out_interface(model: ir.Model, original: Interface, wanted: Interface) -> Change | None:
    """Turns inputs and outputs to their wanted layouts; the layout pass sees to the Transposes.

    x [N, C, W] -> Conv -> y [N, C, W]
    becomes
    x [N, W, C] -> Transpose -> Conv -> Transpose -> y [N, W, C]
    """
    graph = model.graph
    turned = []
    for turn, before, after in (
        (_turn_input, original.inputs, wanted.inputs),
        (_turn_output, original.outputs, wanted.outputs),
    ):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            if old.layout != new.layout:
                turn(graph, index, old, new)
                turned.append((old.name, f"{old.layout} to {new.layout}"))
    if not turned:
        return None
    names = tuple(name for name, _ in turned)
    return Change(f"turned {', '.join(names)} ({', '.join(sorted({way for _, way in turned}))})", names)


def raised_interface(wanted: Interface, options: InterfaceOptions) -> Interface:
    """The wanted interface with a height of one in tensors of rank 3, where the caller asked for rank 4.

    `[N, W, C]` becomes `[N, 1, W, C]`, and `[N, C, W]` becomes `[N, C, 1, W]`.
    """

    def raised(port: Port) -> Port:
        layout = _with_height(port.layout, options)
        if layout == port.layout:
            return port
        axis = layout.index(HEIGHT)
        return replace(port, dims=(*port.dims[:axis], 1, *port.dims[axis:]), layout=layout)

    return Interface(tuple(map(raised, wanted.inputs)), tuple(map(raised, wanted.outputs)))


def raise_interface(model: ir.Model, before: Interface, after: Interface) -> Change | None:
    """Gives inputs and outputs the height that `after` has and `before` has not; nothing moves.

    x [N, W, C] -> Conv -> y [N, W, C]
    becomes
    x [N, 1, W, C] -> Squeeze -> Conv -> Unsqueeze -> y [N, 1, W, C]
    """
    names = []
    for raise_one, old_ports, new_ports in (
        (_raise_input, before.inputs, after.inputs),
        (_raise_output, before.outputs, after.outputs),
    ):
        for index, (old, new) in enumerate(zip(old_ports, new_ports, strict=True)):
            if old.layout != new.layout:
                raise_one(model.graph, index, new.layout.index(HEIGHT))
                names.append(old.name)
    return Change(f"gave {', '.join(names)} an axis of size one", tuple(names)) if names else None


def fix_shapes(model: ir.Model, interface: Interface, options: InterfaceOptions) -> None:
    """Gives open axes of the inputs, which are still as in the original, the sizes that the caller asked for.

    `interface` is the model's own. Raises OptionError where there is no such input, or the model has another size
    there.
    """
    sizes: dict[str, int] = {}
    for name in options.shapes.keys() - {port.name for port in interface.inputs}:
        names = ", ".join(port.name for port in interface.inputs)
        raise OptionError(f"There is no input {name!r}; the model has {names}.")
    for port in interface.inputs:
        for dim, size in zip(port.dims, _wanted_dims(port, options), strict=True):
            if size is None or dim == size:
                continue
            if isinstance(dim, int) or sizes.setdefault(dim, size) != size:
                raise OptionError(f"Input {port} has {sizes.get(str(dim), dim)} where a size of {size} is asked for.")
    if sizes:
        empty = set(_empty_outputs(model))
        fix_sizes(model, sizes, rest_open=True)
        names = ", ".join(port.name for port in interface.inputs if sizes.keys() & set(port.dims))
        for value in _empty_outputs(model):
            if value not in empty:
                raise OptionError(
                    f"The sizes asked for {names} are too small for {_name_of(value)!r}, whose output would be empty."
                )
        for node in _short_mirrors(model):  # which OpenVINO's reader does not survive
            raise OptionError(
                f"The sizes asked for {names} are too small for {str(node.name)!r}, which mirrors more than there is."
            )


def _empty_outputs(model: ir.Model) -> list[ir.Value]:
    values = [output for node in model.graph for output in node.outputs]
    return [value for value in values if any(isinstance(dim, int) and dim < 1 for dim in value.shape or ())]


def _short_mirrors(model: ir.Model) -> list[ir.Node]:
    """The Pads that reflect more places of an axis than it has beside its first and last."""
    found = []
    for node in model.graph:
        if node.op_type != "Pad" or node.attributes.get_string("mode", "constant") != "reflect":
            continue
        source, pads = node.inputs[0], ints_of(node, "pads", 1)
        if source is None or source.shape is None or pads is None:
            continue
        dims = dims_of(source)
        axes = ints_of(node, "axes", 3) or tuple(range(len(dims)))
        sizes = [
            (dims[axis], before, after) for axis, before, after in zip(axes, pads, pads[len(axes) :], strict=False)
        ]
        if any(size is not None and max(before, after) >= size for size, before, after in sizes):
            found.append(node)
    return found


def _name_of(value: ir.Value) -> str:
    node = value.producer()
    return str(node.name if node is not None and node.name else value.name)


def _wanted_dims(port: Port, options: InterfaceOptions) -> list[int | None]:
    """The sizes that are asked for, in the order of the original's axes."""
    wanted: list[int | None] = [None] * len(port.dims)
    given = options.shapes.get(port.name)
    if given is not None:
        target = _with_height(_wanted_layout(port, options), options)
        if len(given) != len(target):
            raise OptionError(f"The shape {list(given)} for {port} has not {len(target)} axes.")
        if HEIGHT in target and HEIGHT not in port.layout and given[target.index(HEIGHT)] not in (None, 1):
            raise OptionError(f"The shape {list(given)} for {port} has not the size 1 at axis {target.index(HEIGHT)}.")
        # The same layout may have several "?", which have no index.
        wanted = list(given) if target == port.layout else [given[target.index(letter)] for letter in port.layout]
    # What the ops say goes before a name, which may be wrong of a sequence with time first.
    axis = port.dims.index(BATCH) if "N" not in port.layout and BATCH in port.dims else port.layout.find("N")
    if options.batch is not None and axis >= 0:
        if wanted[axis] not in (None, options.batch):
            raise OptionError(f"Input {port.name!r} is to have a batch of {wanted[axis]} and one of {options.batch}.")
        wanted[axis] = options.batch
    return wanted


def _wanted_layout(port: Port, options: InterfaceOptions) -> str:
    """The letters in the wanted order; as they are where they are not all known, or no channels stand beside space."""
    word, spatial = options.layout_of(port.name), [letter for letter in port.layout if letter not in "NC"]
    known = port.layout.startswith("N") and "C" in port.layout and "?" not in port.layout
    if word == "keep" or not known or not spatial:
        return port.layout
    order = [*spatial, "C"] if word == "nwc" else ["C", *spatial]
    return "".join(["N", *order])


def _with_height(layout: str, options: InterfaceOptions) -> str:
    """The layout with a height before its length, where the interface shall be of rank 4 and this tensor is of rank 3.

    One whose axes are not all known keeps its rank, as does a state, whose batch is not its first axis.
    """
    if options.rank != 4 or layout not in ("NCW", "NWC"):
        return layout
    return layout.replace("W", f"{HEIGHT}W")


def _raise_input(graph: ir.Graph, index: int, axis: int) -> None:
    inside = graph.inputs[index]
    name = str(inside.name)
    inside.name = unique_name(graph, f"{name}/low")
    assert inside.shape is not None
    dims = list(inside.shape)
    outside = ir.val(name, dtype=inside.dtype, shape=ir.Shape([*dims[:axis], 1, *dims[axis:]]))
    graph.inputs[index] = outside
    build = Builder(graph, name, before=graph[0] if len(graph) else None)
    low = build.op("Squeeze", outside, build.ints(axis, name="axes"))
    inside.replace_all_uses_with(low, replace_graph_outputs=True)


def _raise_output(graph: ir.Graph, index: int, axis: int) -> None:
    inside = graph.outputs[index]
    name = str(inside.name)
    inside.name = unique_name(graph, f"{name}/low")
    build = Builder(graph, name)
    high = build.op("Unsqueeze", inside, build.ints(axis, name="axes"))
    high.name = name
    graph.outputs[index] = high


def _turn_input(graph: ir.Graph, index: int, old: Port, new: Port) -> None:
    inside = graph.inputs[index]
    inside.name = unique_name(graph, f"{old.name}/{old.layout.lower()}")
    assert inside.shape is not None
    dims = [inside.shape[old.layout.index(letter)] for letter in new.layout]
    outside = ir.val(old.name, dtype=inside.dtype, shape=ir.Shape(dims))
    graph.inputs[index] = outside
    perm = [new.layout.index(letter) for letter in old.layout]
    turned = Builder(graph, old.name, before=graph[0]).op("Transpose", outside, perm=perm)
    inside.replace_all_uses_with(turned, replace_graph_outputs=True)


def _turn_output(graph: ir.Graph, index: int, old: Port, new: Port) -> None:
    inside = graph.outputs[index]
    inside.name = unique_name(graph, f"{old.name}/{old.layout.lower()}")
    perm = [old.layout.index(letter) for letter in new.layout]
    turned = Builder(graph, old.name).op("Transpose", inside, perm=perm)
    turned.name = old.name
    graph.outputs[index] = turned
