"""Keras files from Keras files and from other models: what is written, what is proven, what is refused."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnx_ir as ir
import pytest
import tf_keras
from keras import layers

import ovprep
from ovprep.errors import MissingDependencyError, ModelError, OptionError, OutputError, UnsupportedError
from ovprep.options import InterfaceOptions
from ovprep.relayout.convert import Relayout, relayout
from ovprep.tasks.normalizing import keras_files
from tests.frontends.keras.files import config_of, with_config
from tests.graphs import GraphBuilder
from tests.relayout.support import FIRST, LAST, conv, formats, randomised, signal

ROOT = Path(__file__).parents[1]
NCW = InterfaceOptions("ncw")


def chain(*middle: layers.Layer, source: str = FIRST) -> keras.Model:
    return randomised(keras.Sequential([signal(source), conv(source, 4), *middle], name="chain"))


def write(model: Any, target: Path, **options: Any) -> tuple[ovprep.Normalized, keras.Model]:
    done = ovprep.normalize(model, target, threads=1, **options)
    return done, keras.models.load_model(target, compile=False, safe_mode=not options.get("allow_code", False))


def summaries(done: ovprep.Normalized) -> list[str]:
    return [report.change.summary for report in done.normalization.passes]


def test_a_live_model_and_a_permute_with_its_reason(tmp_path: Path) -> None:
    model = randomised(keras.Sequential([signal(LAST), conv(LAST, 4), layers.LSTM(3, name="lstm")], name="live"))
    done, made = write(model, tmp_path / "first.keras", interface=NCW)
    assert done.verification is not None
    assert done.verification.passed
    assert [str(port) for port in done.interface.inputs] == ["signal [batch, 3, 16] float32 NCW"]
    assert summaries(done)[:2] == ["turned signal (NWC to NCW)", "moved 1 layer to channels_first"]
    assert summaries(done)[-1].startswith("added 1 Permute: 'conv1d")
    assert "'lstm' (LSTM) runs as written: it steps along axis 1" in summaries(done)[-1]
    layout = done.report()["normalization"]["layout"]
    assert (layout["transposes_before"], layout["transposes_after"], layout["bytes_after"]) == (0, 1, 16 * 4 * 4)
    assert [pin["op"] for pin in layout["pins"]] == [each.name for each in made.layers if "permute" in each.name]


def test_a_model_of_the_wanted_format_is_written_as_it_is(tmp_path: Path) -> None:
    model = chain(layers.BatchNormalization(), layers.GlobalAveragePooling1D(), layers.Dense(2), source=LAST)
    done, made = write(model, tmp_path / "same.keras")
    assert summaries(done) == ["no layer is channels_first, so the model is written as it is"]
    assert done.verification is not None
    assert done.interface == done.original
    assert json.loads(made.to_json())["config"] == json.loads(model.to_json())["config"]


def test_the_interface_may_be_kept(tmp_path: Path) -> None:
    for options in (InterfaceOptions("keep"), InterfaceOptions(layouts={"signal": "keep", "pool": "keep"})):
        model = chain(layers.MaxPooling1D(2, data_format=FIRST, name="pool"))
        done, made = write(model, tmp_path / "kept.keras", interface=options, verify=False)
        assert (made.input_shape, formats(made)) == ((None, 3, 16), {LAST})
        assert done.interface == done.original
    with pytest.raises(OptionError, match="follow its layers all together or not at all"):
        write(model, tmp_path / "out.keras", interface=InterfaceOptions(layouts={"signal": "keep"}))
    with pytest.raises(OptionError, match="no input or output 'x'; the model has signal, pool"):
        write(model, tmp_path / "out.keras", interface=InterfaceOptions(layouts={"x": "keep"}))


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_an_earlier_result_is_replaced_and_nothing_else(ending: str, tmp_path: Path) -> None:
    target = tmp_path / f"out.{ending}"
    model = chain()
    for _ in range(2):
        _, made = write(model, target, verify=ending == "h5")
    assert formats(made) == {LAST}
    made.save(target)  # as a user who trained it further
    before = target.read_bytes()
    for foreign in (target, tmp_path / f"words.{ending}"):
        if foreign != target:
            foreign.write_text("words")
        with pytest.raises(OutputError, match="exists, and ovprep did not write it"):
            write(model, foreign, verify=False)
    assert target.read_bytes() == before
    with pytest.raises(OutputError, match=r"let it end in \.onnx, \.keras or \.h5"):
        write(model, tmp_path / "out.xml")


def test_a_twin_that_computes_otherwise_is_not_handed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Dense rows in the old order, which is what the usual converters do."""

    def forgetful(model: keras.Model, *arguments: Any, **options: Any) -> Relayout:
        done = relayout(model, *arguments, **options)
        done.model.layers[-1].set_weights(model.layers[-1].get_weights())
        return done

    monkeypatch.setattr(keras_files, "relayout", forgetful)
    with pytest.raises(ovprep.VerificationError, match="not equal to the original: its output 'dense") as caught:
        write(chain(layers.Flatten(), layers.Dense(3)), tmp_path / "out.keras")
    assert caught.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_keras_alone_runs_is_proven_by_a_fixed_tolerance(tmp_path: Path) -> None:
    start = keras.Input((3, 16), name="signal")
    made = conv(FIRST, 4, name="conv")(keras.ops.erfinv(keras.ops.tanh(start)))
    done, made = write(randomised(keras.Model(start, made)), tmp_path / "volume.keras")
    assert [str(port) for port in done.interface.outputs] == ["conv [batch, 16, 4] float32 NWC"]
    assert done.verification is not None
    assert (done.verification.passed, done.verification.tolerance.noise) == (True, None)
    assert done.report()["source"]["format"] == "keras"


