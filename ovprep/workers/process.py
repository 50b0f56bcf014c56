"""Parent side of the worker processes: start, ask, time out, and never leave one behind.

Workers are started with `subprocess`, not `multiprocessing`, so that a script without a `__main__` guard can call
ovprep and no state of the caller (threads, an imported TensorFlow) leaks into a measurement.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ovprep.child import ending, environment, last_words
from ovprep.errors import RuntimeFailure
from ovprep.workers import cores, wire
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Contender, Precision, Runtime
from ovprep.workers.runners import Loaded, Shapes
from ovprep.workers.wiring import Wiring

START_LIMIT = 180.0
"""Seconds that importing a runtime may take."""
LOAD_LIMIT = 180.0
"""Seconds that loading and compiling a model may take."""
RUN_LIMIT = 60.0
"""Seconds that one request to run or time a model may take beyond what it was asked to take."""

_QUIT_LIMIT = 1.0
_NAMES: dict[str, str] = {
    "keras": "Keras",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "tensorflow": "TensorFlow",
    "tflite": "TFLite",
}


@dataclass(frozen=True, eq=False)
class Block:
    """Some time of running: the time of each call (ms), or for throughput the mean of all, and how many there were.

    Of the `idle_ms` since the block before, the process used `idle_cpu_ms` of CPU time, with nothing to do.
    """

    times: Array
    calls: int
    idle_cpu_ms: float
    idle_ms: float


class Worker:
    """One runtime in a process of its own, pinned to as many cores as it has threads.

    Starting returns at once, so that several can start in parallel; the first request waits. Every method that talks to
    the process raises RuntimeFailure, with one sentence that says why, where it died, hung, or refused. Use it as a
    context manager: leaving it ends the process, whatever happened.
    """

    def __init__(self, runtime: Runtime, *, threads: int, module: str = "ovprep.workers.worker") -> None:
        self.runtime = runtime
        self.threads = threads
        self.contender: Contender | None = None
        self.loaded: Loaded | None = None
        self.import_ms: float | None = None
        self._loading = False
        self._log: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        pinned = ",".join(str(core) for core in cores.choose(threads))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, runtime, str(threads), pinned],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(threads),
            bufsize=0,
            start_new_session=True,
        )
        # Also for a caller that forgets to close: runs when the worker is collected, and at the interpreter's exit.
        self._finalizer = weakref.finalize(self, _end, self._process, self._log)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    @classmethod
    def launch(cls, contender: Contender, *, threads: int, shapes: Shapes | None = None) -> Self:
        """Starts a process and has it load a model; returns at once. `ready` waits for both."""
        worker = cls(contender.runtime, threads=threads)
        worker._ask_to_load(contender, contender.precision, shapes)
        return worker

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def started(self, limit: float = START_LIMIT) -> None:
        """Waits until the runtime is imported."""
        if self.import_ms is None:
            body, _ = self._receive("starting", limit)
            self.import_ms = body["import_ms"]

    def ready(self, limit: float = LOAD_LIMIT) -> Loaded:
        """Waits until the model that `launch` asked for is loaded."""
        if self._loading:
            self.started()
            self._loading = False
            body, _ = self._receive(f"loading {self._file}", limit)
            self.loaded = _loaded(body)
        if self.loaded is None:
            state = "has loaded no model" if self._finalizer.alive else "was already stopped, and has no model"
            raise RuntimeFailure(f"{self.name} {state}.")
        return self.loaded

    def load(self, contender: Contender, *, shapes: Shapes | None = None, limit: float = LOAD_LIMIT) -> Loaded:
        """Loads a model, in place of the one before, and waits for it."""
        if self._loading:
            self.ready()
        self.started()
        self._ask_to_load(contender, contender.precision, shapes)
        return self.ready(limit)

    def convert(self, contender: Contender, output: Path, *, limit: float = LOAD_LIMIT) -> None:
        """OpenVINO's direct conversion of a live model: loads it in this runtime, writes the IR `output` (.xml)."""
        self.started()
        target = "TFLite" if output.suffix == ".tflite" else "OpenVINO"
        body = {"path": str(contender.path), "output": str(output), **contender.options.packed()}
        self._request(f"converting the model for {target}", limit, command="convert", **body)

    def run(self, inputs: Sequence[Array], *, limit: float = RUN_LIMIT) -> list[Array]:
        """Runs the model once: inputs and outputs in its own layouts, and in its own order unless it is wired."""
        self.ready()
        outputs = self._request("running", limit, self._fed(inputs), command="run")[1]
        return self._wiring.given(outputs) if self._wiring is not None else outputs

    def bind(self, inputs: Sequence[Array], *, limit: float = RUN_LIMIT) -> float:
        """Puts the inputs in place for timing and runs once; returns the time of that inference in ms."""
        self.ready()
        body, _ = self._request("running for the first time", limit, self._fed(inputs), command="bind")
        return float(body["first_ms"])

    def warm_up(self, limit_ms: float, *, limit: float = RUN_LIMIT) -> tuple[int, bool]:
        """Runs until the rolling median is steady or `limit_ms` is over; the number of calls, and whether it is."""
        body, _ = self._request("warming up", limit + limit_ms * 1e-3, command="warm_up", limit_ms=limit_ms)
        return int(body["calls"]), bool(body["steady"])

    def block(self, length_ms: float, *, limit: float = RUN_LIMIT) -> Block:
        """Runs for `length_ms`, at least 4 ms and at least one call."""
        body, arrays = self._request("being timed", limit + length_ms * 1e-3, command="block", length_ms=length_ms)
        return Block(arrays[0], int(body["calls"]), body["idle_cpu_ms"], body["idle_ms"])

    def op_times(
        self, contender: Contender, inputs: Sequence[Array], seconds: float, *, limit: float = LOAD_LIMIT
    ) -> list[dict[str, Any]]:
        """The time of each op of a model that is compiled once more for it, over so many seconds; see `Anatomist`."""
        self.started()
        body = {"path": str(contender.path), "precision": contender.precision, **contender.options.packed()}
        fed = inputs if contender.wiring is None else contender.wiring.feed(inputs)
        shapes = [array.shape for array in fed]
        answer, _ = self._request(
            "timing its ops", limit + seconds, fed, command="ops", shapes=shapes, seconds=seconds, **body
        )
        ops: list[dict[str, Any]] = answer["ops"]
        return ops

    def capability(self, *, limit: float = RUN_LIMIT) -> dict[str, Any]:
        """What the machine can do at its best; see `Anatomist`."""
        self.started()
        machine: dict[str, Any] = self._request("measuring the machine", limit, command="capability")[0]["machine"]
        return machine

    def peak_rss_mib(self) -> float | None:
        """Peak resident memory of the process in MiB so far."""
        body, _ = self._request("asked for its memory", RUN_LIMIT, command="memory")
        peak: float | None = body["peak_rss_mib"]
        return peak

    def close(self) -> None:
        """Ends the process. Does nothing the second time."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The runtime's name as its makers write it."""
        return _NAMES.get(self.runtime, self.runtime)

    @property
    def _wiring(self) -> Wiring | None:
        return self.contender.wiring if self.contender is not None else None

    def _fed(self, inputs: Sequence[Array]) -> Sequence[Array]:
        return self._wiring.feed(inputs) if self._wiring is not None else inputs

    @property
    def _file(self) -> str:
        return self.contender.path.name if self.contender is not None else "a model"

    def _ask_to_load(self, contender: Contender, precision: Precision, shapes: Shapes | None) -> None:
        self.contender, self.loaded, self._loading = contender, None, True
        if contender.wiring is not None and shapes is not None:
            shapes = tuple(contender.wiring.places(shapes))
        body: dict[str, Any] = {
            "command": "load",
            "path": str(contender.path),
            "precision": precision,
            "shapes": shapes,
            "hint": contender.hint,
        }
        inner = contender.inner if contender.wiring is None else contender.wiring.places_of_outputs(contender.inner)
        asked = {"optimised": contender.optimised, "inner": inner, "taps": contender.taps}
        body |= {**asked, **contender.options.packed()}
        self._write(wire.encode(body), f"loading {self._file}", time.monotonic() + RUN_LIMIT)

    def _request(
        self, doing: str, limit: float, arrays: Sequence[Array] = (), **body: Any
    ) -> tuple[dict[str, Any], list[Array]]:
        self._write(wire.encode(body, arrays), doing, time.monotonic() + limit)
        return self._receive(doing, limit)

    def _receive(self, doing: str, limit: float) -> tuple[dict[str, Any], list[Array]]:
        end = time.monotonic() + limit
        try:
            body, arrays = wire.decode(lambda size: self._read(size, doing, limit, end))
        except wire.ProtocolError as error:
            self.close()
            raise RuntimeFailure(f"{self.name} sent something that is no answer while {doing}: {error}.") from None
        if not body["ok"]:
            raise RuntimeFailure(f"{self.name} failed while {doing}: {body['error'].rstrip('.')}.")
        return body, arrays

    def _read(self, size: int, doing: str, limit: float, end: float) -> bytes:
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        data = bytearray()
        while len(data) < size:
            if not poll.poll(max(0.0, 1e3 * (end - time.monotonic()))):
                self.close()
                raise RuntimeFailure(f"{self.name} gave no answer within {limit:g} s while {doing}, and was stopped.")
            part = os.read(self._from, size - len(data))
            if not part:
                raise self._death(doing)
            data += part
        return bytes(data)

    def _write(self, message: bytes, doing: str, end: float) -> None:
        if not self._finalizer.alive:
            raise RuntimeFailure(f"{self.name} was already stopped when it should have been {doing}.")
        poll = select.poll()
        poll.register(self._to, select.POLLOUT)
        rest = memoryview(message)
        try:
            while rest:
                if not poll.poll(max(0.0, 1e3 * (end - time.monotonic()))):
                    self.close()
                    raise RuntimeFailure(f"{self.name} took no request while {doing}, and was stopped.")
                rest = rest[os.write(self._to, rest) :]
        except BrokenPipeError:
            raise self._death(doing) from None

    def _death(self, doing: str) -> RuntimeFailure:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_QUIT_LIMIT)
        code = self._process.poll()
        words = last_words(self._log)
        self.close()
        how = ending(code)
        return RuntimeFailure(f"{self.name} {how} while {doing}" + (f"; its last words: {words}" if words else "."))


def _loaded(body: dict[str, Any]) -> Loaded:
    fields = {key: value for key, value in body.items() if key != "ok"}
    types = tuple((dtype, tuple(dims)) for dtype, dims in fields.pop("input_types", ()))
    names = {key: tuple(fields.get(key, ())) for key in ("inputs", "outputs", "taps")}
    return Loaded(**{**fields, **names, "input_types": types})


def _end(process: subprocess.Popen[bytes], log: BinaryIO) -> None:
    """Closes the pipes, which ends a healthy worker at once, and kills what is left of its process group."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    log.close()


def _environment(threads: int) -> dict[str, str]:
    """What every child inherits, with the runtimes idle when they have nothing to do."""
    return {**environment(), "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
