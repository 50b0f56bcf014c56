"""Worker processes: what they answer, how they fail, and that none is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ovprep.errors import RuntimeFailure
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker

ROOT = Path(__file__).parents[2]
SIGNAL = np.arange(6, dtype=np.float32).reshape(1, 3, 2)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with Worker("keras", threads=1, module="tests.workers.fake_worker") as worker:
        yield worker


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def model(behaviour: str) -> Contender:
    return Contender(behaviour, "keras", Path(f"{behaviour}.h5"))


def test_arrays_come_back_in_order_and_type(fake: Worker) -> None:
    fake.load(model("good"))
    first, second = fake.run([SIGNAL, np.array([[1, 2]], np.int64)])
    np.testing.assert_array_equal(first, 2 * SIGNAL)
    assert first.dtype == np.float32
    assert second.dtype == np.int64
    assert fake.loaded is not None
    assert fake.loaded.version == "Fake 1.0"


def test_printing_does_not_disturb_the_protocol(fake: Worker, capfd: pytest.CaptureFixture[str]) -> None:
    fake.load(model("noisy"))
    for _ in range(3):
        np.testing.assert_array_equal(fake.run([SIGNAL])[0], 2 * SIGNAL)
    assert capfd.readouterr() == ("", "")


def test_large_arrays_pass_through_the_pipe(fake: Worker) -> None:
    fake.load(model("good"))
    large = np.ones((4, 500_000), np.float32)
    np.testing.assert_array_equal(fake.run([large])[0], 2 * large)


def test_a_block_is_at_least_four_milliseconds_of_single_calls(fake: Worker) -> None:
    fake.load(model("good"))
    assert fake.bind([SIGNAL]) > 0
    assert fake.warm_up(50)[0] > 0
    block = fake.block(0)
    assert block.calls == len(block.times)
    assert block.times.min() > 0
    assert block.times.sum() >= 4 * 0.99


def test_death_quotes_the_last_words(fake: Worker) -> None:
    with pytest.raises(RuntimeFailure, match=r"ended with code 7 while loading dies.h5; its last words: a reason on"):
        fake.load(model("dies"))
    assert gone(fake.pid)
    with pytest.raises(RuntimeFailure, match="already stopped"):
        fake.run([SIGNAL])


def test_a_crash_names_the_signal(fake: Worker) -> None:
    fake.load(model("crashes"))
    with pytest.raises(RuntimeFailure, match="killed by SIGSEGV while running"):
        fake.run([SIGNAL])


def test_a_hang_is_stopped_at_the_limit(fake: Worker) -> None:
    fake.load(model("hangs"))
    begin = time.monotonic()
    with pytest.raises(RuntimeFailure, match=r"no answer within 0.3 s while running"):
        fake.run([SIGNAL], limit=0.3)
    assert time.monotonic() - begin < 5
    assert gone(fake.pid)


def test_a_refusal_leaves_the_worker_usable(fake: Worker) -> None:
    fake.load(model("refuses"))
    with pytest.raises(RuntimeFailure, match=r"Keras failed while running: ValueError: the first line\.$"):
        fake.run([SIGNAL])
    fake.load(model("good"))
    np.testing.assert_array_equal(fake.run([SIGNAL])[0], 2 * SIGNAL)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_no_process(fake: Worker, error: type[BaseException]) -> None:
    def interrupted() -> None:
        with fake:
            fake.started()
            raise error

    with pytest.raises(error):
        interrupted()
    assert gone(fake.pid)


def test_a_killed_worker_is_reported(fake: Worker) -> None:
    fake.started()
    os.kill(fake.pid, signal.SIGKILL)
    with pytest.raises(RuntimeFailure, match="killed by SIGKILL"):
        fake.load(model("good"))


def test_a_worker_ends_with_its_parent_even_while_it_computes() -> None:
    program = textwrap.dedent("""
        import os, pathlib
        from ovprep.workers.contender import Contender
        from ovprep.workers.process import Worker
        worker = Worker("keras", threads=1, module="tests.workers.fake_worker")
        worker.load(Contender("x", "keras", pathlib.Path("hangs.h5")))
        os.set_blocking(worker._to, True)
        from ovprep.workers import wire
        os.write(worker._to, wire.encode({"command": "run"}))
        print(worker.pid, flush=True)
        os.kill(os.getpid(), 9)
    """)
    # No `__main__` guard: a script is a program, and starting workers must not run it again.
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    pid = int(done.stdout)
    for _ in range(100):
        if gone(pid):
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent by five seconds")


def test_importing_loads_nothing_heavy() -> None:
    program = "import sys, ovprep.proof, ovprep.workers, ovprep.bench; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"tensorflow", "keras", "openvino", "onnxruntime", "onnx", "onnx_ir"}
