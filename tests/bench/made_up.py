"""Benchmarks whose figures are made up."""

from dataclasses import replace

from ovprep.bench.clock import RULE
from ovprep.bench.environment import Environment
from ovprep.bench.results import Benchmark, Clock, Measurement, Pair

HERE = Environment("CPU X", ("avx2",), 2, (0, 1), None, 0.0, "Linux", "3.11", {"openvino": "2026.4.1"}, {})


def measured(label: str, role: str = "model", median: float | None = 1.0, **fields) -> Measurement:
    made = Measurement(
        label=label,
        role=role,  # type: ignore[arg-type]
        runtime="openvino",
        version="OpenVINO 2026.4.1",
        precision="f32",
        reason=None,
        median_ms=median,
        median_low_ms=None if median is None else 0.995 * median,
        median_high_ms=None if median is None else 1.005 * median,
        p90_ms=median,
        p90_low_ms=None,
        p90_high_ms=None,
        p99_ms=None,
        calls=1000,
        requests=1,
        steady=True,
        idle_share=0.0,
        load_ms=10.0,
        compile_ms=5.0,
        first_ms=2.0,
        peak_rss_mib=100.0,
        size_bytes=2048,
        blocks_ms=((1.0,),),
        block_calls=((8,),),
    )
    return replace(made, **fields)


def paired(contestant: str, baseline: str, ratio: float | None, verdict: str = "cannot tell") -> Pair:
    ends = (None, None) if ratio is None else (0.98 * ratio, 1.02 * ratio)
    return Pair(contestant, baseline, ratio, *ends, 100, 2, verdict)  # type: ignore[arg-type]


def benchmark(*contestants: Measurement, pairs: tuple[Pair, ...] = (), **fields) -> Benchmark:
    made = Benchmark(
        contestants=contestants,
        pairs=pairs,
        control=paired(f"{contestants[0].label} (control)", contestants[0].label, 1.0, "equal within 2%"),
        hint="latency",
        batch=1,
        threads=2,
        seed=0,
        restarts=2,
        seconds=10.0,
        wall_seconds=15.0,
        clock=Clock(100.0, 0.01, 200, 0, RULE),
        environment=HERE,
        notes=(),
    )
    return replace(made, **fields)
