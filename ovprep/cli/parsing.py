"""Options that are more than one word."""

import re
from collections.abc import Sequence

from ovprep.errors import OptionError
from ovprep.options import InterfaceOptions, Rank

_SHAPE = re.compile(r"(?P<name>.+?)\[(?P<dims>[^\[\]]*)\]")


def interface_options(
    layouts: Sequence[str], shapes: Sequence[str], batch: int | None, rank: int = 3
) -> InterfaceOptions:
    """What `--layout nwc`, `--layout x=ncw`, `--input-shape x[1,16000,1]`, `--batch 1`, `--interface-rank 4` ask for.

    Raises OptionError where one of them is not of that form.
    """
    whole = [text for text in layouts if "=" not in text]
    if len(whole) > 1:
        raise OptionError(f"--layout is given as {' and as '.join(whole)}; give one, and exceptions as NAME=LAYOUT.")
    single = dict(text.rsplit("=", 1) for text in layouts if "=" in text)
    return InterfaceOptions(
        layout=whole[0].lower() if whole else "nwc",
        layouts={name: word.lower() for name, word in single.items()},
        shapes=dict(map(_shape, shapes)),
        batch=batch,
        rank=rank,
    )


def stated_layouts(texts: Sequence[str]) -> str | dict[str, str] | None:
    """What `--layout nwc`, or `--layout x=nwc` once or more, says of models that do not tell their layouts.

    Raises OptionError where both are given.
    """
    whole = [text.lower() for text in texts if "=" not in text]
    if not whole:
        return {name: word.lower() for name, word in (text.rsplit("=", 1) for text in texts)} or None
    if len(texts) > 1:
        raise OptionError("Give --layout once for all inputs and outputs, or as NAME=LAYOUT for some.")
    return whole[0]


def input_values(texts: Sequence[str]) -> dict[str, float]:
    """What `--input-value sr=16000` asks for, by name. Raises OptionError where one is not of that form."""
    values: dict[str, float] = {}
    for text in texts:
        name, _, word = text.rpartition("=")
        try:
            values[name] = int(word) if re.fullmatch(r"[+-]?\d+", word) else float(word)
        except ValueError:
            name = ""
        if not name:
            raise OptionError(f"The value {text!r} is not of the form NAME=NUMBER, as sr=16000.")
    return values


def rank_option(text: str) -> Rank:
    """What `--rank auto`, `--rank 3` or `--rank 4` asks for. Raises OptionError for anything else."""
    ranks: dict[str, Rank] = {"auto": "auto", "3": 3, "4": 4}
    if text.lower() not in ranks:
        raise OptionError(f"There is no rank {text!r}; choose auto, 3 or 4.")
    return ranks[text.lower()]


def _shape(text: str) -> tuple[str, tuple[int | None, ...]]:
    found = _SHAPE.fullmatch(text.strip())
    sizes = [_size(word.strip()) for word in found["dims"].split(",")] if found else []
    if found is None or -1 in sizes:
        raise OptionError(f"The shape {text!r} is not of the form NAME[1,16000,1], with ? for an axis that stays open.")
    return found["name"], tuple(size or None for size in sizes)


def _size(word: str) -> int:
    """A size; zero for an axis that stays as it is, -1 for what is neither."""
    if word in ("?", "-1"):
        return 0
    return int(word) if word.isdecimal() and int(word) > 0 else -1


def words(text: str) -> tuple[str, ...]:
    """The parts of "latency,throughput"."""
    return tuple(word.strip().lower() for word in text.split(",") if word.strip())


def numbers(option: str, text: str) -> tuple[int, ...]:
    """What `--threads 1,2` asks for. Raises OptionError where one is no whole number."""
    found = words(text)
    if not found or not all(re.fullmatch(r"-?\d+", word) for word in found):
        raise OptionError(f"{option} {text!r} is not of the form 1 or 1,2,4.")
    return tuple(map(int, found))
