"""The parts of the page that are tables and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ovprep.report.html.parts import under
from ovprep.report.html.table import Cell, Table, finite, ms, number, shape, size, table
from ovprep.report.kinds import kind_of

Report = Mapping[str, Any]


def interface(report: Report) -> Table | None:
    """What goes in and comes out, and what it was before."""
    new = report.get("interface")
    if not new:
        return None
    old = new.get("original") or new
    rows: list[list[Cell | str | None]] = []
    for kind, key in (("input", "inputs"), ("output", "outputs")):
        for port, before in zip(new[key], old[key], strict=False):
            was = "" if before == port else f"{shape(before['shape'])} {before['layout']}"
            rows.append([kind, port["name"], shape(port["shape"]), port["layout"], port["dtype"], was])
    return table("Inputs and outputs", ["kind", "name", "shape", "layout", "type", "was"], rows)


def passes(report: Report) -> Table | None:
    """What was done to the graph, what was left out, and which defects were avoided."""
    done = report.get("normalization") or {}
    rows: list[list[Cell | str | None]] = [
        [one["name"], one["summary"], _names(one.get("changed") or [])] for one in done.get("passes") or []
    ]
    rows += [[one["name"], f"left out: {one['reason']}", ""] for one in done.get("skipped") or []]
    return table("What was done to the graph", ["pass", "what it did", "ops"], rows) if rows else None


def transposes(report: Report) -> Table | None:
    """The Transposes that stay though the layouts are the best, and what forces them."""
    stay = ((report.get("normalization") or {}).get("layout") or {}).get("transposes") or []
    rows: list[list[Cell | str | None]] = [
        [
            _names(one["givers"]),
            _names(one["takers"]),
            " → ".join(layout or "?" for layout in one["layouts"]),
            shape(one["shape"]),
            size(one["bytes"]),
            "; ".join(f"{reason['op']}: {reason['reason']}" for reason in one["because"]),
        ]
        for one in stay
    ]
    heads = ["from", "to", "layouts", "shape", "per inference", "because"]
    return table("Transposes that stay", heads, rows) if rows else None


@dataclass(frozen=True)
class Mark:
    """Something that holds ("good"), does not ("bad"), or was not found out ("fair")."""

    tone: str
    word: str
    text: str


def checks(report: Report) -> list[Mark]:
    """What must not change a result, as another call in between."""
    found = (report.get("verification") or {}).get("checks") or []
    return [_mark(one["passed"], one["found"]) for one in found]


def gates(benchmark: Report) -> list[Mark]:
    """Limits that were asked for."""
    found = benchmark.get("gates") or []
    return [_mark(one["passed"], f"--{one['name']} {one['limit']:g}: {one['explanation']}") for one in found]


def _mark(passed: bool | None, text: str) -> Mark:
    words = {True: ("good", "holds"), False: ("bad", "does not hold"), None: ("fair", "not checked")}
    return Mark(*words[passed], text)


def environment(report: Report) -> list[tuple[str, str]]:
    """The machine and the software, as far as the report knows them."""
    found = [("ovprep", report.get("ovprep")), ("target", report.get("target"))]
    verification, benchmark = report.get("verification") or {}, report.get("benchmark") or {}
    ours = "candidate" if kind_of(report) == "verification" else "IR"
    found += [("original run by", verification.get("reference")), (f"{ours} run by", verification.get("candidate"))]
    machine = benchmark.get("environment") or (verification.get("certificate") or {}).get("machine") or {}
    quota, steal, used = machine.get("quota"), machine.get("steal"), machine.get("affinity")
    versions = machine.get("versions") or {}
    found += [
        ("CPU", machine.get("cpu")),
        ("instruction sets", " ".join(machine.get("isa") or [])),
        ("cores used", f"{_list(used)} of {machine['cores']}" if used else ""),
        ("limit of the control group", f"{quota:g} cores" if quota else ""),
        ("time stolen by the hypervisor", f"{steal:.2%}" if isinstance(steal, float) else ""),
        ("system", machine.get("system")),
        ("Python", machine.get("python")),
        ("packages", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]
    return [(name, str(value)) for name, value in found if value]


def properties(report: Report) -> Table | None:
    """What OpenVINO says of the compiled IR."""
    found = ((report.get("benchmark") or {}).get("environment") or {}).get("properties") or {}
    rows = [[name, str(value)] for name, value in found.items()]
    return table("Properties of the compiled IR", ["property", "value"], rows) if rows else None


def conditions(benchmark: Report) -> str:
    """How the latencies were measured, in a sentence."""
    words = [under(benchmark)]
    words.append(
        f"{benchmark.get('seconds', 0):.0f} s of measuring in {benchmark.get('restarts')} restarts of each process"
    )
    clock = benchmark.get("clock") or {}
    if clock.get("rounds"):
        words.append(f"{clock['dropped']} of {clock['rounds']} rounds left out ({clock['rule'].rstrip('.')})")
    control = benchmark.get("control") or {}
    if all(finite(control.get(key)) is not None for key in ("ratio", "low", "high")):
        words.append(f"{control['baseline']} against itself: {control['low']:.2f} to {control['high']:.2f}")
    return ", ".join(words)


def models(report: Report) -> Table:
    """Those that were timed, or held against each other."""
    rows: list[list[Cell | str | None]]
    if kind_of(report) == "verification":
        sides = [("original", report["source"]), ("candidate", report["candidate"])]
    else:
        sides = [(model["label"], model) for model in report["models"]]
    rows = [
        [name, *(str(one.get(key) or "") for key in ("path", "format", "framework", "sha256"))] for name, one in sides
    ]
    return table("Models", ["model", "file", "format", "written by", "SHA-256"], rows)


def setting(benchmark: Report) -> str:
    """The conditions in a few words, the kind of measurement first."""
    words = under(benchmark)
    hint = benchmark.get("hint", "latency")
    return words if words.startswith(hint) else f"{hint}, {words}"


def settings(report: Report) -> Table | None:
    """Every model under all conditions that it was timed under, where these are several."""
    runs = [report["benchmark"], *report["further"]] if report["further"] else []
    rows: list[list[Cell | str | None]] = []
    for run in runs:
        pairs = {pair["contestant"]: pair for pair in run.get("pairs") or []}
        for entry in run["contestants"]:
            if entry["role"] != "control":
                pair = pairs.get(entry["label"]) or {}
                figures = [
                    ms(entry.get("median_ms")),
                    *(number(pair.get(key), ".3f") for key in ("ratio", "low", "high")),
                ]
                rows.append([setting(run), entry["label"], *figures])
    heads = ["conditions", "model", "median (ms)", "time ÷ first", "low", "high"]
    return table("All conditions", heads, rows) if rows else None


def changes(report: Report) -> Table | None:
    """Medians of an earlier run beside those of this one."""
    found = (report.get("against") or {}).get("changes") or []
    rows: list[list[Cell | str | None]] = [
        [
            one["contestant"],
            *(ms(one[key]) for key in ("then_ms", "now_ms")),
            *(number(one[key], ".3f") for key in ("ratio", "low", "high")),
            one["verdict"],
        ]
        for one in found
    ]
    heads = ["model", "then (ms)", "now (ms)", "then ÷ now", "low", "high", "now it is"]
    return table("Against an earlier run", heads, rows) if rows else None


def files(report: Report) -> Table:
    """The original and the files of the result, with their hashes."""
    source = report["source"]
    rows: list[list[Cell | str | None]] = [[str(source["path"]), "", source.get("sha256")]]
    rows += [[file["name"], size(file["bytes"]), file["sha256"]] for file in report.get("artifacts") or []]
    return table("Files and their SHA-256", ["file", "size", "SHA-256"], rows)


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _names(names: Sequence[str], most: int = 4) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {more} more" if more > 0 else "")
