"""What a benchmark found. `dataclasses.asdict` turns all of it into what `report.json` holds under "benchmark"."""

from dataclasses import dataclass

from ovprep.bench.environment import Environment
from ovprep.bench.statistics import Verdict
from ovprep.verify.contender import Role


@dataclass(frozen=True)
class Measurement:
    """One contestant. Times in ms; None for whatever was not measured.

    precision       what it computed in: "f32", "bf16", ...
    reason          why it was not measured, or not in every restart; None where nothing went wrong
    median_ms, p90_ms   over all timed calls
    calls           timed calls in all
    steady          whether its latency became steady during every warm-up
    load_ms         from the file to a model ready to run, compiling included; the least disturbed restart
    compile_ms      the part of it that is compiling, where the runtime tells it apart
    first_ms        first inference after loading; the least disturbed restart
    peak_rss_mib    peak resident memory of its process, Python and NumPy included; the smallest of the restarts
    size_bytes      model file with its weights
    blocks_ms       raw samples: per restart, the median of the block of each interleaving round
    block_calls     per restart, the number of calls in each of these blocks
    """

    label: str
    role: Role
    runtime: str
    version: str | None
    precision: str | None
    reason: str | None
    median_ms: float | None
    p90_ms: float | None
    calls: int
    steady: bool
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
class Benchmark:
    """All contestants, each against the baseline.

    `control` is the baseline against itself in a second process: how far its interval reaches from 1 is how far ratios
    can be trusted. `seconds` were spent measuring, warm-up included, `wall_seconds` in all.

    """

    contestants: tuple[Measurement, ...]
    pairs: tuple[Pair, ...]
    control: Pair | None
    batch: int | None
    threads: int
    seed: int
    restarts: int
    seconds: float
    wall_seconds: float
    environment: Environment
    notes: tuple[str, ...]
