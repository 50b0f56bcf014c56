"""Which move each tensor of a model has: spread from the layers that say it over those that follow."""

from collections.abc import Iterable, Mapping

from ovprep.relayout.graph import Call, Graph
from ovprep.relayout.moves import Axes, Features, Move, lifted, lowered, move_between
from ovprep.relayout.rules import Case, entry_of, has_format


def moves_of(graph: Graph, source: str) -> dict[int, Move]:
    """The move of each tensor that has one, by its id.

    Layers with a `data_format` come first: they know the order of their axes. From them moves spread along elementwise
    layers, Permutes, Flattens and the borders of nested models, both ways. A tensor of rank 3 and more which none of
    this reaches has the move of the model's source format.
    """
    moves: dict[int, Move] = {}
    cases = [Case(call, moves, source) for call in graph.every_call()]
    for case in cases:
        if has_format(case.call):
            _settle(moves, _found(case))
    _spread(cases, moves, Axes)
    for case in cases:
        for tensor in case.call.outputs:
            if len(tensor.shape) > 2 and id(tensor) not in moves:
                moves[id(tensor)] = move_between(source, len(tensor.shape))
                _spread(cases, moves, Axes)
    _spread(cases, moves, Features)
    return moves


def _found(case: Case) -> dict[int, Move]:
    return dict(entry_of(case.call.operation).spread(case))


def _spread(cases: Iterable[Case], moves: dict[int, Move], kind: type[Move]) -> None:
    """Until nothing new of the kind follows. Features come last: what is flattened has to be known before."""
    changed = True
    while changed:
        changed = False
        for case in cases:
            found = _found(case)
            found |= _through_ports(case.call, moves)
            changed |= _settle(moves, {key: move for key, move in found.items() if isinstance(move, kind)})


def _through_ports(call: Call, moves: Mapping[int, Move]) -> dict[int, Move]:
    """The moves of a nested model's tensors outside by those inside, and the other way round."""
    found = {}
    for outer, inner in ports(call):
        if move := outside(call, moves.get(id(inner))):
            found[id(outer)] = move
        if move := inside(call, moves.get(id(outer))):
            found[id(inner)] = move
    return found


def outside(call: Call, move: Move | None) -> Move | None:
    """How a nested model's input or output moves outside, from how it moves inside."""
    if not call.each_step:
        return move
    return lifted(move) if isinstance(move, Axes) else None


def inside(call: Call, move: Move | None) -> Move | None:
    """The other way round."""
    return lowered(move) if call.each_step else move


def ports(call: Call) -> list[tuple[object, object]]:
    """The pairs of tensors outside and inside of a nested model that are one value."""
    if call.nested is None:
        return []
    inner = call.nested
    return [*zip(call.inputs, inner.inputs, strict=True), *zip(call.outputs, inner.outputs, strict=True)]


def _settle(moves: dict[int, Move], found: Mapping[int, Move]) -> bool:
    """Add what was not known; whether anything was."""
    new = {key: move for key, move in found.items() if key not in moves}
    moves.update(new)
    return bool(new)
