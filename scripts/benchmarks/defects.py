"""Looks for what OpenVINO's CPU plugin computes wrongly: small graphs of many kinds against ONNX Runtime.

A graph runs in a child process, since some end it; at several batches, at rank 3 and rank 4, with shapes fixed and
open. What differs by more than rounding is printed: each such pattern deserves a row in `ovprep/passes/defects`.
"""

import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import onnx.shape_inference
import onnx_ir as ir

from benchmarks.defect_ops import OPS
from ovprep.graph.builder import Builder, new_model

LIMIT = 60.0
"""Seconds that one trial may take."""
TOLERANCE = {"f32": 1e-4, "bf16": 0.2}
"""Far above rounding in so small a graph, far below what a defect does."""


@dataclass(frozen=True)
class Trial:
    """A graph, by the names of its form and of its ops, and how it runs."""

    form: str
    names: tuple[str, ...]
    rank: int
    channels: int
    length: int
    batch: int
    fixed: bool
    precision: str

    def __str__(self) -> str:
        shapes = "fixed" if self.fixed else "open"
        sizes = f"[{self.batch}, {self.channels}, {'1, ' if self.rank == 4 else ''}{self.length}]"
        return f"{self.form:8} {' > '.join(self.names):60} {sizes:16} {shapes:5}"


@dataclass(frozen=True)
class Finding:
    """What is wrong with a trial: its error in parts of the output's scale, or how it failed."""

    trial: Trial
    error: float
    failure: str = ""


def search(
    form: str,
    depth: int,
    precision: str,
    *,
    batches: tuple[int, ...] = (1, 2, 3, 8),
    sizes: tuple[tuple[int, int], ...] = ((6, 10),),
) -> Iterator[Finding]:
    """Yields what is wrong among all graphs of one form with `depth` ops."""
    with _Child() as child:
        for names in itertools.product(OPS, repeat=depth):
            for rank, (channels, length) in itertools.product((3, 4), sizes):
                for fixed, batch in itertools.product((False, True), batches):
                    finding = child.run(Trial(form, names, rank, channels, length, batch, fixed, precision))
                    if finding is _NO_GRAPH:
                        break
                    if finding is not None:
                        yield finding


_NO_GRAPH = Finding(Trial("", (), 0, 0, 0, 0, False, ""), 0.0)


class _Child:
    """A process that runs trials; started anew where one of them ends it or hangs."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def run(self, trial: Trial) -> Finding | None:
        """What is wrong; None where nothing is, and `_NO_GRAPH` where the ops do not fit each other."""
        try:
            self._pipe.send(trial)
            if self._pipe.poll(LIMIT):
                answer = self._pipe.recv()
                return _NO_GRAPH if answer == "no graph" else answer
            failure = "hangs"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join()
            failure = f"ends the process ({self._process.exitcode})"
        self.__exit__()
        self._start()
        return Finding(trial, float("inf"), failure)


def _serve(pipe: Connection) -> None:
    while True:
        trial: Trial = pipe.recv()
        model = _model(trial.form, trial.names, trial.rank, trial.channels, trial.length)
        pipe.send("no graph" if model is None else _found(trial, *model))


@lru_cache(maxsize=1)
def _model(form: str, names: tuple[str, ...], rank: int, channels: int, length: int) -> tuple[bytes, Any] | None:
    """The graph and its session in ONNX Runtime, or None where the ops do not fit each other."""
    import onnxruntime

    model = new_model("trial")
    dims = ["batch", channels, *([1] if rank == 4 else []), length]
    x = ir.val("x", dtype=ir.DataType.FLOAT, shape=ir.Shape([ir.SymbolicDim("batch"), *dims[1:]]))
    model.graph.inputs.append(x)
    try:
        outputs = FORMS[form](Builder(model.graph), x, names)
    except (ValueError, IndexError, TypeError, onnx.shape_inference.InferenceError):
        return None
    if any(value.shape is None or value is x for value in outputs):
        return None
    model.graph.outputs.extend(dict.fromkeys(outputs))
    data = ir.to_proto(model).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return data, onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  (a graph that makes no sense is none of ours)
        return None


def _found(trial: Trial, data: bytes, session: Any) -> Finding | None:
    shape = (trial.batch, trial.channels, *([1] if trial.rank == 4 else []), trial.length)
    x = np.random.default_rng(trial.batch).standard_normal(shape).astype(np.float32)
    try:
        wanted = session.run(None, {"x": x})
    except Exception:  # noqa: BLE001  (it runs out of samples; the errors of ONNX Runtime have no common base)
        return None
    if any(array.size == 0 for array in wanted):
        return None  # OpenVINO refuses windows longer than the signal
    try:
        found = _in_openvino(data, x, trial)
    except RuntimeError as error:
        return Finding(trial, float("inf"), str(error).strip().splitlines()[-1])
    error = max(map(_error, found, wanted))
    return None if error <= TOLERANCE[trial.precision] else Finding(trial, error)


def _in_openvino(data: bytes, x: Any, trial: Trial) -> list[Any]:
    core = _core()
    model = core.read_model(data)
    if trial.fixed:
        model.reshape(x.shape)
    settings = {"INFERENCE_PRECISION_HINT": trial.precision, "INFERENCE_NUM_THREADS": 1}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    for _ in range(2):  # what lies in memory from the first time may spoil the second
        found = [np.array(array) for array in request.infer([x]).values()]
    return found


@lru_cache(maxsize=1)
def _core() -> Any:
    import openvino

    return openvino.Core()


def _error(found: Any, wanted: Any) -> float:
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found - wanted).max(initial=0.0) / max(1.0, np.abs(wanted).max(initial=0.0)))


Form = Callable[[Builder, ir.Value, tuple[str, ...]], list[ir.Value]]


def _chain(build: Builder, x: ir.Value, names: tuple[str, ...]) -> list[ir.Value]:
    """One op after the other."""
    for name in names:
        x = OPS[name](build, x)
    return [x]


def _behind_conv(build: Builder, x: ir.Value, names: tuple[str, ...]) -> list[ir.Value]:
    """A convolution, then the ops: it may take them in."""
    return _chain(build, x, ("Conv", *names))


def _tapped(build: Builder, x: ir.Value, names: tuple[str, ...]) -> list[ir.Value]:
    """A chain whose every value is an output as well."""
    found = []
    for name in names:
        x = OPS[name](build, x)
        found.append(x)
    return found


def _flat_tap(build: Builder, x: ir.Value, names: tuple[str, ...]) -> list[ir.Value]:
    """A chain whose every value is an output as well, in another shape."""
    *inside, last = _tapped(build, x, names)
    return [*(build.op("Flatten", one) for one in inside), last]


def _diamond(kind: str) -> Form:
    """A value through one op and through another, which meet in a third."""

    def form(build: Builder, x: ir.Value, names: tuple[str, ...]) -> list[ir.Value]:
        x = build.op("Relu", x)
        left, right = (OPS[name](build, x) for name in names)
        if kind == "Concat":
            return [build.op("Concat", left, right, axis=1)]
        return [build.op(kind, left, right)]

    return form


FORMS: dict[str, Form] = {
    "chain": _chain,
    "conv": _behind_conv,
    "tap": _tapped,
    "flat tap": _flat_tap,
    "sum": _diamond("Add"),
    "product": _diamond("Mul"),
    "concat": _diamond("Concat"),
}
