"""The page of a report."""

import os
from pathlib import Path

from ovprep.errors import OptionError, OutputError
from ovprep.report.folder import new_file


def report_page(report: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Path:
    """Draws the page of a conversion, of a benchmark or of a verification from its JSON alone; returns where it is.

    output      the file to write, by default the report's name with `.html`; it is replaced

    Raises OptionError where the file is no report, OutputError where the page cannot be written.
    """
    from jinja2 import UndefinedError

    from ovprep.report.html.page import read_report, write_page

    content = read_report(Path(report))
    target = Path(output) if output is not None else Path(report).with_suffix(".html")
    if target.is_dir():
        raise OutputError(f"{target} is a folder. Name a file with --output.")
    if target.resolve() == Path(report).resolve():
        raise OutputError(f"{target} is the report itself. Name another file with --output.")
    with new_file(target) as scratch:
        try:
            write_page(content, scratch)
        except (AttributeError, KeyError, TypeError, UndefinedError) as error:  # what a file that was edited runs into
            raise OptionError(
                f"{report} lacks or garbles a part of a report ({error!r}). Give it as ovprep wrote it."
            ) from error
    return target