def test_a_known_defect_of_keras_is_told(tmp_path: Path) -> None:
    """It adds the bias of a channels_first DepthwiseConv1D to the steps where there are as many as channels."""
    start = keras.Input((4, 4), name="x")
    made = layers.DepthwiseConv1D(3, padding="same", data_format=FIRST, name="square")(start)
    model = randomised(keras.Model(start, made))
    with pytest.raises(ovprep.VerificationError, match=r"bias of 'square' along the wrong axis.*with --no-verify if"):
        write(model, tmp_path / "out.keras")
    assert write(model, tmp_path / "last.keras", verify=False)[0].warnings == ()
    done, _ = write(tmp_path / "last.keras", tmp_path / "first.keras", interface=NCW, verify=False)
    assert "bias of 'square' along the wrong axis" in done.warnings[-1]


def test_layers_that_no_rule_reads_are_proven_all_the_same(tmp_path: Path) -> None:
    start = keras.Input((2, 6, 5, 7), name="volume")
    x = layers.Conv3D(3, 3, data_format=FIRST)(start)
    model = randomised(keras.Model(start, layers.GlobalMaxPooling3D(data_format=FIRST, name="peak")(x)))
    done, made = write(model, tmp_path / "volume.keras")
    assert made.input_shape == (None, 6, 5, 7, 2)
    assert [str(port) for port in done.interface.inputs] == ["volume [batch, 6, 5, 7, 2] float32 NDHWC"]
    assert done.verification is not None
    assert done.warnings == ()


def test_a_file_that_keras_3_computes_otherwise_is_written_anew(tmp_path: Path) -> None:
    old = tf_keras.Sequential(
        [tf_keras.Input((12, 3)), tf_keras.layers.Conv1D(4, 3), tf_keras.layers.Activation("hard_sigmoid")]
    )
    old.save(tmp_path / "old.h5")
    done, made = write(tmp_path / "old.h5", tmp_path / "new.keras", interface=InterfaceOptions(batch=2))
    assert made.input_shape == (2, 12, 3)
    assert "written anew" in done.warnings[-1]
    assert "hard_sigmoid" in done.warnings[-1]
    assert done.verification is not None
    assert done.verification.reference.startswith("tf_keras 2")
    x = np.linspace(-4, 4, 72, dtype=np.float32).reshape(2, 12, 3)
    np.testing.assert_allclose(made.predict_on_batch(x), old.predict_on_batch(x), atol=1e-6)


def test_a_file_of_a_newer_keras_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([signal(FIRST), layers.DepthwiseConv1D(3, data_format=FIRST)])
    model.save(tmp_path / "model.h5")
    config = config_of(tmp_path / "model.h5")
    config["config"]["layers"][1]["config"]["groups"] = 1
    path = with_config(tmp_path / "model.h5", config)
    with pytest.raises(ModelError, match="written for a Keras that is not at hand: Keras 3"):
        write(path, tmp_path / "out.keras")


def own_loss(wanted: Any, given: Any) -> Any:
    return abs(wanted - given)


def test_a_loss_that_keras_does_not_know_does_not_matter(tmp_path: Path) -> None:
    model = chain()
    model.compile("adam", own_loss)
    model.save(tmp_path / "model.keras")
    done, made = write(tmp_path / "model.keras", tmp_path / "out.keras", verify=False)
    assert formats(made) == {LAST}
    assert not done.warnings


