"""The output folder: written beside its place and moved there whole, never over anything that ovprep did not write."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ovprep.errors import OutputError

MANIFEST = "manifest.json"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Gives a scratch folder that becomes `target` when the block ends well, and vanishes when it does not.

    A folder of an earlier conversion is replaced. Raises OutputError, before anything is written, where `target` is
    somebody else's or cannot be written.
    """
    require_ours(target)
    scratch = _folder_beside(target)
    try:
        scratch.chmod(0o777 & ~_umask())  # mkdtemp makes it private; a result is as readable as any other file
        yield scratch
        _move(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Gives the path of a scratch file that becomes `target` when the block ends well, and vanishes when it does not.

    Other files that the block puts beside the scratch file go beside `target`. Raises OutputError where it cannot be
    written.
    """
    folder = _folder_beside(target)
    try:
        yield folder / target.name
        for file in sorted(
            folder.iterdir(), key=lambda file: file.name == target.name
        ):  # it comes last, with all it needs
            file.replace(target.with_name(file.name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder_beside(target: Path) -> Path:
    """A new private folder on the file system of `target`. Raises OutputError where there can be none."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise OutputError(
            f"Cannot write to {target.parent}: {error.strerror}. Choose another place with --output."
        ) from error


def require_ours(target: Path) -> None:
    """Raises OutputError unless `target` is new, an empty folder, or one that holds nothing but ovprep's own files."""
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir():
        raise OutputError(f"{target} exists and is not a folder. Choose another place with --output.")
    present = {path.name for path in target.iterdir()}
    if not present:
        return
    own = _files_of(target / MANIFEST)
    foreign = sorted(present - own)
    if foreign:
        raise OutputError(
            f"{target} holds {foreign[0]!r}, which ovprep did not write. "
            "Choose another place with --output, or remove that folder."
        )


def _files_of(manifest: Path) -> set[str]:
    """Names of the files that a manifest of ours lists, itself included; empty where it is none of ours."""
    try:
        content = json.loads(manifest.read_text("utf-8"))
        if content["generator"] != "ovprep":
            return set()
        return {str(entry["name"]) for entry in content["files"]} | {MANIFEST}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _move(scratch: Path, target: Path) -> None:
    """Puts the finished folder in its place; the old one goes only when the new one is there."""
    if not target.exists():
        scratch.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    place = target.resolve()  # a link to a folder stays a link
    place.rename(old / "folder")
    try:
        scratch.rename(place)
    except OSError:
        (old / "folder").rename(place)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
