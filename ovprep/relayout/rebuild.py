"""Build the twin: every call again, on tensors in the layout that the plan says, with a Permute where layouts meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ovprep.errors import UnsupportedError
from ovprep.relayout.clone import (
    NO_CHANGE,
    carry_weights,
    clone,
    distributed_like,
    model_like,
    sequential_like,
    uncallable,
)
from ovprep.relayout.graph import Call, Graph
from ovprep.relayout.memory import remember
from ovprep.relayout.moves import Axes, Features, Move
from ovprep.relayout.plan import Plan
from ovprep.relayout.reasons import sentence
from ovprep.relayout.rules import Free, Swap
from ovprep.relayout.spread import outside


@dataclass(frozen=True)
class Permutation:
    """A Permute that the twin has and the original has not.

    name is the layer's, dims as Keras counts (without the batch), reason why its two sides cannot agree.
    """

    name: str
    dims: tuple[int, ...]
    reason: str


@dataclass
class Rebuilder:
    """Makes the twin of a graph. `permutations` and `changed` say afterwards what is different."""

    plan: Plan
    _permutes: list[tuple[Any, tuple[int, ...], str]] = field(default_factory=list)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    _clones: dict[int, Any] = field(default_factory=dict)
    _changes: dict[int, tuple[Call, Free]] = field(default_factory=dict)
    _tensors: dict[tuple[int, Move | None], Any] = field(default_factory=dict)
    _makers: dict[int, tuple[Call, Graph]] = field(default_factory=dict)
    # The layers of the graph in the making, as they are called. In a Sequential a layer stands for what it makes.
    _line: list[Any] = field(default_factory=list)

    @property
    def permutations(self) -> tuple[Permutation, ...]:
        """The Permutes that came in."""
        return tuple(Permutation(layer.name, dims, reason) for layer, dims, reason in self._permutes)

    def twin(self, graph: Graph) -> Any:
        """The twin of the whole model, with its weights."""
        for part in graph.walk():
            self._clones[id(part.model)] = self._model(part)
        for key, (call, change) in self._changes.items():
            operation = call.operation
            if hasattr(operation, "variables") and hasattr(self._clones[key], "variables"):
                carry_weights(operation, self._clones[key], change)
            if change.one_way:
                tensors = (*call.inputs, *call.outputs)
                remember(operation, self._clones[key], [self.plan.move(call, tensor) for tensor in tensors])
        return self._clones[id(graph.model)]

    def _model(self, graph: Graph) -> Any:
        from keras import tree

        self._line = []
        self._taken = {call.operation.name for call in graph.calls}
        for call in graph.calls:
            self._call(call, graph)
        outputs = {id(t): self._output(graph, t) for t in graph.outputs}
        if graph.is_sequential:
            return sequential_like(graph.model, self._layers_in_line(graph))
        starts = {id(t): self._tensors[id(t), self.start(graph, t)] for t in graph.inputs}
        inside = graph.model._inputs_struct, graph.model._outputs_struct
        inputs = tree.map_structure(lambda t: starts[id(t)], inside[0])
        return model_like(graph.model, inputs, tree.map_structure(lambda t: outputs[id(t)], inside[1]))

    def _output(self, graph: Graph, tensor: Any) -> Any:
        """What the twin returns. A Permute at the end takes over the output's name from a layer without weights."""
        before = len(self._permutes)
        made = self._fetch(tensor, self.end(graph, tensor))
        maker = self._clones.get(id(tensor._keras_history.operation))
        is_new = len(self._permutes) > before
        if is_new and maker and type(maker).__name__ != "InputLayer" and not getattr(maker, "variables", ()):
            permute = self._permutes[-1][0]
            permute.name, maker.name = maker.name, permute.name
        return made

    def _layers_in_line(self, graph: Graph) -> list[Any]:
        """The layers of a Sequential, which computes masks itself."""
        from keras import layers

        masks = any(len(call.inputs) > 1 for call in graph.calls)
        if masks and any(type(layer) is layers.Permute for layer in self._line if layer not in self._clones.values()):
            raise UnsupportedError(
                f"{graph.model.name!r} hands on a mask, which would not pass the Permute that it needs: "
                "build it as a Functional model."
            )
        return [each for each in self._line if isinstance(each, layers.Layer)]

    def start(self, graph: Graph, tensor: Any) -> Move | None:
        """How the twin has an input of the graph."""
        call = next(call for call in graph.calls if any(t is tensor for t in call.outputs))
        return self.plan.move(call, tensor)

    def end(self, graph: Graph, tensor: Any) -> Move | None:
        """How the twin has an output of the graph."""
        return self.plan.moves.get(id(tensor)) if (id(graph), id(tensor)) in self.plan.ends else None

    def _reads(self, call: Call, tensor: Any, inner: Any) -> Move | None:
        """How a call has a tensor that it reads; `inner` is the same value inside of a nested model."""
        if call.nested:
            return outside(call, self.start(call.nested, inner))
        return self.plan.move(call, tensor)

    def _makes(self, call: Call, tensor: Any, inner: Any) -> Move | None:
        """How a call has a tensor that it makes; `inner` is the same value inside of a nested model."""
        if call.nested:
            return outside(call, self.end(call.nested, inner))
        return self.plan.move(call, tensor)

    def _call(self, call: Call, graph: Graph) -> None:
        ruling = self.plan.rulings[id(call)]
        if isinstance(ruling, Swap) and id(call) in self.plan.moving:
            self._dissolve(call)
            return
        change = ruling if isinstance(ruling, Free) and id(call) in self.plan.moving else NO_CHANGE
        operation = self._operation(call, change)
        if not call.inputs:
            made = [operation if graph.is_sequential else operation.output]
        else:
            args, kwargs = self._arguments(call, graph)
            if change.arguments:
                args, kwargs = change.arguments((args, kwargs))
            made = [operation] if graph.is_sequential else _called(operation, args, kwargs)
        self._line.append(operation)
        inner = call.nested.outputs if call.nested else call.outputs
        for old, inside, new in zip(call.outputs, inner, made, strict=True):
            self._makers[id(old)] = call, graph
            self._tensors[id(old), self._makes(call, old, inside)] = new

    def _operation(self, call: Call, change: Free) -> Any:
        key = id(call.operation)
        if call.each_step and call.nested and key not in self._clones:
            self._clones[key] = distributed_like(call.operation, self._clones[id(call.nested.model)])
        if key not in self._clones:
            self._clones[key] = clone(call.operation, change)
            self._changes[key] = call, change
            if change.config or change.weights:
                self.changed[call.operation.name] = dict(change.config)
        return self._clones[key]

    def _arguments(self, call: Call, graph: Graph) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's arguments with the twin's tensors in them, in the order in which `call.inputs` has them."""
        from keras import tree

        inner = iter(call.nested.inputs if call.nested else call.inputs)

        def fill(argument: Any) -> Any:
            if type(argument).__name__ != "KerasTensor":
                return argument
            return self._fetch(argument, self._reads(call, argument, next(inner)), (call, graph))

        args, kwargs = tree.map_structure(fill, (call.node.arguments.args, call.node.arguments.kwargs))
        return args, kwargs

    def _dissolve(self, call: Call) -> None:
        """A Permute between the two layouts: each side is the other one moved."""
        before, after = call.inputs[0], call.outputs[0]
        pairs = ((None, self.plan.moves[id(after)]), (self.plan.moves[id(before)], None))
        for side, other in pairs:
            if (id(before), side) in self._tensors:
                self._tensors[id(after), other] = self._tensors[id(before), side]
        self._makers[id(after)] = self._makers[id(before)]

    def _fetch(self, tensor: Any, move: Move | None, reader: tuple[Call, Graph] | None = None) -> Any:
        """The twin's tensor in this layout; a Permute makes it where there is none yet."""
        if (id(tensor), move) not in self._tensors:
            have, there = next((m, t) for (key, m), t in self._tensors.items() if key == id(tensor))
            assert not isinstance(move, Features)  # the plan never tears features
            assert not isinstance(have, Features)
            rank = tuple(range(len(tensor.shape)))
            way = (have.inverse if have else Axes(rank)).then(move or Axes(rank))
            told = sentence(*reader, self.plan) if reader else "the output of the model"
            reason = f"{sentence(*self._makers[id(tensor)], self.plan)}, {told}"
            layer = self._permute(tensor, way.perm[1:], reason)
            self._tensors[id(tensor), move] = layer if any(there is each for each in self._line) else layer(there)
        return self._tensors[id(tensor), move]

    def _permute(self, tensor: Any, dims: tuple[int, ...], reason: str) -> Any:
        from keras import layers

        base = name = f"{tensor._keras_history.operation.name}_permute"
        count = 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        layer = layers.Permute(dims, name=name, dtype=tensor.dtype if "float" in tensor.dtype else None)
        self._permutes.append((layer, dims, reason))
        self._line.append(layer)
        return layer


def _called(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The outputs of a call. Raises UnsupportedError, with its name, where it does not take the moved tensors."""
    from keras import tree

    try:
        outputs = operation(*args, **kwargs)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise uncallable(operation, error) from error
    flat: list[Any] = tree.flatten(outputs)
    return flat
