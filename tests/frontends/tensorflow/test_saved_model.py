"""SavedModel folders of every kind, against TensorFlow."""

import shutil
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf

from ovprep.errors import ModelError, OptionError, OvprepError, UnsupportedError
from ovprep.frontends.open import read_model
from ovprep.frontends.tensorflow.export import _refuse_foreign
from ovprep.loading.signature import _choose
from ovprep.options import ReadOptions
from tests.frontends.keras.support import keras_outputs, randomise
from tests.frontends.tensorflow.support import check, signature_of, small_keras_model

pytestmark = pytest.mark.usefixtures("in_this_process")

AUDIO = tf.TensorSpec([None, None, 2], tf.float32, name="audio")
STATE = tf.TensorSpec([None, 2], tf.float32, name="a_state")


class Streaming(tf.Module):
    """Two inputs and twelve outputs, whose names sort in another way than they were written."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.kernel = tf.Variable(random.normal(size=(3, 2, 4)).astype(np.float32))
        self.dense = tf.Variable(random.normal(size=(4, 2)).astype(np.float32))

    @tf.function(input_signature=[AUDIO, STATE])
    def step(self, audio: tf.Tensor, a_state: tf.Tensor) -> dict[str, tf.Tensor]:
        y = tf.nn.conv1d(audio, self.kernel, 1, "SAME")
        state = tf.reduce_mean(y, 1) @ self.dense + a_state
        return {"zeta": state, "alpha": y, **{f"part_{number}": state * number for number in range(1, 11)}}

    @tf.function(input_signature=[AUDIO, STATE])
    def half(self, audio: tf.Tensor, a_state: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"half": tf.nn.conv1d(audio, self.kernel, 1, "SAME") / 2}  # the state is not used


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streaming") / "model"
    model = Streaming()
    tf.saved_model.save(model, str(path), signatures={"serving_default": model.step, "half": model.half})
    return path


def test_an_export_of_keras(tmp_path: Path) -> None:
    small_keras_model().export(tmp_path / "model", verbose=False)
    source = read_model(tmp_path / "model")
    assert [str(port) for port in source.interface.inputs] == ["x [batch, 17, 3] float32 ???"]
    assert (source.format, source.runtime) == ("saved-model", "tensorflow")
    assert source.framework == f"tensorflow {tf.__version__}"
    check(source, signature_of(tmp_path / "model", "serving_default", ["output_0"]))


def test_inputs_and_outputs_are_those_of_the_signature(streaming: Path) -> None:
    """In the order of their names: the file has no order, and TensorFlow's differs from process to process."""
    source = read_model(streaming)
    names = ["alpha", *(f"part_{number}" for number in range(1, 11)), "zeta"]
    assert [port.name for port in source.interface.inputs] == ["a_state", "audio"]
    assert [port.dims for port in source.interface.inputs] == [("batch", 2), ("batch", "audio_1", 2)]
    assert [port.name for port in source.interface.outputs] == names
    check(source, signature_of(streaming, "serving_default", names))


def test_a_signature_by_name_with_an_input_that_nothing_takes(streaming: Path) -> None:
    source = read_model(streaming, ReadOptions(signature="half"))
    assert [port.name for port in source.interface.inputs] == ["a_state", "audio"]
    check(source, signature_of(streaming, "half", ["half"]))


def test_a_name_of_the_file_inside_stands_for_the_folder(streaming: Path) -> None:
    assert read_model(streaming / "saved_model.pb").path == streaming


def test_the_hash_of_a_folder_is_that_of_all_its_files(streaming: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(streaming, copy)
    assert read_model(copy).sha256 == read_model(streaming).sha256
    (copy / "assets" / "more").write_text("something")
    changed = read_model(copy).sha256
    assert changed != read_model(streaming).sha256
    (copy / "assets" / "more").write_text("something else")
    assert read_model(copy).sha256 != changed


def test_tensorflow_1(tmp_path: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None, 17, 3], name="in/x")
        kernel = tf.compat.v1.get_variable("kernel", initializer=np.random.default_rng(0).normal(size=(3, 3, 5)))
        y = tf.nn.relu(tf.nn.conv1d(x, tf.cast(kernel, tf.float32), 1, "VALID"))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "model"), {"x": x}, {"y": y})
    source = read_model(tmp_path / "model")
    assert [port.name for port in (*source.interface.inputs, *source.interface.outputs)] == ["x", "y"]
    check(source, signature_of(tmp_path / "model", "serving_default", ["y"]))


