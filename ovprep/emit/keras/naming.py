"""Names for layers: those of the PyTorch modules where the weights tell, else those of the nodes."""

import re

import onnx_ir as ir

_PARAMETER = re.compile(r"\.(weight|bias|gamma|beta|weight_(ih|hh)(_l\d+)?(_reverse)?)$")


class Names:
    """Gives each layer of a model a name of its own."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)

    def take(self, wanted: str) -> str:
        """The name made valid for Keras, with a number where it is taken."""
        clean = re.sub(r"\W+", "_", wanted.replace(".", "_")).strip("_") or "layer"
        name, number = clean, 1
        while name in self._taken:
            name, number = f"{clean}_{number}", number + 1
        self._taken.add(name)
        return name


def valid(name: str) -> str:
    """A name that Keras takes, and that its files can hold."""
    return re.sub(r"[^\w.]+", "_", name).strip("_") or "tensor"


def names_of_inputs(graph: ir.Graph) -> dict[ir.Value, str]:
    """A name that Keras takes for each input; two that become one (`x/1`, `x_1`) are told apart by a number."""
    found: dict[ir.Value, str] = {}
    for value in graph.inputs:
        name, number = valid(str(value.name)), 1
        while name in found.values():
            name, number = f"{valid(str(value.name))}_{number}", number + 1
        found[value] = name
    return found


def base_name(node: ir.Node) -> str:
    """`blocks.0.conv` for a node whose weights are `blocks.0.conv.weight`, `/blocks/0/Conv` or `node_conv1d` else."""
    for value in node.inputs:
        if value is not None and value.is_initializer() and _PARAMETER.search(value.name or ""):
            return _PARAMETER.sub("", value.name or "")
    parts = [part for part in str(node.name).split("/") if part]
    if len(parts) > 1 and re.fullmatch(rf"{node.op_type}(_\d+)?", parts[-1]) and node.op_type not in _PLAIN:
        parts.pop()
    return re.sub(r"^node_", "", "_".join(parts))


_PLAIN = frozenset({"Add", "Concat", "Mul", "Sub", "Div"})
"""Ops that many a module has several of, beside what it is named for."""
