"""Small edits that keep a graph consistent."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.names import unique_name


def replace_value(graph: ir.Graph, old: ir.Value, new: ir.Value, keep: ir.Node | None = None) -> None:
    """Lets everything that uses `old` use `new`, except the node `keep`.

    Where `old` is an output of the graph, `new` becomes that output and takes its name, which belongs to the interface.
    """
    for user, index in list(old.uses()):
        if user is not keep:
            user.replace_input_with(index, new)
    if old.is_graph_output():
        name = old.name
        old.name = unique_name(graph, f"{name}/inner")
        new.name = name
        for index, output in enumerate(graph.outputs):
            if output is old:
                graph.outputs[index] = new


def readers_of(graph: ir.Graph, value: ir.Value) -> list[ir.Node] | None:
    """The nodes that use a value, None where one of them stands in a branch or a body, which few edits reach into."""
    users = [user for user, _ in value.uses()]
    return users if all(user.graph is graph for user in users) else None


def given_shape(
    graph: ir.Graph, output: ir.Value, shape: ir.Shape, back: str, axis: int, readers: set[tuple[ir.Node, int]]
) -> ir.Value:
    """Gives an output the shape that its node now makes, with one axis of size one more or less.

    Returns what its other readers have: the output where there are none but `readers` (node, input), which know the
    new shape, else what `back` ("Squeeze" or "Unsqueeze" at `axis`) makes of it.
    """
    before, node = output.shape, output.producer()
    output.shape = shape
    if not output.is_graph_output() and all(use in readers for use in map(tuple, output.uses())):
        return output
    after = Builder(graph, str(node.name) if node is not None else "", after=node)
    made = after.op(back, output, after.ints(axis, name="axes"))
    made.shape = before
    replace_value(graph, output, made, keep=made.producer())
    return made


def leave_out(graph: ir.Graph, node: ir.Node) -> bool:
    """Gives the users of a node its first input, which has the same elements; False where an output needs the node."""
    source, output = node.inputs[0], node.outputs[0]
    if source is None or (output.is_graph_output() and (source.producer() is None or source.is_graph_output())):
        return False
    replace_value(graph, output, source)
    return True


def remove_unused(graph: ir.Graph) -> int:
    """Removes nodes whose outputs nobody uses, and initialisers likewise; returns the number of nodes."""
    removed = 0
    for node in reversed(list(graph)):
        if not any(output.uses() or output.is_graph_output() for output in node.outputs):
            release_branches(node)
            graph.remove(node, safe=True)
            removed += 1
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
            del graph.initializers[name]
    return removed


def release_branches(node: ir.Node) -> None:
    """Lets the bodies of a node that goes use nothing of the graph around them any more."""
    for body in branches_of(node):
        for inner in body.all_nodes():
            for index in range(len(inner.inputs)):
                inner.replace_input_with(index, None)


def branches_of(node: ir.Node) -> list[ir.Graph]:
    """The graphs that a node holds: branches of an If, bodies of a Loop or a Scan."""
    found: list[ir.Graph] = []
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            found.append(attribute.as_graph())
        elif attribute.type == ir.AttributeType.GRAPHS:
            found += attribute.as_graphs()
    return found
