"""The model as a whole: its names, its interface, its file, its training."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import onnx_ir as ir
import pytest

import ovprep
import ovprep.emit.keras as emitter
from ovprep.emit.keras import write_keras
from ovprep.errors import OptionError, UnsupportedError, VerificationError
from tests.emit.keras.support import check_keras, kinds, train_a_step
from tests.graphs import GraphBuilder


def small_resnet() -> GraphBuilder:
    """As PyTorch's exporters name it."""
    build = GraphBuilder()
    x = build.input("signal", "batch", 2, 32)
    x = build.op(
        "Conv", x, build.weights(6, 2, 7, name="stem.0.weight"), build.weights(6, name="stem.0.bias"), pads=(3, 3)
    )
    x = build.op("Relu", x)
    y = build.op("Conv", x, build.weights(6, 6, 3, name="block.conv.weight"), pads=(1, 1))
    statistics = [build.weights(6, name=f"block.norm.{name}") for name in ("weight", "bias", "mean", "var")]
    y = build.op("BatchNormalization", y, *statistics)
    x = build.op("MaxPool", build.op("Relu", build.op("Add", x, y)), kernel_shape=(2,), strides=(2,))
    flat = build.op("Flatten", x)
    build.output(build.op("Gemm", flat, build.weights(96, 3, name="head.weight"), build.weights(3)), "logits")
    return build


def test_a_model_as_a_person_would_write_it() -> None:
    made = check_keras(small_resnet().model)
    assert kinds(made) == [
        *("Conv1D", "ReLU", "Conv1D", "BatchNormalization", "Add", "ReLU", "MaxPooling1D", "Flatten", "Dense")
    ]
    names = [one.name for one in made.layers]
    assert names[:2] == ["signal", "stem_0"]
    assert {"block_conv", "block_norm"} < set(names)
    assert names[-1] == "logits"
    assert made.input_shape == (None, 32, 2)
    assert not any(isinstance(one, keras.layers.Lambda) for one in made.layers)
    train_a_step(made)


def test_several_inputs_and_outputs_in_their_order() -> None:
    build = GraphBuilder()
    first, second = build.input("b.first", "batch", 2, 9), build.input("a/second", "batch", 5)
    y = build.op("Conv", first, build.weights(5, 2, 3))
    build.output(build.op("ReduceMax", y, build.ints(2), keepdims=0), "z")
    build.output(y, "a")
    build.output(build.op("Add", second, second), "same")
    build.output(build.op("Identity", second), "through")
    with pytest.raises(AssertionError):  # the slash, which no name of a layer can hold
        check_keras(build.model)
    made = ovprep.to_keras(ir.to_proto(build.model), verify=False)
    assert [one.name for one in made.inputs] == ["b.first", "a_second"]
    assert made.output_names == ["z", "a", "same", "through"]
    given = [np.ones((2, 9, 2), np.float32), np.arange(10, dtype=np.float32).reshape(2, 5)]
    outputs = [np.asarray(one) for one in made(given)]
    assert [one.shape for one in outputs] == [(2, 5), (2, 7, 5), (2, 5), (2, 5)]
    np.testing.assert_array_equal(outputs[2], 2 * given[1])


def test_names_that_operations_have_too() -> None:
    """Keras calls its operations `add`, `add_1`, and so on."""
    build = GraphBuilder()
    x = build.input("x", "batch", 6)
    for index in range(4):
        x = build.op("Add", x, build.weights(6))
        node = x.producer()
        assert node is not None
        node.name = f"add_{3 - index}"
    build.output(build.op("Relu", x), "y")
    assert [one.name for one in check_keras(build.model).operations][1:] == ["add_3", "add_2", "add_1", "add_0", "y"]


