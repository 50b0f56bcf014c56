"""`--layout` with no value."""

from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from ovprep.options import LAYOUTS

_OPTION = "--layout"


class BareLayoutCommand(TyperCommand):
    """A command whose `--layout` may stand alone, as in `inspect --layout MODEL`; its value is then empty."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_values(args))


def with_values(args: list[str]) -> list[str]:
    """The arguments with an empty value for each `--layout` that is not followed by one; all behind `--` stay."""
    end = args.index("--") if "--" in args else len(args)
    filled: list[str] = []
    for word, following in zip(args[:end], [*args[1:end], None], strict=False):
        bare = word == _OPTION and not _is_value(following)
        filled.append(f"{_OPTION}=" if bare else word)
    return filled + args[end:]


def _is_value(word: str | None) -> bool:
    """Whether a word is, or is meant for, a layout: `ncw`, `x=ncw`, also `nhwc`, but no option and no path."""
    if word is None or word.startswith("-"):
        return False
    if word.rpartition("=")[2].lower() in LAYOUTS:
        return True
    return not (set(word) & set("./\\") or Path(word).exists())
