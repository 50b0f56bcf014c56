"""Where the words go: results to stdout, progress to a terminal's stderr, and with `--json` one object to stdout."""

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ovprep.errors import OutputError, OvprepError

if TYPE_CHECKING:
    from rich.console import Console


class Output:
    """How one run of the program speaks."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, document: Callable[[], dict[str, Any]], render: "Callable[[Console], None]") -> None:
        """Prints a result, as JSON or for people. Raises OutputError where stdout takes no more."""
        with _stdout():
            if self.as_json:
                json.dump(document(), sys.stdout, indent=2, allow_nan=False, ensure_ascii=False)
                sys.stdout.write("\n")
            else:
                render(_console())

    def show_text(self, text: str) -> None:
        """Prints a text as it is. Raises OutputError where stdout takes no more."""
        with _stdout():
            sys.stdout.write(text)

    def fail(self, error: OvprepError) -> None:
        """Prints an error: a sentence on stderr, and with `--json` an object on stdout too."""
        print(f"ovprep: {error}", file=sys.stderr)
        if not self.as_json:
            return
        with suppress(OutputError), _stdout():  # the sentence is out
            json.dump({"error": str(error), "kind": type(error).__name__, "exit_code": error.exit_code}, sys.stdout)
            sys.stdout.write("\n")

    @contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """Gives a function to call with the name of each stage; shown on a terminal only."""
        if not sys.stderr.isatty():
            yield lambda stage: None
            return
        with _Stages() as stages:
            yield stages.begin


@contextmanager
def _stdout() -> Iterator[None]:
    """Writes all of it now, so that a full disk is told as an OutputError."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # a reader that had enough, as `head`: it ends quietly
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (what is left in the buffer would fail again at exit)
        raise OutputError(f"The result cannot be printed: {error.strerror}.") from error


class _Stages:
    """A line for each stage: turning while it runs, then ticked off with the time that it took."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("", refresh_per_second=4)  # the timing below wants the cores for itself
        self._stage: str | None = None
        self._since = 0.0

    def begin(self, stage: str) -> None:
        self._finish("[green]✓[/]")
        self._stage, self._since = stage, time.monotonic()
        self._status.update(f"{stage} …")
        self._status.start()

    def _finish(self, mark: str) -> None:
        if self._stage is not None:
            elapsed = time.monotonic() - self._since
            self._console.print(f"{mark} {self._stage} [dim]{elapsed:.1f} s[/]")
            self._stage = None

    def __enter__(self) -> "_Stages":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._status.stop()
        self._finish("[green]✓[/]" if kind is None else "[red]✗[/]")


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)
