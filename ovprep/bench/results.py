"""What a benchmark found. `dataclasses.asdict` turns all of it into what `report.json` holds under "benchmark"."""

from dataclasses import dataclass
from typing import Literal

from ovprep.bench.environment import Environment
from ovprep.bench.statistics import Verdict
from ovprep.workers.contender import Hint, Role


@dataclass(frozen=True)
class Measurement:
    """One contestant. Times in ms; None for whatever was not measured.

    precision       what it computed in: "f32", "bf16", ...
    reason          why it was not measured, or not in every restart; None where nothing went wrong
    median_ms       over all timed calls, with a 95% interval by order statistics, in which the blocks count, not the
                    calls: `median_low_ms` to `median_high_ms`. For throughput: time divided by inferences, the median
                    over the blocks
    p90_ms, p99_ms  as far as enough calls lie beyond them, else None; p90 with its interval
    calls           timed calls in all; for throughput, inferences
    requests        inferences under way at a time
    steady          whether its latency became steady during every warm-up
    idle_share      of a core, which its process used while it was not its turn, beyond the first ms
    load_ms         from the file to a model ready to run, compiling included; the least disturbed restart
    compile_ms      the part of it that is compiling, where the runtime tells it apart
    first_ms        first inference after loading; the least disturbed restart
    peak_rss_mib    peak resident memory of its process, Python and NumPy included; the smallest of the restarts
    size_bytes      model file with its weights
    blocks_ms       raw samples: per restart, the median of the block of each interleaving round; None where it was
                    dropped (see `Clock`) or failed
    block_calls     per restart, the number of calls in each of these blocks
    """

    label: str
    role: Role
    runtime: str
    version: str | None
    precision: str | None
    reason: str | None
    median_ms: float | None
    median_low_ms: float | None
    median_high_ms: float | None
    p90_ms: float | None
    p90_low_ms: float | None
    p90_high_ms: float | None
    p99_ms: float | None
    calls: int
    requests: int
    steady: bool
    idle_share: float | None
    load_ms: float | None
    compile_ms: float | None
    first_ms: float | None
    peak_rss_mib: float | None
    size_bytes: int | None
    blocks_ms: tuple[tuple[float | None, ...], ...]
    block_calls: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Pair:
    """The latency of `contestant` divided by that of `baseline`, with a 95% interval; None where there is none.

    A ratio above 1 means that the baseline is faster; `verdict` says what the baseline is.
    """

    contestant: str
    baseline: str
    ratio: float | None
    low: float | None
    high: float | None
    rounds: int
    restarts: int
    verdict: Verdict


@dataclass(frozen=True)
class Clock:
    """How steady the machine was: a kernel of fixed work, between blocks, on the first of the used cores.

    `spin_us` is its median; `drift` how much slower its slowest tenth was than its fastest tenth (0.03: 3%). `rounds`
    were measured in all, of which `dropped` were left out by `rule`.
    """

    spin_us: float | None
    drift: float | None
    rounds: int
    dropped: int
    rule: str


@dataclass(frozen=True)
class OpTime:
    """One op of the compiled model, in the order of running.

    `name` is OpenVINO's, `type` that of the IR's op, `layer` the layer of the original as far as the name tells it;
    `kernel` is what ran, as the plugin names it. `ms` is the mean of one inference, taken with counters switched on in
    a compiled model of its own. `macs` are multiply-accumulates, of everything that was fused into it; `bytes` its
    inputs, weights and outputs. `gflops` counts two per MAC. `roofline_share` is the time that the machine's measured
    peak and bandwidth would take, divided by `ms`.
    """

    name: str
    type: str
    layer: str
    kernel: str
    ms: float
    macs: int
    bytes: int
    gflops: float
    roofline_share: float | None


@dataclass(frozen=True)
class Machine:
    """What this machine was measured to do with so many threads: the best of several runs of a large MatMul and a copy.

    `default_gflops` is at the device's default precision. `bandwidth_gb_s` counts bytes read and written from and to
    memory, `cache_gb_s` within the second-level cache.
    """

    f32_gflops: float
    default_gflops: float
    default_precision: str
    bandwidth_gb_s: float
    cache_gb_s: float
    threads: int


@dataclass(frozen=True)
class Gate:
    """A limit that a pipeline asked for, as `--fail-if-slower 1.0`; `found` is None where nothing was measured."""

    name: Literal["fail-if-slower", "max-latency-ms", "max-memory-mb"]
    contestant: str
    limit: float
    found: float | None
    passed: bool
    explanation: str


@dataclass(frozen=True)
class Benchmark:
    """All contestants, each against the baseline.

    `hint` is "latency" (one inference at a time, in one stream) or "throughput" (as many as OpenVINO finds best).
    `control` is the baseline against itself in a second process: how far its interval reaches from 1 is how far ratios
    can be trusted. `seconds` were spent measuring, warm-up included, `wall_seconds` in all. `partial`: it was
    interrupted, and holds what was measured until then. `ops` and `model_roofline_share` tell where the time of the
    contestant `ops_of` goes, and how much of it the machine needs at its best; empty and None if not measured.
    """

    contestants: tuple[Measurement, ...]
    pairs: tuple[Pair, ...]
    control: Pair | None
    hint: Hint
    batch: int | None
    threads: int
    seed: int
    restarts: int
    seconds: float
    wall_seconds: float
    clock: Clock
    environment: Environment
    notes: tuple[str, ...]
    partial: bool = False
    ops: tuple[OpTime, ...] = ()
    ops_of: str | None = None
    machine: Machine | None = None
    model_roofline_share: float | None = None
    gates: tuple[Gate, ...] = ()
