"""OpenVINO's own direct conversion of a model that only its framework can read.

It runs in a process with the framework, and writes an IR that a clean OpenVINO worker then loads, so that neither
TensorFlow's memory nor its threads count against OpenVINO. OpenVINO refuses some models; the refusal is a finding for
the report, and comes out of `result` as RuntimeFailure.
"""

import dataclasses
from pathlib import Path
from types import TracebackType
from typing import Self

from ovprep.verify.contender import Contender
from ovprep.verify.process import LOAD_LIMIT, Worker


class DirectConversion:
    """A conversion under way. Starts at once and in parallel with whatever else runs; `result` waits for it."""

    def __init__(self, contender: Contender, folder: Path, *, threads: int) -> None:
        """`contender` is the one with `needs_conversion`; the IR goes to `folder`, which must exist."""
        self.contender = contender
        self._output = folder / "direct.xml"
        self._worker = Worker("keras", threads=threads)
        self._result: Contender | None = None

    def result(self, limit: float = LOAD_LIMIT) -> Contender:
        """The contender with the IR as its file. Raises RuntimeFailure where OpenVINO refuses the model."""
        if self._result is None:
            with self._worker:
                self._worker.convert(self.contender, self._output, limit=limit)
            self._result = dataclasses.replace(self.contender, path=self._output)
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
