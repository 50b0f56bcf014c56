"""Files with damage that may make sense: each is refused with a sentence, or read as Keras itself reads it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ovprep.errors import OvprepError
from ovprep.frontends.keras.reader import read_keras
from ovprep.loading.keras import load_original
from ovprep.options import ReadOptions
from tests.frontends.keras.files import config_of, with_config, with_weights
from tests.frontends.keras.support import Array, feeds_for, onnx_runner
from tests.frontends.keras.test_mutations import mutated

FILES = ["keras_3.h5", "keras_3.keras", "keras_2.h5"]
FUZZ = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def model(framework: Any) -> Any:
    """Neighbours have weights of the same shapes, so that a mix-up would not be seen by these."""
    layers = framework.layers
    x = framework.Input((8, 3), name="x")
    y = layers.Conv1D(3, 3, padding="same", activation="relu", name="first")(x)
    y = layers.Conv1D(3, 3, padding="same", name="second")(y)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.PReLU(shared_axes=[1], name="prelu")(layers.Add(name="add")([x, y]))
    z = layers.LSTM(3, name="memory")(layers.MaxPooling1D(2, name="pool")(y))
    z = layers.Concatenate(name="both")([z, layers.GlobalAveragePooling1D(name="mean")(y)])
    return framework.Model(x, layers.Dense(3, activation="softmax", name="scores")(z), name="net")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("differential")
    for framework, name in ((keras, "keras_3"), (tf_keras, "keras_2")):
        made = model(framework)
        random = np.random.default_rng(0)
        made.set_weights([random.uniform(0.2, 1.0, array.shape) for array in made.get_weights()])
        for suffix in (".h5", ".keras"):
            made.save(path / f"{name}{suffix}")
    return path


def check(path: Path) -> str:
    """What became of a file: refused, beyond Keras, or equal. Any traceback, and any other output, is a failure."""
    try:
        source = read_keras(path)
    except OvprepError as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return "refused"
    feeds = feeds_for(source.interface, 2, 5, 1.0)
    wanted = original_outputs(path, list(feeds.values()))
    if wanted is None:
        return "beyond Keras"
    found = onnx_runner(source)(feeds)
    assert len(found) == len(wanted)
    for mine, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, right, rtol=1e-4, atol=1e-5)
    return "equal"


def original_outputs(path: Path, inputs: Sequence[Array]) -> list[Array] | None:
    """The outputs of the framework that verification would ask; None where it does not take the file."""
    try:
        loaded = load_original(path, ReadOptions()).model
        result = loaded(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
    except Exception:  # noqa: BLE001  (whatever keeps Keras from it)
        return None
    flat = result if isinstance(result, (list, tuple)) else [result]
    return [np.asarray(value) for value in flat]


@pytest.mark.parametrize("name", FILES)
def test_sound_files_are_equal(name: str, folder: Path) -> None:
    assert check(folder / name) == "equal"


@pytest.mark.parametrize("name", FILES)
@FUZZ
@given(data=st.data())
def test_mutated_configurations(name: str, folder: Path, data: st.DataObject) -> None:
    check(with_config(folder / name, data.draw(mutated(config_of(folder / name)))))


def edit_of(data: st.DataObject, root: h5py.Group) -> None:
    """One change to the weights: of an array, of its place, or of the names that list it."""
    arrays: list[str] = []
    groups: list[str] = []
    root.visititems(lambda path, item: (arrays if isinstance(item, h5py.Dataset) else groups).append(path))
    listing = [path for path in groups if "weight_names" in root[path].attrs]
    changes = [drop, rename, swap, reshape, recast, drop_group, swap_groups]
    if listing:
        changes += [reorder_names, forget_name, reorder_layers]
    data.draw(st.sampled_from(changes))(data, root, arrays, groups, listing)


def drop(data: st.DataObject, root: h5py.Group, arrays: list[str], *_: Any) -> None:
    del root[data.draw(st.sampled_from(arrays))]


def rename(data: st.DataObject, root: h5py.Group, arrays: list[str], *_: Any) -> None:
    path = data.draw(st.sampled_from(arrays))
    root.move(path, path + data.draw(st.sampled_from(["x", "_1", "0"])))


def swap(data: st.DataObject, root: h5py.Group, arrays: list[str], *_: Any) -> None:
    swap_paths(root, *data.draw(st.permutations(arrays))[:2])


def drop_group(data: st.DataObject, root: h5py.Group, _: Any, groups: list[str], *__: Any) -> None:
    del root[data.draw(st.sampled_from(groups))]


def swap_groups(data: st.DataObject, root: h5py.Group, _: Any, groups: list[str], *__: Any) -> None:
    top = [path for path in groups if "/" not in path]
    swap_paths(root, *data.draw(st.permutations(top))[:2])


def swap_paths(root: h5py.Group, one: str, other: str) -> None:
    root.move(one, "spare")
    root.move(other, one)
    root.move("spare", other)


def reshape(data: st.DataObject, root: h5py.Group, arrays: list[str], *_: Any) -> None:
    path = data.draw(st.sampled_from(arrays))
    array = root[path][()]
    changes = [np.transpose, np.ravel, lambda x: x[None], lambda x: x[1:], lambda x: x[..., :0]]
    change = data.draw(st.sampled_from(changes))
    put(root, path, change(array))


def recast(data: st.DataObject, root: h5py.Group, arrays: list[str], *_: Any) -> None:
    path = data.draw(st.sampled_from(arrays))
    put(root, path, root[path][()].astype(data.draw(st.sampled_from(["f8", "f2", "i4", "S4", "c8", "?"]))))


def put(root: h5py.Group, path: str, array: Array) -> None:
    del root[path]
    root[path] = array


def reorder_names(data: st.DataObject, root: h5py.Group, _: Any, __: Any, listing: list[str]) -> None:
    attributes = root[data.draw(st.sampled_from(listing))].attrs
    attributes["weight_names"] = data.draw(st.permutations(list(attributes["weight_names"])))


def forget_name(data: st.DataObject, root: h5py.Group, _: Any, __: Any, listing: list[str]) -> None:
    attributes = root[data.draw(st.sampled_from(listing))].attrs
    names = list(attributes["weight_names"])
    attributes["weight_names"] = data.draw(st.sampled_from([names[1:], names[:-1], names + names[:1], []]))


def reorder_layers(data: st.DataObject, root: h5py.Group, *_: Any) -> None:
    root.attrs["layer_names"] = data.draw(st.permutations(list(root.attrs["layer_names"])))


@pytest.mark.parametrize("name", FILES)
@FUZZ
@given(data=st.data())
def test_mutated_weights(name: str, folder: Path, data: st.DataObject) -> None:
    check(with_weights(folder / name, lambda root: edit_of(data, root)))


@pytest.mark.parametrize("name", FILES)
@FUZZ
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=4))
def test_flipped_bits(name: str, folder: Path, flips: list[tuple[float, int]]) -> None:
    path = Path(shutil.copy(folder / name, folder / f"flipped{Path(name).suffix}"))
    content = bytearray(path.read_bytes())
    for place, bit in flips:
        content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    check(path)
