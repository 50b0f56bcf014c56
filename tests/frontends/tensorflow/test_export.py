"""The child process that exports: what it gives, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tensorflow as tf

from ovprep.child import environment
from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.open import read_model
from ovprep.frontends.tensorflow import export
from tests.frontends.tensorflow.support import check, signature_of, small_keras_model

CHILD = "import json, os, sys, time\nrequest = json.loads(sys.argv[1])\n"


def use_child(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts another program in the place of the exporter."""
    (folder / "fake_exporter.py").write_text(CHILD + program)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(export, "_MODULE", "fake_exporter")


def test_a_model_through_a_process(tmp_path: Path) -> None:
    small_keras_model().export(tmp_path / "model", verbose=False)
    check(read_model(tmp_path / "model"), signature_of(tmp_path / "model", "serving_default", ["output_0"]))


def test_an_error_keeps_its_class_and_its_words(tmp_path: Path) -> None:
    path = tmp_path / "model.pb"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert str(caught.value) == f"{path} is no frozen TensorFlow graph: it does not parse as a GraphDef."


def test_a_child_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_child("open(sys.argv[0] + '.pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n", tmp_path, monkeypatch)
    monkeypatch.setattr(export, "TIME_LIMIT", 2.0)
    path = tmp_path / "model.pb"
    path.write_bytes(b"anything")
    with pytest.raises(UnsupportedError, match=r"model\.pb was not exported to ONNX within 2 s\.$"):
        read_model(path)
    pid = int((tmp_path / "fake_exporter.py.pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_dies_leaves_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_child("print('Fatal: out of tensors', flush=True)\nos.kill(os.getpid(), 6)\n", tmp_path, monkeypatch)
    path = tmp_path / "model.pb"
    path.write_bytes(b"anything")
    with pytest.raises(ModelError, match=r"was killed by SIGABRT while exporting .*words: Fatal: out of tensors$"):
        read_model(path)


def test_a_file_that_kills_tensorflow(tmp_path: Path) -> None:
    """Its interpreter reads past the end of a file that was cut off; in a child process, that ends in a sentence."""
    converter = tf.lite.TFLiteConverter.from_keras_model(small_keras_model())
    whole = converter.convert()
    path = tmp_path / "model.tflite"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"TensorFlow was killed by SIG|no TFLite model") as caught:
        read_model(path)
    assert str(path) in str(caught.value)


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed in the middle of an export: the pipe between them closes, and the child ends."""
    parent = "import subprocess, sys, time\nsubprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\ntime.sleep(60)\n"
    child = (
        "import os, sys, time\nfrom ovprep.child import end_with_parent\nend_with_parent(0)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()) + '.')\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent, sys.executable, "-c", child], env=environment())
    file = tmp_path / "pid"
    wait_for(lambda: file.exists() and file.read_text().endswith("."))
    process.send_signal(signal.SIGKILL)
    process.wait()
    pid = int(file.read_text().rstrip("."))
    wait_for(lambda: not alive(pid))


def wait_for(condition: object, limit: float = 30.0) -> None:
    assert callable(condition)
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but that nobody asked about is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_request_is_plain_json() -> None:
    from ovprep.options import ReadOptions

    options = ReadOptions(Path("w.h5"), True, ("mine",), "half")
    assert ReadOptions.unpacked(json.loads(json.dumps(options.packed()))) == options
