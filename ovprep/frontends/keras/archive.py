"""Reads the members of a `.keras` file, which is a zip archive, into memory; nothing is written anywhere."""

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.hdf5 import MAX_BYTES

_MAX_RATIO = 100
"""Keras does not compress, and trained weights would not shrink to a tenth."""
_SMALL = 2**20
"""Bytes that may shrink as they like: a configuration repeats itself."""


def read_members(path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, bytes]:
    """The named members; those that are optional only where they are there.

    Raises ModelError where the archive is damaged or one is missing, UnsupportedError where it holds what Keras never
    writes: names that lead out of it, two members of one name, or what unpacks to an absurd size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_strange_members(archive, path)
            missing = sorted(set(required) - set(archive.namelist()))
            if missing:
                raise ModelError(f"{path} is a zip archive but no Keras model: it has no {' and no '.join(missing)}.")
            names = {*required, *optional} & set(archive.namelist())
            return {name: _read(archive, archive.getinfo(name), path) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}). Save the model again, or copy the file again.") from error


def _refuse_strange_members(archive: zipfile.ZipFile, path: Path) -> None:
    names = archive.namelist()
    for name in names:
        if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or ".." in PureWindowsPath(name).parts:
            raise UnsupportedError(f"{path} has a member {name!r}, which leads out of the archive; Keras writes none.")
    twice, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise UnsupportedError(f"{path} has two members named {twice!r}; Keras writes each once.")
    if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
        raise UnsupportedError(f"{path} unpacks to more than {MAX_BYTES // 2**30} GiB.")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    """One member, unpacked no further than to the size that it states, which its checksum then belies."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsupportedError(f"{path} has a member {info.filename!r} in a compression that Keras does not write.")
    if info.file_size > max(_SMALL, _MAX_RATIO * info.compress_size):
        raise UnsupportedError(f"{path} has a member {info.filename!r} that unpacks to an absurd size.")
    with archive.open(info) as member:
        data = member.read(info.file_size)
    if len(data) < info.file_size:
        raise zipfile.BadZipFile(f"{info.filename} is cut off")
    return data