def test_a_signature_must_be_chosen_where_none_is_for_serving(tmp_path: Path) -> None:
    model = Streaming()
    tf.saved_model.save(model, str(tmp_path), signatures={"two": model.step, "one": model.half})
    with pytest.raises(OptionError, match=r"several signatures; choose one with --signature: one, two\.$"):
        read_model(tmp_path)
    with pytest.raises(OptionError, match=r"no signature 'three'; it has one, two\.$"):
        read_model(tmp_path, ReadOptions(signature="three"))


def test_the_signature_for_serving_needs_no_choice(tmp_path: Path) -> None:
    assert _choose(tmp_path, ["serve", "serving_default", "a"], None) == "serving_default"
    assert _choose(tmp_path, ["serve", "serving_default", "a"], "a") == "a"


def test_the_only_signature_needs_no_name(tmp_path: Path) -> None:
    model = Streaming()
    tf.saved_model.save(model, str(tmp_path), signatures={"mine": model.half})
    assert [port.name for port in read_model(tmp_path).interface.outputs] == ["half"]


def no_variables(path: Path) -> None:
    shutil.rmtree(path / "variables")


def no_graph(path: Path) -> None:
    (path / "saved_model.pb").unlink()


def cut_off(path: Path) -> None:
    content = (path / "saved_model.pb").read_bytes()
    (path / "saved_model.pb").write_bytes(content[: len(content) // 2])


def emptied(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (no_variables, "is no SavedModel that TensorFlow can load: .*variables"),
        (no_graph, "is a folder, and not a SavedModel: it has no saved_model.pb"),
        (cut_off, "is no SavedModel that TensorFlow can load"),
        (emptied, "is a folder, and not a SavedModel"),
    ],
)
def test_damaged_folders_get_one_sentence(damage: object, sentence: str, streaming: Path, tmp_path: Path) -> None:
    path = tmp_path / "model"
    shutil.copytree(streaming, path)
    assert callable(damage)
    damage(path)
    with pytest.raises(ModelError, match=sentence) as caught:
        read_model(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def save(path: Path, function: object, *specs: tf.TensorSpec) -> Path:
    module = tf.Module()
    module.call = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(path), signatures=module.call)
    return path


def test_what_onnx_does_not_have_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, lambda x: {"y": tf.math.bessel_i0(x)}, tf.TensorSpec([None, 4], tf.float32, name="x"))
    with pytest.raises(UnsupportedError, match=r"what tf2onnx cannot bring to ONNX: .*Bessel"):
        read_model(path)


def test_functions_that_xla_is_to_compile(tmp_path: Path) -> None:
    """As Keras has its grouped convolutions; tf2onnx would leave their calls in the graph."""
    x = keras.Input((17, 8), name="x")
    model = keras.Model(x, keras.layers.Conv1D(4, 3, groups=2, dilation_rate=2, use_bias=True)(x))
    randomise(model)
    model.export(tmp_path / "model", verbose=False)
    source = read_model(tmp_path / "model")
    check(source, lambda feeds: keras_outputs(model, feeds))
    assert "Conv" in [node.op_type for node in source.graph.graph]


def test_a_call_that_was_left_in_the_graph_is_refused(tmp_path: Path) -> None:
    """tf2onnx calls that a success, in the main graph and in the body of a loop or a branch."""
    call = onnx.helper.make_node("StatefulPartitionedCall", ["x"], ["y"])
    inner = onnx.helper.make_graph([call], "inner", [], [])
    branch = onnx.helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    for node in (call, branch):
        proto = onnx.helper.make_model(onnx.helper.make_graph([node], "graph", [], []))
        with pytest.raises(UnsupportedError, match="cannot bring to ONNX: StatefulPartitionedCall"):
            _refuse_foreign(proto, tmp_path)
    foreign = onnx.helper.make_model(
        onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"], domain="com.microsoft")], "graph", [], [])
    )
    with pytest.raises(UnsupportedError, match="cannot bring to ONNX: Relu"):
        _refuse_foreign(foreign, tmp_path)


def test_strings_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, lambda x: {"y": tf.strings.to_number(x)}, tf.TensorSpec([None], tf.string, name="x"))
    with pytest.raises(OvprepError, match="has the port 'x', which is no tensor of numbers"):
        read_model(path)