def test_names_of_inputs_that_keras_cannot_tell_apart() -> None:
    build = GraphBuilder()
    x, y = build.input("x/1", "batch", 6), build.input("x_1", "batch", 6)
    build.output(build.op("Sub", x, y), "y")
    made = ovprep.to_keras(ir.to_proto(build.model))
    assert [one.name for one in made.inputs] == ["x_1", "x_1_1"]
    assert np.asarray(made([np.full((1, 6), 3.0), np.ones((1, 6))])).tolist() == [[2.0] * 6]


def test_weights_that_two_layers_share_in_the_file() -> None:
    build = GraphBuilder()
    x, weights = build.input("x", "batch", 4, 9), build.weights(4, 4, 3, name="conv.weight")
    build.output(build.op("Conv", build.op("Conv", x, weights, pads=(1, 1)), weights), "y")
    assert kinds(check_keras(build.model)) == ["Conv1D", "Conv1D"]


def test_a_path_and_an_axis_to_open(tmp_path: Path) -> None:
    build = GraphBuilder()
    x = build.input("x", 1, 2, 9)
    build.output(build.op("Conv", x, build.weights(3, 2, 3)), "y")
    path = tmp_path / "fixed.onnx"
    onnx.save(ir.to_proto(build.model), path)
    assert ovprep.to_keras(path, verify=False).input_shape == (1, 9, 2)
    opened = ovprep.to_keras(path, dynamic=["batch", "time"], verify=False)
    assert opened.input_shape == (None, None, 2)
    assert opened.name == "fixed"


def test_what_keras_has_not_is_named() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 9)
    y, _ = build.ops("TopK", x, build.ints(2), outputs=2)
    build.output(y, "y")
    with pytest.raises(UnsupportedError, match="TopK node 'TopK' is of a kind"):
        ovprep.to_keras(ir.to_proto(build.model), verify=False)
    with pytest.raises(OptionError, match=r"a path or an onnx\.ModelProto, not a int"):
        ovprep.to_keras(3)


def test_the_file_is_compared_with_the_original_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """In processes of their own; here once as it is, and once with a weight that is off."""
    proto = ir.to_proto(small_resnet().model)
    made = ovprep.to_keras(proto, threads=1)
    assert made.name == "test"

    def off(model: ir.Model, name: str) -> keras.Model:
        wrong = write_keras(model, name)
        dense = wrong.layers[-1]
        dense.set_weights([dense.get_weights()[0] * 1.001, dense.get_weights()[1]])
        return wrong

    monkeypatch.setattr(emitter, "write_keras", off)
    with pytest.raises(VerificationError, match="'logits' differs by"):
        ovprep.to_keras(proto, threads=1)
    ovprep.to_keras(proto, verify=False)


def test_keras_is_loaded_when_it_is_asked_for_only() -> None:
    program = "import sys, ovprep.emit.keras, ovprep.tasks.normalizing.keras_writing; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("kind", "tolerance"), [(np.float64, 1e-14), (np.float16, 2e-3)])
def test_numbers_of_another_width_stay_so(kind: type[np.floating], tolerance: float) -> None:
    """Keras would cast them to float32 in every layer."""
    build = GraphBuilder()
    x = build.input("x", "batch", 6, dtype=kind)
    weights = [build.constant(build.rng.normal(size=shape).astype(kind), "weights") for shape in ((6, 5), (5,))]
    y = build.op("Relu", build.op("Gemm", x, *weights))
    build.output(build.op("Softmax", build.op("Mul", y, build.constant(np.array(0.5, kind)))), "y")
    assert check_keras(build.model, tolerance).outputs[0].dtype == kind.__name__


def test_the_road_from_onnx_to_openvino(tmp_path: Path) -> None:
    """ONNX to Keras, and that to an IR, which is compared with the Keras model."""
    sample = Path(__file__).parents[3] / "samples" / "ecg_resnet" / "model.onnx"
    model = ovprep.to_keras(sample, threads=1)
    conversion = ovprep.convert(model, tmp_path / "ir", benchmark=False, threads=1)
    assert conversion.verification is not None
    assert conversion.verification.passed
    assert [port.name for port in conversion.interface.outputs] == ["rhythm"]
