"""What this machine can do at its best: multiply-accumulates in OpenVINO, and moving bytes.

The best of several runs counts: whatever else went on can only have made one slower.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_SIZE = 1024
"""Rows and columns of the matrices: 2.1 GFLOP a product, and 4 MiB each."""
_RUNS = 12
_MEMORY = 96 * 2**20
"""Bytes of each of the two arrays in memory: larger than the caches that it may be in."""
_CACHE = 128 * 2**10
"""Bytes of each of the two arrays that fit into the second-level cache of one core."""


def capability(openvino: Any, core: Any, threads: int) -> dict[str, Any]:
    """Peaks in GFLOP/s (two per MAC) at f32 and at the device's default precision, bandwidths in GB/s."""
    f32, _ = _product_rate(openvino, core, threads, {"INFERENCE_PRECISION_HINT": "f32"})
    default, precision = _product_rate(openvino, core, threads, {})
    return {
        "f32_gflops": f32,
        "default_gflops": f32 if precision == "f32" else default,
        "default_precision": precision,
        "bandwidth_gb_s": _memory_rate(threads),
        "cache_gb_s": threads * _copy_rate(_CACHE, 50),  # each core has one of its own
    }


def _product_rate(openvino: Any, core: Any, threads: int, settings: dict[str, Any]) -> tuple[float, str]:
    from openvino import opset13 as ops

    from ovprep.workers.runners.openvino import precision_of

    rng = np.random.default_rng(0)
    given = ops.parameter([_SIZE, _SIZE], np.float32)
    weights = ops.constant(rng.standard_normal((_SIZE, _SIZE), np.float32))
    model = openvino.Model([ops.matmul(given, weights, False, True)], [given], "product")
    settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads, **settings}
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    request.set_input_tensor(0, openvino.Tensor(rng.standard_normal((_SIZE, _SIZE), np.float32)))
    seconds = _best(request.infer)
    return 2e-9 * _SIZE**3 / seconds, precision_of(compiled)


def _memory_rate(threads: int) -> float:
    """All threads together, each copying its part."""
    source, target = np.ones(_MEMORY // 4, np.float32), np.zeros(_MEMORY // 4, np.float32)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        seconds = _best(lambda: list(pool.map(lambda pair: np.copyto(*pair), parts)))
    return 2e-9 * _MEMORY / seconds


def _copy_rate(size: int, times: int) -> float:
    source, target = np.ones(size // 4, np.float32), np.zeros(size // 4, np.float32)

    def copy() -> None:
        for _ in range(times):
            np.copyto(target, source)

    return 2e-9 * size * times / _best(copy)


def _best(call: Callable[[], object]) -> float:
    call()
    seconds = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