PLUGIN = """
import keras

@keras.saving.register_keras_serializable("mine")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


def test_classes_of_the_user_and_code_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "doubled.py").write_text(PLUGIN)
    plugins = [str(tmp_path / "doubled.py")]
    ovprep.loading.plugins.load_plugins(plugins)
    doubled = keras.saving.get_registered_object("mine>Doubled")
    chain(doubled()).save(tmp_path / "model.keras")
    done, made = write(tmp_path / "model.keras", tmp_path / "out.keras", plugins=plugins)
    assert done.verification is not None
    assert "Doubled" in [type(each).__name__ for each in made.layers]

    chain(layers.Lambda(eval("lambda x: x + 1"))).save(tmp_path / "code.keras")
    with pytest.raises(UnsupportedError, match="--allow-code"):
        write(tmp_path / "code.keras", tmp_path / "no.keras")
    done, _ = write(tmp_path / "code.keras", tmp_path / "yes.keras", allow_code=True)
    assert done.verification is not None


def exported(folder: Path, *dims: int | str) -> Path:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", *dims), build.weights(4, 3, 3), build.weights(4), pads=(1, 1), strides=(2,))
    x = build.op("Add", x, build.op("Conv", x, build.weights(4, 4, 3), pads=(1, 1)))
    build.output(build.op("Relu", x), "y")
    onnx.save(ir.to_proto(build.model), folder / "model.onnx")
    return folder / "model.onnx"


@pytest.mark.parametrize(
    ("layout", "shape", "kind"),
    [("nwc", (None, 16, 3), LAST), ("keep", (None, 3, 16), LAST), ("ncw", (None, 3, 16), FIRST)],
)
def test_onnx_in_each_layout(layout: str, shape: Sequence[int], kind: str, tmp_path: Path) -> None:
    done, made = write(
        exported(tmp_path, "batch", 3, 16), tmp_path / "out.keras", interface=InterfaceOptions(layout), verify=True
    )
    assert (made.input_shape, formats(made)) == (shape, {kind})
    assert [port.dims[1:] for port in done.interface.inputs] == [shape[1:]]
    permutes = [each for each in made.layers if isinstance(each, layers.Permute)]
    assert len(permutes) == (2 if layout == "keep" else 0) == done.normalization.layout.transposes_after


def test_channel_first_layers_leave_the_interface_as_it_is_asked_for(tmp_path: Path) -> None:
    wanted = InterfaceOptions("ncw", {"y": "nwc"})
    done, made = write(exported(tmp_path, "batch", 3, 16), tmp_path / "out.keras", interface=wanted, verify=False)
    assert (made.input_shape, made.output_shape, formats(made)) == ((None, 3, 16), (None, 8, 4), {FIRST})
    assert done.normalization.layout.transposes_after == 1


def test_onnx_with_axes_opened_and_fixed(tmp_path: Path) -> None:
    path = exported(tmp_path, 1, 3, 16)
    _, made = write(path, tmp_path / "open.keras", dynamic=["batch", "time"], verify=False)
    assert made.input_shape == (None, None, 3)
    _, made = write(exported(tmp_path, "batch", 3, "time"), tmp_path / "fixed.h5", verify=False,
                    interface=InterfaceOptions(shapes={"x": (2, 20, 3)}))  # fmt: skip
    assert made.input_shape == (2, 20, 3)


def test_what_keras_files_cannot_be_asked(tmp_path: Path) -> None:
    model = chain()
    for options in ({"interface": InterfaceOptions(shapes={"signal": (1, 16, 3)})}, {"input_values": {"signal": 1}},
                    {"interface": InterfaceOptions(rank=4)}):  # fmt: skip
        with pytest.raises((OptionError, UnsupportedError)):
            write(model, tmp_path / "out.keras", **options)
    with pytest.raises(OptionError, match="Only axes of ONNX files can be opened"):
        write(chain(), tmp_path / "out.keras", dynamic=["x[?,?,3]".replace("x", "signal")])
    assert list(tmp_path.iterdir()) == []


def test_without_keras_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = exported(tmp_path, "batch", 3, 16)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingDependencyError, match="no Keras file can be written"):
        ovprep.normalize(path, tmp_path / "out.keras")


def test_the_road_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(exported(tmp_path, "batch", 3, 16), "exported.onnx")
    model = ovprep.to_keras("exported.onnx", threads=1)
    model.save("model.keras")
    conversion = ovprep.convert("model.keras", benchmark=False, threads=1)
    assert conversion.verification is not None
    assert conversion.verification.passed
    assert conversion.model_path.exists()
