"""A worker whose runtime misbehaves on request: the name of the file that it loads says how."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ovprep.workers import runners, worker
from ovprep.workers.runners import Loaded, Options


class FakeRunner:
    """Doubles its inputs."""

    loaded = Loaded("Fake 1.0", ("x",), ("y",), "f32", 1.0)

    def __init__(self, behaviour: str) -> None:
        self._behaviour = behaviour

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        if self._behaviour == "noisy":
            print("progress: 50%")
            os.write(1, b"raw bytes on descriptor 1\n")
        if self._behaviour == "hangs":
            time.sleep(600)
        if self._behaviour == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self._behaviour == "swallowed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._behaviour == "refuses":
            raise ValueError("the first line\nand a second one")
        return [2 * array for array in inputs]

    def bind(self, inputs: Sequence[Any]) -> Callable[[], object]:
        return lambda: self.run(inputs)


class FakeBackend:
    """Loads anything, except where the name says otherwise."""

    def load(self, path: Path, options: Options) -> FakeRunner:
        if path.stem == "dies":
            print("a reason on standard error\n\n", file=sys.stderr, flush=True)
            os._exit(7)
        if path.stem == "devours":
            raise MemoryError("no room for 1 TB")
        if path.stem == "spins":
            threading.Thread(target=_spin, daemon=True).start()
        return FakeRunner(path.stem)


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    runners._BACKENDS["keras"] = FakeBackend  # under a name that the parent knows
    worker.main(sys.argv[1:])
