"""Recurrent Keras models as tf2onnx 1.17 writes them, against TensorFlow, and through all of ovprep."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest

import ovprep
from ovprep.emit.openvino import to_openvino
from ovprep.frontends.onnx import read_onnx
from ovprep.passes.pipeline import ANY_RUNTIME, normalize
from tests.graphs import FEW_ULP, check, difference

CONVERTER = Path(__file__).parent / "keras_models.py"

MODELS: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {
    # name: its forms, and what it is made of, Transposes and Squeezes left out
    "lstm": (("fixed",), {"LSTM": 1}),
    "gru": (("open", "time", "fixed"), {"GRU": 1}),
    "gru_before": (("open", "keras2"), {"Slice": 1, "GRU": 1}),
    "rnn": (("open", "time", "fixed", "keras2"), {"RNN": 1}),
    "both_ways": (("open", "time", "fixed"), {"GRU": 2, "Concat": 1}),
    "added_up": (("open", "keras2"), {"RNN": 2, "Add": 1}),
    "stacked": (("fixed",), {"Conv": 1, "Relu": 1, "LSTM": 1, "GRU": 1, "Gemm": 1}),
    "cells": (("open", "time", "keras2"), {"LSTM": 1, "GRU": 1}),
    "handed_on": (("fixed",), {"LSTM": 2}),
}
LEFT = {"hard": "computes Clip in each step", "masked": "changes its type in each step"}
FORMS = [(name, kind) for name, (kinds, _) in MODELS.items() for kind in kinds]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each model in each form, with an input and what TensorFlow makes of it; in a process of its own."""
    path = tmp_path_factory.mktemp("recurrent")
    wanted = {name: kinds for name, (kinds, _) in MODELS.items()} | dict.fromkeys(LEFT, ("open",))
    subprocess.run([sys.executable, str(CONVERTER), str(path), json.dumps(wanted)], check=True, timeout=600)
    return path


@pytest.mark.parametrize(("name", "kind"), FORMS)
def test_a_recurrence_and_nothing_around_it(folder: Path, name: str, kind: str) -> None:
    path = folder / f"{name}.{kind}.onnx"
    assert "Loop" in {node.op_type for node in onnx.load(path).graph.node}
    with np.load(path.with_suffix(".npz")) as stored:
        x, *wanted = (stored[key] for key in stored.files)
    model = read_onnx(path).graph
    done = normalize(model, after_each=lambda name, left: check(left))
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(to_openvino(model, done.interface), "CPU", config)
    for found, expected in zip(compiled(x).values(), wanted, strict=True):
        assert difference(np.asarray(found), expected) <= FEW_ULP
    model = read_onnx(path).graph
    normalize(model, purpose=ANY_RUNTIME)
    counts = Counter(node.op_type for node in model.graph)
    assert {op: n for op, n in counts.items() if op not in ("Transpose", "Squeeze")} == MODELS[name][1]
    assert done.interface.inputs[0].layout == "NWC"
    assert all(port.layout in ("NWC", "NC") for port in done.interface.outputs)


@pytest.mark.parametrize("name", LEFT)
def test_what_openvino_has_no_operator_for_stays_a_loop(folder: Path, name: str) -> None:
    path = folder / f"{name}.open.onnx"
    with np.load(path.with_suffix(".npz")) as stored:
        x, wanted = (stored[key] for key in stored.files)
    model = read_onnx(path).graph
    done = normalize(model)
    (change,) = [one.change for one in done.passes if one.name == "recover_recurrence"]
    assert LEFT[name] in change.details[0]
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(to_openvino(model, done.interface), "CPU", config)
    assert difference(np.asarray(compiled(x)[0]), wanted) <= FEW_ULP


@pytest.mark.parametrize(("name", "kind"), [("both_ways", "time"), ("cells", "keras2")])
def test_proven_end_to_end(folder: Path, tmp_path: Path, name: str, kind: str) -> None:
    done = ovprep.convert(folder / f"{name}.{kind}.onnx", tmp_path / "out", benchmark=False)
    assert done.verification is not None
    assert done.verification.passed
