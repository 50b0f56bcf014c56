"""What a search for the first op that differs goes by, for two models of any origin."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import OptionError
from ovprep.frontends.source import Source
from ovprep.interface import Port
from ovprep.options import InterfaceOptions
from ovprep.passes.pipeline import normalize
from ovprep.proof.location.searching import Explain
from ovprep.proof.match import Match
from ovprep.tasks.defects import active_defects
from ovprep.tasks.sides import Side

if TYPE_CHECKING:
    import onnx_ir as ir

NOT_TRACED = "No op is searched for: that takes an original that is read, and a candidate that is read or an IR."


def trace_of(
    left: Side, right: Side, matched: Match, *, runs: bool, always: bool, folder: Path | None = None
) -> Explain | None:
    """How to search; None where that takes a graph that is not there.

    An IR is held against the graph that `convert` would write for it, as far as its tensors have those names; any other
    candidate against the original by values, since nothing else tells which tensor is which. `runs` says that the
    original itself is run, not its graph in its place. An example of the difference goes to the `folder`, where the IR
    has the inputs and outputs of that graph.
    """
    source, other = left.source, right.source
    if source is None or (other is None and right.contender.runtime != "openvino"):
        return None
    if other is not None:
        return Explain(source.graph, always=always, behind=lambda: other.graph, tensors="own")
    as_read = source.graph if runs else None
    example = folder if _has_names(right, matched) else None
    return Explain(as_read, example, always=always, behind=lambda: _written_graph(source, matched), tensors="perhaps")


def _has_names(right: Side, matched: Match) -> bool:
    """Whether an IR has the inputs and outputs of the original by these names, in this order."""
    before, after = matched.source, matched.target
    pairs = [*_both(before.inputs, after.inputs), *_both(before.outputs, after.outputs)]
    places = (matched.wiring.inputs, matched.wiring.outputs)
    return all(one.name in right.names.get(other.name, ()) for one, other in pairs) and all(
        list(place) == sorted(place) for place in places
    )


def _written_graph(source: Source, matched: Match) -> "ir.Model | None":
    """The graph of an IR with the candidate's layouts; None where `convert` writes none with these."""
    before = (*matched.source.inputs, *matched.source.outputs)
    after = (*matched.target.inputs, *matched.target.outputs)
    layouts = {
        one.name: "keep" if one.layout == other.layout else other.layout.lower() for one, other in _both(before, after)
    }
    graph = source.graph.clone()
    try:
        done = normalize(graph, InterfaceOptions(layouts=layouts), active_defects())
    except OptionError:  # a word that is no layout, or one that this tensor cannot have
        return None
    ports = (*done.interface.inputs, *done.interface.outputs)
    same = all(len(one.dims) == len(other.dims) for one, other in _both(ports, after))
    return graph if same else None


def _both(first: Sequence[Port], second: Sequence[Port]) -> list[tuple[Port, Port]]:
    return list(zip(first, second, strict=True))
