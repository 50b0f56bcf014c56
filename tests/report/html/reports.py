"""A report with everything in it, as `report.json` has it; tests take out or change what they ask about."""

from typing import Any

HOSTILE = "<script>alert(1)</script>"
"""A name that a model file may hold."""
IMAGE = '"><img src=https://example.com/x.png onerror=alert(1)>'


def full_report(layer: str = "conv1") -> dict[str, Any]:
    """`layer` names an op, an output and whatever else comes from the model's file."""
    return {
        "schema": 1,
        "ovprep": "0.1.0",
        "target": "cpu",
        "openvino_version": None,
        "options": {"seconds": 3.0},
        "source": {"path": f"/models/{layer}.h5", "format": "keras-h5", "sha256": "ab" * 32, "framework": "keras 3.1"},
        "interface": {
            "inputs": [port("x", ["batch", 64, 4], "NWC")],
            "outputs": [port(layer, ["batch", 8], "NC")],
            "original": {
                "inputs": [port("x", ["batch", 4, 64], "NCW")],
                "outputs": [port(layer, ["batch", 8], "NC")],
            },
        },
        "normalization": {
            "passes": [{"name": "lay_out", "summary": "placed layouts", "changed": [layer, "a", "b", "c", "d", "e"]}],
            "skipped": [{"name": "multiply_from_left", "reason": "it made this model 3% slower"}],
            "defects": [{"name": "d", "wrong": "It adds wrongly.", "openvino": "1", "done": "avoided", "ops": [layer]}],
            "layout": {
                "bytes_before": 4096,
                "bytes_after": 1024,
                "transposes_before": 2,
                "transposes_after": 1,
                "transposes": [
                    {
                        "givers": ["x"],
                        "takers": [layer],
                        "shape": ["batch", 64, 4],
                        "layouts": ["NWC", "NCW"],
                        "bytes": 1024,
                        "because": [{"op": layer, "reason": "Conv is channel-first by definition"}],
                    }
                ],
                "pins": [],
            },
            "rank": {"chosen": 3, "why": "no op of this model is known to run faster at rank 4"},
            "ops": {"Convolution": 1},
        },
        "verification": verification(layer),
        "benchmark": benchmark(layer),
        "artifacts": [{"name": "model.bin", "bytes": 2048, "sha256": "cd" * 32}],
        "warnings": [f"{layer} is odd."],
        "graph": graph(layer),
    }


def port(name: str, shape: list[Any], layout: str) -> dict[str, Any]:
    return {"name": name, "dtype": "float32", "shape": shape, "layout": layout}


def op(
    name: str, kind: str, layout: str | None, inputs: list[int] | None = None, change: str | None = None
) -> dict[str, Any]:
    return {"name": name, "type": kind, "layout": layout, "inputs": inputs or [], "change": change}


def graph(layer: str = "conv1") -> dict[str, Any]:
    """A convolution with a shortcut, between two Transposes of which one goes."""
    return {
        "before": [
            op("x", "input", "NWC"),
            op("t1", "Transpose", "NCW", [0]),
            op(layer, "Conv", "NCW", [1]),
            op("add", "Add", "NCW", [1, 2]),
            op("t2", "Transpose", "NWC", [3], "removed"),
            op("y", "output", "NC", [4]),
        ],
        "after": [
            op("x", "input", "NWC"),
            op("t1", "Transpose", "NCW", [0]),
            op(layer, "Conv", "NCW", [1]),
            op("add", "Add", "NCW", [1, 2]),
            op("y", "output", "NC", [3]),
        ],
    }


def row(signal: str, error: Any, tolerance: float | None, precision: str = "f32", **more: Any) -> dict[str, Any]:
    return {
        "precision": precision,
        "shapes": "open",
        "signal": signal,
        "batch": 1,
        "output": "y",
        "max_abs_error": error,
        "max_rel_error": error,
        "mean_abs_error": error,
        "scale": 1.0,
        "argmax_flips": 0,
        "cosine": 0.999,
        "tolerance": tolerance,
        "passed": None if tolerance is None else error <= tolerance,
        **more,
    }


