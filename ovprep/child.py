"""Child processes: what they inherit, how they end with their parent, and how they ended, in words."""

import os
import re
import select
import signal
import sysconfig
import threading
from pathlib import Path
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


def environment() -> dict[str, str]:
    """The caller's environment, with this very package found, and TensorFlow quiet and on the CPU."""
    root = str(Path(__file__).parents[1])
    search = os.environ.get("PYTHONPATH", "")
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        search = os.pathsep.join(filter(None, (search, root)))  # run from a checkout
    return {
        **os.environ,
        "PYTHONPATH": search,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def end_with_parent(descriptor: int) -> None:
    """Ends this process when the parent closes the pipe or dies, even in the middle of a computation."""

    def watch() -> None:
        poll = select.poll()
        poll.register(descriptor, 0)  # wakes up for a hang-up only, never for data
        poll.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
