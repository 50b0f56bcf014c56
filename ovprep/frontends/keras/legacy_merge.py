"""Sequential models of Keras 1 that begin with a Merge of other models: the same layers as a Functional model."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ovprep.errors import ModelError, UnsupportedError

Config = dict[str, Any]
Tensor = list[Any]
"""What a layer takes, as a file has it: the name of the layer that gives it, the number of its call, of its output."""


def begins_with_branches(entries: Any) -> bool:
    """Whether the first of a Sequential model's layers holds models, as only a Merge of Keras 1 does."""
    return isinstance(entries, list) and bool(entries) and _branches_of(entries[0]) is not None


def as_functional(entries: Sequence[Mapping[str, Any]], name: str) -> Config:
    """The configuration of a Functional model with the layers of all branches, of the merge, and of what follows.

    Keras 1 stores the weights of such a model in the same way: each layer of a branch is one of the whole model.
    Raises UnsupportedError for a branch that is neither Sequential nor has one output, ModelError for one that is not
    complete.
    """
    try:
        return _joined(entries, name)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ModelError(f"The model merges models that are not complete: {type(error).__name__} {error}.") from error


def _joined(entries: Sequence[Mapping[str, Any]], name: str) -> Config:
    merge, *rest = entries
    layers: list[Config] = []
    inputs: list[Tensor] = []
    ends = [_branch(branch, layers, inputs) for branch in _branches_of(merge) or ()]
    config = {key: value for key, value in merge["config"].items() if key != "layers"}
    layers.append({"class_name": merge["class_name"], "config": config, "inbound_nodes": [ends]})
    end = _chain(rest, [config["name"], 0, 0], layers)
    return {"name": name, "layers": layers, "input_layers": inputs, "output_layers": [end]}


def _branches_of(entry: Any) -> list[Any] | None:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    branches = config.get("layers") if isinstance(config, Mapping) and "mode" in config else None
    return branches if isinstance(branches, list) and branches else None


def _branch(entry: Mapping[str, Any], layers: list[Config], inputs: list[Tensor]) -> Tensor:
    """Adds the layers of one branch and its inputs; returns the tensor that it gives."""
    config = entry["config"]
    if entry["class_name"] == "Sequential":
        entries = config if isinstance(config, list) else config["layers"]
        first, *_ = entries
        shape = first["config"].get("batch_input_shape")
        name = f"{first['config']['name']}_input"
        own = {"name": name, "batch_input_shape": shape, "dtype": first["config"].get("input_dtype")}
        layers.append({"class_name": "InputLayer", "config": own, "inbound_nodes": []})
        inputs.append([name, 0, 0])
        return _chain(entries, inputs[-1], layers)
    if entry["class_name"] not in ("Functional", "Model") or len(config["output_layers"]) != 1:
        raise UnsupportedError(
            f"The model merges a {entry['class_name']} that is not Sequential or has not one output, "
            "which ovprep does not handle."
        )
    layers += config["layers"]
    inputs += config["input_layers"]
    end: Tensor = config["output_layers"][0]
    return end


def _chain(entries: Iterable[Mapping[str, Any]], begin: Tensor, layers: list[Config]) -> Tensor:
    """Adds layers that take one after the other; returns the tensor that the last one gives."""
    end = begin
    for entry in entries:
        layers.append({**entry, "inbound_nodes": [[end]]})
        end = [entry.get("name") or entry["config"]["name"], 0, 0]
    return end
