"""Files made to harm: each is refused with one sentence, in little time and memory."""

import json
import os
import re
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from tests.frontends.keras.files import config_of, with_config, with_members, with_weights

MEMORY = 640 * 2**20
"""Bytes of address space; Python with NumPy and ONNX takes half of it."""
SECONDS = 120
"""Of processor time, for all files together: some hundred times what they take."""

READER = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
from pathlib import Path
from tests.frontends.keras.files import refusal_of
for path in sys.argv[1:]:
    print(json.dumps([Path(path).name, refusal_of(Path(path))]), flush=True)
"""

Attack = Callable[[Path], Path]
ATTACKS: dict[str, tuple[Attack, str]] = {}
"""What makes the harmful file out of the sound ones in a folder, and how it is refused."""


def attack(sentence: str) -> Callable[[Attack], Attack]:
    def register(make: Attack) -> Attack:
        ATTACKS[make.__name__] = make, sentence
        return make

    return register


def member(folder: Path, name: str, data: bytes = b"text", **options: Any) -> Path:
    """The sound archive with one more member."""
    path = with_members(folder / "model.keras", {})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), data, **options)
    return path


@attack("member '/etc/cron.d/job', which leads out of the archive")
def absolute_path(folder: Path) -> Path:
    return member(folder, "/etc/cron.d/job")


@attack(r"member 'assets/../../job', which leads out of the archive")
def path_upwards(folder: Path) -> Path:
    return member(folder, "assets/../../job")


@attack("leads out of the archive")
def path_on_another_drive(folder: Path) -> Path:
    return member(folder, "C:/job")


@attack(r"two members named 'config\.json'")
def member_twice(folder: Path) -> Path:
    with warnings.catch_warnings(action="ignore"):
        return member(folder, "config.json", b"{}")


@attack("unpacks to an absurd size")
def zip_bomb(folder: Path) -> Path:
    return bomb(folder, stated=2**31)


@attack("damaged")
def zip_bomb_that_states_a_small_size(folder: Path) -> Path:
    return bomb(folder, stated=1000)


@attack("in a compression that Keras does not write")
def compression_without_bounds(folder: Path) -> Path:
    return bomb(folder, stated=1000, method=zipfile.ZIP_BZIP2)


def bomb(folder: Path, stated: int, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """An archive whose configuration of two megabytes unpacks to two gibibytes of zeros, whatever size it states."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflate.compress(bytes(2**20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    path = folder / "changed.keras"
    with zipfile.ZipFile(folder / "model.keras") as old, zipfile.ZipFile(path, "w") as new:
        new.writestr("config.json", block * 2**11 + b"\x03\x00")
        new.writestr("model.weights.h5", old.read("model.weights.h5"))
    data = bytearray(path.read_bytes())
    for header, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        begin = data.index(header) + place
        data[begin : begin + 2] = method.to_bytes(2, "little")
        data[begin + 14 : begin + 18] = stated.to_bytes(4, "little")
    path.write_bytes(data)
    return path


