"""A worker whose OpenVINO does 5% more work: `python -m benchmarks.slowed_worker RUNTIME THREADS CORES`."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence

from ovprep.workers import worker
from ovprep.workers.arrays import Array
from ovprep.workers.runners import openvino

EXTRA = 0.05
_CALLS = 200


class SlowedRunner(openvino.OpenVinoRunner):
    """Each call is followed by a spin of 5% of the time that it takes."""

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """As its parent's, and slower."""
        call = super().bind(inputs)
        clock = time.perf_counter_ns
        times = []
        for _ in range(_CALLS):
            begin = clock()
            call()
            times.append(clock() - begin)
        extra = EXTRA * statistics.median(times)

        def slowed() -> None:
            call()
            end = clock() + extra
            while clock() < end:
                pass

        return slowed


if __name__ == "__main__":
    openvino.OpenVinoRunner = SlowedRunner  # type: ignore[misc]
    worker.main(sys.argv[1:])