def verification(layer: str = "conv1") -> dict[str, Any]:
    rows = [
        row("noise", 2e-7, 1e-6),
        row("silence", 0.0, 1e-6),
        row("noise", 3e-3, None, "bf16"),
    ]
    return {
        "passed": True,
        "tolerance": {"factor": 8.0, "ulps": 4.0, "ceiling": 1e-3, "noise": {layer: 1e-7}, "explanation": "8 times"},
        "reference": "Keras 3.1 on TensorFlow 2.2",
        "candidate": "OpenVINO 2026.4.1",
        "default_precision": "bf16",
        "seed": 0,
        "rows": rows,
        "notes": ["Differs by 0.003 at this device's default."],
        "checks": [
            {"name": "repeat", "passed": True, "found": "Run again, it gives the same.", "decides": True},
            {"name": "shift", "passed": False, "found": f"Shifted, {layer} differs.", "decides": True},
            {"name": "batch", "passed": None, "found": "The original mixes the items of a batch.", "decides": True},
        ],
        "precisions": [at_precision("f32", 2e-7, 1.0, "equal"), at_precision("bf16", 3e-3, 0.99, "no flips")],
    }


def at_precision(precision: str, error: float, cosine: float, verdict: str) -> dict[str, Any]:
    return {
        "precision": precision,
        "max_abs_error": error,
        "max_rel_error": error,
        "cosine": cosine,
        "argmax_flips": 0,
        "verdict": verdict,
    }


def contestant(label: str, role: str, median: float | None, **more: Any) -> dict[str, Any]:
    blocks = [] if median is None else [[median * (1 + 0.01 * step) for step in range(9)], [None, median]]
    return {
        "label": label,
        "role": role,
        "runtime": "openvino",
        "version": "OpenVINO 2026.4.1",
        "precision": "f32",
        "reason": None,
        "median_ms": median,
        "median_low_ms": median and median * 0.98,
        "median_high_ms": median and median * 1.02,
        "p90_ms": median and median * 1.1,
        "calls": 900,
        "steady": True,
        "load_ms": 120.0,
        "compile_ms": 80.0,
        "first_ms": 2.0,
        "peak_rss_mib": 101.5,
        "size_bytes": 70_000,
        "blocks_ms": blocks,
        "block_calls": [],
        **more,
    }


def pair(name: str, ratio: float | None, low: float | None, high: float | None, verdict: str) -> dict[str, Any]:
    return {
        "contestant": name,
        "baseline": "ovprep",
        "ratio": ratio,
        "low": low,
        "high": high,
        "rounds": 60,
        "restarts": 3,
        "verdict": verdict,
    }


def benchmark(layer: str = "conv1") -> dict[str, Any]:
    return {
        "contestants": [
            contestant("ovprep", "ovprep", 0.2),
            contestant("original", "original", 1.3, runtime="keras", version="Keras 3.1 on TensorFlow 2.2"),
            contestant("direct conversion", "direct", 0.4),
            contestant("ovprep (control)", "control", 0.2),
        ],
        "pairs": [
            pair("original", 6.5, 6.2, 6.8, "faster"),
            pair("direct conversion", 2.0, 1.9, 2.1, "faster"),
        ],
        "control": pair("ovprep (control)", 1.0, 0.99, 1.01, "equal within 2%"),
        "hint": "latency",
        "batch": 1,
        "threads": 2,
        "seed": 0,
        "restarts": 3,
        "seconds": 10.0,
        "wall_seconds": 24.0,
        "environment": {
            "cpu": "AMD EPYC",
            "isa": ["avx2", "avx512f"],
            "cores": 2,
            "affinity": [0, 1],
            "quota": None,
            "steal": 0.002,
            "system": "Linux",
            "python": "3.11.7",
            "versions": {"openvino": "2026.4.1"},
            "properties": {"NUM_STREAMS": "1"},
        },
        "notes": ["The clock drifted."],
        "ops": [
            timed(layer, "Convolution", 0.12, 4_000_000, 60_000),
            timed("relu", "ReLU", 0.05, 0, 40_000),
            timed("dense", "MatMul", 0.03, 90_000, 90_000),
        ],
        "machine": {
            "f32_gflops": 150.0,
            "default_gflops": 400.0,
            "default_precision": "bf16",
            "bandwidth_gb_s": 20.0,
            "cache_gb_s": 90.0,
            "threads": 2,
        },
        "model_roofline_share": 0.31,
        "partial": False,
        "gates": [
            {
                "name": "max-latency-ms",
                "contestant": "ovprep",
                "limit": 5.0,
                "found": 0.2,
                "passed": True,
                "explanation": "0.2 ms is within it.",
            }
        ],
    }


