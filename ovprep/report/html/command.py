"""The command line that makes a report again, from the options that it was made with."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ovprep.report.kinds import kind_of

Options = Mapping[str, Any]
Spelling = Callable[[Any], Iterator[str]]

_OTHER_NAMES = {"plugins": "plugin", "everything": "all"}


def command_of(report: Mapping[str, Any]) -> str:
    """As a shell takes it; reports of older versions tell the models and the target alone."""
    match kind_of(report):
        case "benchmark":
            models = [str(model["path"]) for model in report["models"]]
            return shlex.join(["ovprep", "benchmark", *models, *_options(report.get("options") or {}, _TIMING)])
        case "verification":
            models = [str(report[side]["path"]) for side in ("source", "candidate")]
            certificate = (report.get("verification") or {}).get("certificate") or {}
            return shlex.join(["ovprep", "verify", *models, *_options(certificate.get("options") or {}, _COMPARING)])
        case _:
            target = str(report.get("target") or "cpu")
            options = {name: value for name, value in (report.get("options") or {}).items() if name != "target"}
            words = ["ovprep", "convert", str(report["source"]["path"]), "--target", target]
            return shlex.join([*words, *_options(options, _CONVERTING)])


def _options(options: Options, spellings: Mapping[str, Spelling]) -> Iterator[str]:
    for name, value in options.items():
        yield from spellings[name](value) if name in spellings else _plain(name, value)


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


def _layout(stated: str | Options) -> Iterator[str]:
    """For all inputs, or by name."""
    for text in [stated] if isinstance(stated, str) else [f"{name}={layout}" for name, layout in stated.items()]:
        yield from ("--layout", text)


def _several(option: str, default: str) -> Spelling:
    """`(1, 2)` as --threads 1,2."""

    def spelled(value: Any) -> Iterator[str]:
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        if text != default:
            yield from (option, text)

    return spelled


def _interface(wanted: Options) -> Iterator[str]:
    """`InterfaceOptions` as `report.json` has them."""
    if wanted.get("layout", "nwc") != "nwc":
        yield from ("--layout", wanted["layout"])
    yield from _layout(wanted.get("layouts") or {})
    for name, sizes in (wanted.get("shapes") or {}).items():
        yield from ("--input-shape", f"{name}[{','.join('?' if size is None else str(size) for size in sizes)}]")
    if wanted.get("batch") is not None:
        yield from ("--batch", str(wanted["batch"]))
    if wanted.get("rank", 3) != 3:
        yield from ("--interface-rank", str(wanted["rank"]))


_CONVERTING: dict[str, Spelling] = {"input_values": _input_values, "interface": _interface}
_COMPARING: dict[str, Spelling] = {"input_values": _input_values, "layout": _layout}
_TIMING: dict[str, Spelling] = {
    **_COMPARING,
    "threads": _several("--threads", ""),
    "batch": _several("--batch", "1"),
    "hint": _several("--hint", "latency"),
}
