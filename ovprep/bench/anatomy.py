"""Where the time of an OpenVINO model goes, op by op, and how much of it this machine needs at its best.

The roofline of Williams, Waterman and Patterson (2009): an op takes at least its multiply-accumulates at the machine's
peak, and at least its bytes at the bandwidth. What fits into the caches is held against the bandwidth of these, which
makes shares too low rather than too high.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ovprep.bench.machine import cache_bytes, machine
from ovprep.bench.results import Benchmark, Machine, OpTime
from ovprep.errors import RuntimeFailure
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker

SECONDS = 0.5
"""Of running with counters switched on."""
_TOO_GOOD = (
    "A share of more than 100% of what the machine can do means that it was slower while that was measured, which is "
    "done once: remove machine-*.json from the folder ovprep of the user's cache to measure it anew."
)


@dataclass(frozen=True)
class Roofline:
    """Peak in GFLOP/s, two per MAC, and bandwidth in GB/s."""

    gflops: float
    gb_s: float

    def least_ms(self, macs: int, size: int) -> float:
        """The time that so much arithmetic on so many bytes takes at best."""
        return max(2e-6 * macs / self.gflops, 1e-6 * size / self.gb_s)


def dissected(found: Benchmark, contender: Contender, inputs: Sequence[Array]) -> Benchmark:
    """The benchmark with the ops of one of its contestants, which OpenVINO runs at f32 with these inputs."""
    try:
        with Worker("openvino", threads=found.threads) as worker:
            ops = [_op(fields) for fields in worker.op_times(contender, inputs, SECONDS)]
            here = machine(worker, seen=max((op.gflops for op in ops), default=0.0))
    except RuntimeFailure as error:
        return replace(found, notes=(*found.notes, f"The time of single ops was not measured: {error}"))
    roof = roofline(here, ops, contender.size_on_disk)
    ops = [replace(op, roofline_share=_share(roof.least_ms(op.macs, op.bytes), op.ms)) for op in ops]
    least = sum(roof.least_ms(op.macs, op.bytes) for op in ops)
    median = next((entry.median_ms for entry in found.contestants if entry.label == contender.label), None)
    share = None if median is None else _share(least, median)
    notes = (*found.notes, _TOO_GOOD) if share is not None and share > 1 else found.notes
    found = replace(found, notes=notes, ops=tuple(ops), ops_of=contender.label)
    return replace(found, machine=here, model_roofline_share=share)


def roofline(here: Machine, ops: Sequence[OpTime], weights: int) -> Roofline:
    """That of a model with so many bytes of weights at f32: of the caches, where it fits into them as a whole."""
    working_set = weights + max((op.bytes for op in ops), default=0)
    return Roofline(here.f32_gflops, here.cache_gb_s if working_set <= cache_bytes() else here.bandwidth_gb_s)


def _op(fields: dict[str, object]) -> OpTime:
    op = OpTime(**{**fields, "gflops": 0.0, "roofline_share": None})  # type: ignore[arg-type]  # from another process
    return replace(op, ms=round(op.ms, 6), gflops=round(2e-6 * op.macs / op.ms, 3))


def _share(least: float, taken: float) -> float:
    return round(least / taken, 4)