@attack("more than 4 GiB")
def archive_that_states_terabytes(folder: Path) -> Path:
    path = with_members(folder / "model.keras", {})
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = (2**32 - 2).to_bytes(4, "little")
    other = data.index(b"PK\x01\x02")
    data[other + 24 : other + 28] = (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(data)
    return path


@attack("holds object instead of numbers")
def pickled_objects(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        del group["conv/conv/bias"]
        kind = h5py.vlen_dtype(np.dtype("u1"))
        group.create_dataset("conv/conv/bias", (4,), kind)[0] = np.frombuffer(b"cos\nsystem\n", "u1")

    return with_weights(folder / "model.h5", edit)


@attack("holds .* instead of numbers")
def compound_type(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        del group["conv/conv/bias"]
        group["conv/conv/bias"] = np.zeros(4, [("a", "f4"), ("b", "S1000")])

    return with_weights(folder / "model.h5", edit)


@attack("too large")
def array_of_a_billion(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        del group["conv/conv/kernel"]
        group.create_dataset("conv/conv/kernel", (2**10, 2**10, 2**10), "f4", chunks=(1, 1, 2**10))

    return with_weights(folder / "model.h5", edit)


@attack("more than 4 GiB of arrays")
def many_large_arrays(folder: Path) -> Path:
    """None of them is stored: a file of some kilobytes."""

    def edit(group: h5py.Group) -> None:
        for number in range(40):
            group.create_dataset(f"more/{number}", (2**25,), "f4", chunks=(2**20,))

    return with_weights(folder / "model.h5", edit)


@attack("lies in another file")
def virtual_array(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        del group["conv/conv/bias"]
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (4,))
        group.create_virtual_dataset("conv/conv/bias", layout)

    return with_weights(folder / "model.h5", edit)


@attack("link to another place")
def link_to_another_file(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        group["conv1d/more"] = h5py.ExternalLink("/etc/other.h5", "/")

    return with_weights(folder / "model.keras", edit)


@attack("several names for what is at")
def group_in_a_circle(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        group["conv/again"] = group["conv"]

    return with_weights(folder / "model.h5", edit)


@attack("contains itself|several names")
def file_in_a_circle(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        group["conv1d/cell"] = group.file["/"]

    return with_weights(folder / "model.keras", edit)


@attack("several names for what is at")
def one_array_under_many_names(folder: Path) -> Path:
    def edit(group: h5py.Group) -> None:
        group["conv/other"] = group["conv/conv/kernel"]

    return with_weights(folder / "model.h5", edit)


@attack("attribute of an absurd size|attribute 'weight_names' of an absurd size")
def attribute_of_a_million_names(folder: Path) -> Path:
    path = folder / "large.h5"
    with h5py.File(folder / "model.h5") as old, h5py.File(path, "w", libver="latest") as new:
        new.attrs.update(old.attrs)
        old.copy("model_weights", new)
        more = new.create_group("model_weights/more")
        more.attrs["weight_names"] = np.zeros(2**20, "S1")
    return path


@attack("configuration of an absurd size")
def configuration_of_many_megabytes(folder: Path) -> Path:
    return with_config(folder / "model.h5", "[" + "[]," * 12_000_000 + "[]]")


@attack("not JSON")
def configuration_that_nests_lists(folder: Path) -> Path:
    return with_config(folder / "model.keras", "[" * 1_000_000)


@attack("not JSON")
def number_of_a_million_digits(folder: Path) -> Path:
    text = json.dumps(config_of(folder / "model.keras")).replace('"filters": 4', '"filters": ' + "9" * 1_000_000)
    return with_config(folder / "model.keras", text)


@attack("filters=1e?0+")
def number_of_a_thousand_digits(folder: Path) -> Path:
    text = json.dumps(config_of(folder / "model.keras")).replace('"filters": 4', '"filters": 1' + "0" * 1000)
    return with_config(folder / "model.keras", text)


@attack("filters=nan")
def no_number(folder: Path) -> Path:
    text = json.dumps(config_of(folder / "model.keras")).replace('"filters": 4', '"filters": NaN')
    return with_config(folder / "model.keras", text)


@attack("'x' .* gives a tensor that is too large")
def input_of_a_billion(folder: Path) -> Path:
    return edited(folder, lambda config: config["config"]["layers"][0]["config"].update(batch_shape=[None, 2**30, 3]))


@attack("too large")
def repetition_to_a_billion(folder: Path) -> Path:
    return with_layers(folder, [("UpSampling1D", {"size": 2**29})])


@attack("nests models more than 20 deep")
def models_in_models(folder: Path) -> Path:
    inner: list[Any] = [entry("Activation", "inner", activation="relu")]
    for depth in range(60):
        name = f"level_{depth}"
        inner = [{"class_name": "Sequential", "config": {"name": name, "layers": [begin(name), *inner]}}]
    return sequential(folder, inner)


@attack("calls its layers more than")
def models_that_call_models_twice(folder: Path) -> Path:
    """Eighteen deep, in two kilobytes: a quarter of a million calls."""
    inner: list[Any] = [entry("Activation", "inner", activation="linear")]
    for depth in range(18):
        inner = [twice(f"level_{depth}", inner[0])]
    return sequential(folder, inner)


@attack("Lambda")
def code(folder: Path) -> Path:
    function = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    return with_layers(folder, [("Lambda", {"function": function})])


def edited(folder: Path, edit: Callable[[Any], object]) -> Path:
    config = config_of(folder / "model.keras")
    edit(config)
    return with_config(folder / "model.keras", config)


def entry(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}}


def begin(name: str) -> dict[str, Any]:
    return entry("InputLayer", f"{name}_input", batch_shape=[None, 9, 3])


def twice(name: str, inner: dict[str, Any]) -> dict[str, Any]:
    """A Functional model that calls a layer on what the layer gives."""
    inside = inner["config"]["name"]
    first = 1 if inner["class_name"] == "Functional" else 0
    nodes = [[[f"{name}_input", 0, 0, {}]], [[inside, first, 0, {}]]]
    config = {
        "name": name,
        "layers": [
            {**begin(name), "name": f"{name}_input", "inbound_nodes": []},
            {**inner, "name": inside, "inbound_nodes": nodes},
        ],
        "input_layers": [[f"{name}_input", 0, 0]],
        "output_layers": [[inside, first + 1, 0]],
    }
    return {"class_name": "Functional", "config": config}


def with_layers(folder: Path, added: list[tuple[str, dict[str, Any]]]) -> Path:
    return sequential(folder, [entry(kind, f"added_{number}", **it) for number, (kind, it) in enumerate(added)])


def sequential(folder: Path, entries: list[Any]) -> Path:
    """A model without weights."""
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": [begin("net"), *entries]}}

    def clear(group: h5py.Group) -> None:
        for key in list(group):
            del group[key]

    return with_config(with_weights(folder / "model.h5", clear).rename(folder / "empty.h5"), config)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """How each file is refused, all in one process that may not take much."""
    folder, done = tmp_path_factory.mktemp("sound"), tmp_path_factory.mktemp("harmful")
    x = keras.Input((9, 3), name="x")
    model = keras.Model(x, layers.Dense(2, name="scores")(layers.Conv1D(4, 3, name="conv")(x)), name="net")
    for suffix in (".h5", ".keras"):
        model.save(folder / f"model{suffix}")
    paths = []
    for name, (make, _) in ATTACKS.items():
        made = make(folder)
        paths.append(made.rename(done / f"{name}{made.suffix}"))
    sound = [str(folder / f"model{suffix}") for suffix in (".h5", ".keras")]
    command = [sys.executable, "-c", READER, *sound, *map(str, paths)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet())
    assert result.returncode == 0, result.stderr[-2000:]
    return {Path(name).name: sentence for name, sentence in map(json.loads, result.stdout.splitlines())}


def quiet() -> dict[str, str]:
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def test_the_sound_files_are_read(sentences: dict[str, str | None]) -> None:
    assert sentences["model.h5"] is None
    assert sentences["model.keras"] is None


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused(name: str, sentences: dict[str, str | None]) -> None:
    (found,) = (sentence for file, sentence in sentences.items() if Path(file).stem == name)
    assert found is not None
    assert re.search(ATTACKS[name][1], found), found
    assert found.endswith(".")
    assert "\n" not in found
    assert len(found) < 2000
