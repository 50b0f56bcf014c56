"""A model carried to another runtime by that runtime's own means, where only its framework can read it.

OpenVINO's direct conversion, or TensorFlow's to TFLite. It runs in a process with the framework, and writes a file that
a clean worker then loads, so that neither TensorFlow's memory nor its threads count against the other runtime. Some
models are refused; the refusal is a finding for the report, and comes out of `result` as RuntimeFailure.
"""

import dataclasses
from pathlib import Path
from types import TracebackType
from typing import Self

from ovprep.options import ReadOptions
from ovprep.workers.contender import Contender
from ovprep.workers.process import LOAD_LIMIT, Worker


class DirectConversion:
    """A conversion under way. Starts at once and in parallel with whatever else runs; `result` waits for it."""

    def __init__(self, contender: Contender, folder: Path, *, threads: int) -> None:
        """`contender` is the one with `needs_conversion`; the file goes to `folder`, which must exist."""
        self.contender = contender
        self._output = folder / ("carried.tflite" if contender.runtime == "tflite" else "direct.xml")
        self._worker = Worker("tensorflow" if contender.path.is_dir() else "keras", threads=threads)
        self._result: Contender | None = None

    def result(self, limit: float = LOAD_LIMIT) -> Contender:
        """The contender with the new file as its own. Raises RuntimeFailure where the model is refused."""
        if self._result is None:
            with self._worker:
                self._worker.convert(self.contender, self._output, limit=limit)
            done = ReadOptions(values=self.contender.options.values)  # all else was for the framework
            self._result = dataclasses.replace(self.contender, path=self._output, options=done)
        return self._result

    def close(self) -> None:
        """Ends the process."""
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
