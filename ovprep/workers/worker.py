"""Child process that hosts one runtime: `python -m ovprep.workers.worker RUNTIME THREADS CORES`.

It reads requests from its standard input and answers on what was its standard output; descriptor 1 itself is pointed at
standard error before anything else is imported, so that a library that prints cannot damage the protocol. Between
requests it sleeps in a read. When the other end of the pipe closes, it ends at once, whatever it is doing.
"""

import contextlib
import dataclasses
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ovprep.child import end_with_parent
from ovprep.options import ReadOptions
from ovprep.workers import timing, wire
from ovprep.workers.arrays import Array
from ovprep.workers.runners import Anatomist, Backend, Converter, Options, Pipelined, Runner, backend
from ovprep.workers.runners.fixed_inputs import FixedInputs

Answer = tuple[dict[str, Any], Sequence[Array]]
_ERROR_LENGTH = 300


class Host:
    """A runtime, the model that it has loaded, and the call that is being timed."""

    def __init__(self, runtime: Backend, threads: int) -> None:
        self._runtime = runtime
        self._threads = threads
        self._runner: Runner | None = None
        self._call: timing.Call | None = None
        self._wait: timing.Call = _nothing
        self._hint = "latency"
        self._since = _clocks()

    def answer(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        """Carries out one request; whatever goes wrong is raised."""
        commands: dict[str, Callable[[dict[str, Any], list[Array]], Answer]] = {
            "load": self._load,
            "convert": self._convert,
            "run": self._run,
            "bind": self._bind,
            "warm_up": self._warm_up,
            "block": self._block,
            "memory": self._memory,
            "ops": self._ops,
            "capability": self._capability,
        }
        return commands[body["command"]](body, arrays)

    def _options(self, body: dict[str, Any]) -> Options:
        shapes = body.get("shapes")
        fixed = None if shapes is None else tuple(tuple(shape) for shape in shapes)
        return Options(
            self._threads,
            body.get("precision", "f32"),
            fixed,
            ReadOptions.unpacked(body),
            optimised=body.get("optimised", True),
            inner=tuple(body.get("inner", ())),
            taps=tuple(body.get("taps", ())),
            hint=body.get("hint", "latency"),
        )

    def _load(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        self._runner = self._call = None  # frees the previous model first
        self._wait = _nothing
        options = self._options(body)
        runner = self._runtime.load(Path(body["path"]), options)
        self._runner = FixedInputs(runner, options.reading.values) if options.reading.values else runner
        self._hint = options.hint
        return dataclasses.asdict(self._runner.loaded), ()

    def _convert(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        if not isinstance(self._runtime, Converter):
            raise NotImplementedError("this runtime has no conversion to OpenVINO")
        self._runtime.convert(Path(body["path"]), Path(body["output"]), self._options(body))
        return {}, ()

    def _run(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        return {}, self._loaded_runner().run(arrays)

    def _bind(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        """Binds the inputs and runs once, which is the model's first inference after it was loaded."""
        runner = self._loaded_runner()
        if self._hint == "throughput" and isinstance(runner, Pipelined):
            self._call, self._wait = runner.pipeline(arrays)
        else:
            self._call, self._wait = runner.bind(arrays), _nothing
        begin = time.perf_counter()
        self._call()
        self._wait()
        self._since = _clocks()
        return {"first_ms": 1e3 * (time.perf_counter() - begin)}, ()

    def _warm_up(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        calls, steady = timing.warm_up(lambda length_ms: self._timed(length_ms)[0], body["limit_ms"])
        self._since = _clocks()
        return {"calls": calls, "steady": steady}, ()

    def _block(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        """Times calls; tells too what CPU time this process used since the block before, when it had nothing to do."""
        cpu, wall = (now - then for now, then in zip(_clocks(), self._since, strict=True))
        times, calls = self._timed(body["length_ms"])
        self._since = _clocks()
        return {"calls": calls, "idle_cpu_ms": 1e3 * cpu, "idle_ms": 1e3 * wall}, [np.array(times)]

    def _timed(self, length_ms: float) -> tuple[list[float], int]:
        call = self._bound_call()
        if self._hint == "throughput":
            each, calls = timing.throughput(call, self._wait, length_ms)
            return [each], calls
        times = timing.block(call, length_ms)
        return times, len(times)

    def _memory(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        return {"peak_rss_mib": peak_rss_mib()}, ()

    def _ops(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        runtime = self._anatomist()
        return {"ops": runtime.op_times(Path(body["path"]), self._options(body), arrays, body["seconds"])}, ()

    def _capability(self, body: dict[str, Any], arrays: list[Array]) -> Answer:
        return {"machine": self._anatomist().capability(self._threads)}, ()

    def _anatomist(self) -> Anatomist:
        if not isinstance(self._runtime, Anatomist):
            raise NotImplementedError("this runtime does not tell how long its ops take")
        return self._runtime

    def _loaded_runner(self) -> Runner:
        if self._runner is None:
            raise RuntimeError("no model is loaded")
        return self._runner

    def _bound_call(self) -> timing.Call:
        if self._call is None:
            raise RuntimeError("no inputs are bound")
        return self._call


def _nothing() -> None:
    """What there is to wait for where each call ends with its result."""


def _clocks() -> tuple[float, float]:
    """CPU time of all threads of this process, and the time on the wall."""
    return time.process_time(), time.perf_counter()


def peak_rss_mib() -> float | None:
    """Peak resident memory of this process in MiB; None where the system does not tell.

    From VmHWM: `getrusage` would count the process that this one was forked from as well.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


def describe(error: BaseException) -> str:
    """An exception as one line: the first line of its message that says something, behind its type if not ours."""
    lines = [line.strip() for line in str(error).splitlines()]
    # OpenVINO puts "Exception from src/...cpp:123:" before the reason.
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    text = (telling or [line for line in lines if line] or ["no message"])[0]
    ours = type(error).__module__.startswith("ovprep.")
    return (text if ours else f"{type(error).__name__}: {text}")[:_ERROR_LENGTH]


def serve(host: Host, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers requests until the pipe closes. A request that fails is answered with the reason, not fatal."""

    def read(size: int) -> bytes:
        data = requests.read(size)
        if len(data) < size:
            raise EOFError
        return data

    while True:
        try:
            body, arrays = wire.decode(read)
        except EOFError:
            return
        try:
            result, outputs = host.answer(body, arrays)
            message = wire.encode({"ok": True, **result}, outputs)
        except Exception as error:  # noqa: BLE001  (any failure of a runtime is an answer)
            traceback.print_exc()
            message = wire.encode({"ok": False, "error": describe(error)})
        _send(answers, message)


def _send(answers: BinaryIO, message: bytes) -> None:
    answers.write(message)
    answers.flush()


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Moves the protocol off descriptors 0 and 1, and points these where printing and reading do no harm."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests, answers


def _be_the_first_to_go() -> None:
    """Where memory runs out, the kernel shall end this process, whose end is a finding, and not the one that asks."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def main(arguments: Sequence[str]) -> None:
    """Imports the runtime, says so, and serves requests."""
    runtime, threads, cores = arguments[0], int(arguments[1]), arguments[2]
    requests, answers = _private_pipes()
    _be_the_first_to_go()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what ends
    end_with_parent(requests.fileno())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    begin = time.perf_counter()
    try:
        imported = backend(runtime)  # type: ignore[arg-type]  # an unknown name is a KeyError, reported below
    except Exception as error:  # noqa: BLE001  (a runtime that cannot be imported is an answer, too)
        traceback.print_exc()
        _send(answers, wire.encode({"ok": False, "error": describe(error)}))
        return
    _send(answers, wire.encode({"ok": True, "import_ms": 1e3 * (time.perf_counter() - begin)}))
    serve(Host(imported, threads), requests, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
