"""The command line that makes a report again, from the options that it was made with."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

Options = Mapping[str, Any]

_OTHER_NAMES = {"plugins": "plugin"}


def command_of(report: Mapping[str, Any]) -> str:
    """As a shell takes it; reports of older versions tell the model and the target alone."""
    options = report.get("options") or {}
    words = ["ovprep", "convert", str(report["source"]["path"]), "--target", str(report.get("target") or "cpu")]
    for name, value in options.items():
        if name == "target":
            continue
        words += _SPELLINGS[name](value) if name in _SPELLINGS else _plain(name, value)
    return shlex.join(words)


def _plain(name: str, value: Any) -> Iterator[str]:
    """`seconds=3` as --seconds 3, `verify=False` as --no-verify, a list as an option for each of its items."""
    option = f"--{_OTHER_NAMES.get(name, name).replace('_', '-')}"
    if isinstance(value, bool):
        yield option if value else f"--no-{name.replace('_', '-')}"
        return
    for item in value if isinstance(value, list) else [value]:
        if item is not None:
            yield from (option, f"{item:g}" if isinstance(item, float) else str(item))


def _input_values(values: Options) -> Iterator[str]:
    for name, number in values.items():
        yield from ("--input-value", f"{name}={number:g}")


def _interface(wanted: Options) -> Iterator[str]:
    """`InterfaceOptions` as `report.json` has them."""
    if wanted.get("layout", "nwc") != "nwc":
        yield from ("--layout", wanted["layout"])
    for name, layout in (wanted.get("layouts") or {}).items():
        yield from ("--layout", f"{name}={layout}")
    for name, sizes in (wanted.get("shapes") or {}).items():
        yield from ("--input-shape", f"{name}[{','.join('?' if size is None else str(size) for size in sizes)}]")
    if wanted.get("batch") is not None:
        yield from ("--batch", str(wanted["batch"]))
    if wanted.get("rank", 3) != 3:
        yield from ("--interface-rank", str(wanted["rank"]))


_SPELLINGS = {"input_values": _input_values, "interface": _interface}
