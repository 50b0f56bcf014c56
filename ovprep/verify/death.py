"""How a process ended, in words: its exit code and the end of its log."""

import re
import signal
from typing import BinaryIO

_NOISE = re.compile(r"\s*$|\s+(File |\^|~|at |\d)|[IWE]\d{4} |Traceback|WARNING|.*Warning: |During handling|  warn")


def last_words(log: BinaryIO) -> str:
    """The last line of a log that says something: no blank line, no frame of a traceback, no routine message."""
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    telling = [line for line in lines if not _NOISE.match(line)]
    return telling[-1].strip()[:300] if telling else ""


def ending(code: int | None) -> str:
    """The way a process ended by its exit code as `subprocess` gives it; None where it still runs."""
    if code is None:
        return "closed its pipe"
    if code >= 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    return f"was killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")
