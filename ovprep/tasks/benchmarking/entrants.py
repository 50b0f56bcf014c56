"""The models that a benchmark is given, side by side: opened, and their inputs matched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ovprep.errors import OptionError
from ovprep.graph.cost import receptive_field
from ovprep.interface import BATCH, Interface
from ovprep.options import ReadOptions
from ovprep.proof.match import Stated, match
from ovprep.report.folder import MANIFEST
from ovprep.tasks.benchmarking.carrying import MADE
from ovprep.tasks.inspection import default_sizes
from ovprep.tasks.sides import Side, open_candidate, open_original
from ovprep.workers.contender import Contender


@dataclass(frozen=True)
class Entrants:
    """The models side by side: what the first takes, with the sizes of its open axes but the batch."""

    sides: list[Side]
    labels: list[str]
    interface: Interface
    contenders: list[Contender]
    sizes: dict[str, int]


def opened(
    paths: Sequence[Path],
    options: ReadOptions,
    dynamic: Sequence[str],
    layout: str | Mapping[str, str] | None,
    threads: int,
) -> Entrants:
    """Reads all, and finds which input of each is which of the first's; outputs may be others."""
    stated = Stated.by(layout)
    first = open_original(paths[0], options, dynamic, threads)
    sides = [first, *(open_candidate(path, options, threads) for path in paths[1:])]
    taken = [Interface(side.interface.inputs, ()) for side in sides]
    interface = taken[0]
    for side, inputs in zip(sides, taken, strict=True):  # what any of them tells of axes and sizes holds for all
        interface = match(interface, inputs, first.names, side.names, stated).source
    labels = _labels(paths)
    contenders = []
    for side, label, inputs, path in zip(sides, labels, taken, paths, strict=True):
        found = match(interface, inputs, first.names, side.names, stated)
        contenders.append(
            replace(
                side.contender,
                label=label,
                role="ovprep" if (path / MANIFEST).exists() else "model",
                input_layouts=tuple(port.layout for port in found.target.inputs),
                wiring=found.wiring,
            )
        )
    field = receptive_field(first.canonical.graph) if first.canonical is not None else None
    sizes = {name: size for name, size in default_sizes(interface, field).items() if name != BATCH}
    return Entrants(sides, labels, interface, contenders, sizes)


def require_batch(entrants: Entrants, batches: Sequence[int]) -> None:
    """Raises OptionError where several items, or several numbers of them, are asked of models that fix the batch."""
    if batches == (1,) or BATCH in entrants.interface.open_dims():
        return
    port = entrants.interface.inputs[0]
    raise OptionError(
        f"The batch of {port} is fixed, so that {', '.join(map(str, batches))} cannot be timed; leave --batch out, or "
        "give models that leave it open."
    )


def _labels(paths: Sequence[Path]) -> list[str]:
    """File names, or as much of the paths as tells them apart; numbers behind those that are the same.

    A folder that has the name of something that `--all` adds is told from it by a slash.
    """
    names = [f"{path.name}/" if path.name in MADE else path.name or str(path) for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    seen: dict[str, int] = {}
    labels = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        labels.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return labels