def timed_report(layer: str = "conv1", further: int = 1) -> dict[str, Any]:
    """What `ovprep benchmark` writes: a Keras model, its IR and one that failed, under `further` more conditions."""
    whole = full_report(layer)
    names = (f"{layer}.h5", f"{layer}_openvino", "broken.onnx")
    found = {
        **benchmark(layer),
        "contestants": [
            contestant(names[0], "model", 1.3, runtime="keras", version="Keras 3.1 on TensorFlow 2.2"),
            contestant(f"{names[0]} (control)", "control", 1.3),
            contestant(names[1], "ovprep", 0.2),
            contestant(names[2], "model", None, reason="It was killed by SIGSEGV."),
        ],
        "pairs": [
            {**pair(names[1], 0.16, 0.15, 0.17, "slower"), "baseline": names[0]},
            {**pair(names[2], None, None, None, "cannot tell"), "baseline": names[0]},
        ],
        "control": {**pair(f"{names[0]} (control)", 1.0, 0.99, 1.01, "equal within 2%"), "baseline": names[0]},
        "ops_of": names[1],
    }
    return {
        **{key: whole[key] for key in ("schema", "ovprep", "source", "warnings")},
        "interface": {key: whole["interface"][key] for key in ("inputs", "outputs")},
        "models": [
            {"label": name, "path": f"/models/{name}", "format": "f", "sha256": "ef" * 32, "framework": "g"}
            for name in names
        ],
        "options": {"threads": [2], "batch": [1, 8], "hint": ["latency"], "seconds": 3.0},
        "sizes": {},
        "benchmark": found,
        "further": [{**found, "batch": 8 * (number + 1), "ops": [], "machine": None} for number in range(further)],
        "against": {
            "changes": [
                {
                    "contestant": names[0],
                    "then_ms": 1.5,
                    "now_ms": 1.3,
                    "ratio": 1.15,
                    "low": 1.1,
                    "high": 1.2,
                    "verdict": "faster",
                }
            ],
            "circumstances": ["openvino 2025.1 then, 2026.4.1 now"],
        },
    }


def compared_report(layer: str = "conv1") -> dict[str, Any]:
    """What `ovprep verify` writes of two models that are not the same, with a certificate that was run again."""
    whole = full_report(layer)
    machine = {"versions": {"openvino": "2026.4.1"}, "cpu": "AMD EPYC", "isa": ["avx2"], "threads": 2}
    located = {"side": "candidate", "op": layer, "op_type": "Conv", "origin": "layer 3"}
    certificate = {"options": {"layout": {"x": "nwc"}, "data": ["a b.npy"], "tolerance": 0.01}, "machine": machine}
    return {
        **{key: whole[key] for key in ("schema", "ovprep", "source", "interface", "warnings")},
        "candidate": {"path": "/models/other.onnx", "format": "onnx", "sha256": "cd" * 32, "framework": "onnx"},
        "verification": {**whole["verification"], "passed": False, "located": located, "certificate": certificate},
        "reproduction": {"reproduced": False, "same_files": True, "changes": ["OpenVINO is 2026.4.1, and was 2025.1."]},
    }


def timed(name: str, kind: str, ms: float, macs: int, size: int) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "layer": name,
        "kernel": "brgconv_avx512",
        "ms": ms,
        "macs": macs,
        "bytes": size,
        "gflops": 2 * macs / ms / 1e6,
        "roofline_share": 0.4,
    }
