"""The page of a conversion, from its report."""

import os
from pathlib import Path

from ovprep.errors import OptionError, OutputError
from ovprep.report.folder import new_file


def report_page(report: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Path:
    """Draws the page of a conversion anew, from its `report.json` alone; returns where it is.

    output      the file to write, `report.html` beside the report by default; it is replaced

    Raises OptionError where the file is no report of a conversion, OutputError where the page cannot be written.
    """
    from jinja2 import UndefinedError

    from ovprep.report.html.page import PAGE, read_report, write_page

    content = read_report(Path(report))
    target = Path(output) if output is not None else Path(report).with_name(PAGE)
    if target.is_dir():
        raise OutputError(f"{target} is a folder. Name a file with --output.")
    with new_file(target) as scratch:
        try:
            write_page(content, scratch)
        except (AttributeError, KeyError, TypeError, UndefinedError) as error:  # what a file that was edited runs into
            raise OptionError(
                f"{report} lacks or garbles a part of a report ({error!r}). Give it as `ovprep convert` wrote it."
            ) from error
    return target
