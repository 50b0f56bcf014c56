"""The table of modules."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Entry:
    """A module, the shapes of its inputs at batch one, and which of their axes besides the batch stay open."""

    name: str
    make: Callable[[], nn.Module]
    shapes: tuple[Shape, ...]
    open_axes: tuple[int, ...] = ()
    fixed_batch: bool = False


ZOO: dict[str, Entry] = {}


def entry(
    *shapes: Shape, open_axes: tuple[int, ...] = (), fixed_batch: bool = False
) -> Callable[[Callable[[], nn.Module]], Callable[[], nn.Module]]:
    """Registers a function that makes a module, or a module class without arguments, under its name."""

    def register(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        name = make.__name__
        if name in ZOO:
            raise ValueError(f"two modules are called {name}")
        ZOO[name] = Entry(name, make, shapes, open_axes, fixed_batch)
        return make

    return register
