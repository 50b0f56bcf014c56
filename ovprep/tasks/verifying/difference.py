"""The folder beside a result that shows where it differs from the original."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from ovprep.errors import OutputError
from ovprep.proof.verify import Verification
from ovprep.report.folder import MANIFEST, new_folder


def difference_beside(output: Path) -> Path:
    """Where it goes: `model_difference` beside `model_openvino`, and beside any other `x` it is `x_difference`."""
    return output.with_name(f"{output.name.removesuffix('_openvino')}_difference")


def kept(found: Verification, place: Path) -> Verification:
    """The verification with the example that it left in a scratch folder, if any, in a place of its own."""
    if found.located is None or found.located.reproducer is None:
        return found
    how = publish(found.located.reproducer, place)
    return replace(found, located=replace(found.located, reproducer=place), notes=(*found.notes, how))


def publish(scratch: Path, place: Path) -> str:
    """Moves the files of a reproducer to their place; returns the sentence that says how to use it, or why not."""
    names = sorted(file.name for file in scratch.iterdir())
    try:
        with new_folder(place) as folder:
            for name in names:
                shutil.copy(scratch / name, folder / name)
            files = [{"name": name} for name in names]
            (folder / MANIFEST).write_text(
                json.dumps({"generator": "ovprep", "files": files}, indent=2) + "\n", "utf-8"
            )
    except OutputError as error:
        return f"An example of it could not be kept: {error}"
    return f"To see it by itself: python {place / 'run.py'}"
