"""Several inferences under way."""

from pathlib import Path

import numpy as np
import pytest

from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from ovprep.workers.runners.base import Options, Pipelined
from ovprep.workers.runners.openvino import OpenVinoBackend
from tests.proof.networks import CHANNELS, SAMPLES, network, write_ir

SIGNAL = np.random.default_rng(0).standard_normal((1, SAMPLES, CHANNELS)).astype(np.float32)


@pytest.fixture(scope="module")
def ir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ir(network(), tmp_path_factory.mktemp("ir") / "model.xml")


def test_every_request_has_the_inputs(ir: Path) -> None:
    runner = OpenVinoBackend().load(ir, Options(2, shapes=(SIGNAL.shape,), hint="throughput"))
    assert isinstance(runner, Pipelined)
    wanted = runner.run([SIGNAL])
    start, wait = runner.pipeline([SIGNAL])
    for _ in range(4 * runner.loaded.requests):
        start()
    wait()
    queue = start.__self__  # type: ignore[attr-defined]  # a method of it
    assert len(list(queue)) == runner.loaded.requests
    for request in queue:
        for index, array in enumerate(wanted):
            np.testing.assert_allclose(request.get_output_tensor(index).data, array, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("hint", "several"), [("latency", False), ("throughput", True)])
def test_a_block_has_a_time_for_each_call_or_one_for_all(ir: Path, hint: str, several: bool) -> None:
    contender = Contender("ir", "openvino", ir, hint=hint)  # type: ignore[arg-type]
    with Worker("openvino", threads=2) as worker:
        loaded = worker.load(contender, shapes=(SIGNAL.shape,))
        assert worker.bind([SIGNAL]) > 0
        blocks = [worker.block(8) for _ in range(8)]
    sizes, calls = [block.times.size for block in blocks], [block.calls for block in blocks]
    assert sizes == ([1] * 8 if several else calls)
    assert sum(calls) > 8
    assert (loaded.requests == 1) or several
