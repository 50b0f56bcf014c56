"""Opens HDF5 files of strangers: whatever leads elsewhere, has two names or is of an absurd size is refused."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from ovprep.errors import ModelError, UnsupportedError

MAX_BYTES = 4 * 2**30
"""More than any 1D CNN has: what unpacks to more is damaged, or meant to fill the memory."""
_MAX_ITEMS = 2**18
"""In an attribute: names of the weights of one layer, or of one model."""

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, SystemError)
"""What h5py raises for a damaged file; SystemError where it loses an exception inside a callback."""


@contextmanager
def open_hdf5(file: Path | io.BytesIO, path: Path) -> Iterator[h5py.File]:
    """Opens a file for the time of the `with` block, once everything in it was looked at; `path` is for messages.

    Raises ModelError where it is damaged, UnsupportedError for what Keras never writes.
    """
    try:
        opened = h5py.File(file, "r")
    except OSError as error:
        raise ModelError(f"{path} is damaged: HDF5 cannot open its weights ({error}). Copy the file again.") from error
    with opened:
        try:
            refusal = _Inspection(opened).refusal()
        except _DAMAGE as error:
            raise ModelError(f"{path} is damaged: its groups cannot be read ({error}). Copy the file again.") from error
        if refusal is not None:
            raise UnsupportedError(f"{path} {refusal}")
        yield opened


def attributes_of(group: h5py.Group, path: Path) -> dict[str, Any]:
    """All attributes. Raises ModelError where they cannot be read, UnsupportedError where one is of an absurd size."""
    try:
        for name in group.attrs:
            if group.attrs.get_id(name).get_space().get_simple_extent_npoints() > _MAX_ITEMS:
                raise UnsupportedError(f"{path} has an attribute {name!r} of an absurd size.")
        return dict(group.attrs)
    except (*_DAMAGE, AttributeError) as error:
        raise ModelError(f"{path} is damaged: its attributes cannot be read ({error}). Copy the file again.") from error


class _Inspection:
    """One walk over all links of a file; each group is entered once, even where links go in a circle."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._bytes = 0

    def refusal(self) -> str | None:
        """The rest of a sentence that begins with the path; None where nothing is wrong."""
        found: str | None = self._file.visititems_links(self._visit)
        if found is None and h5py.h5o.get_info(self._file.id).rc > 1:
            return "has a group that contains itself; Keras writes none."
        return found

    def _visit(self, name: str, link: object) -> str | None:
        if not isinstance(link, h5py.HardLink):
            return f"has a link to another place in {name!r}, which ovprep does not follow."
        entry = self._file[name]
        if isinstance(entry, h5py.Datatype):
            return f"has a type of its own in {name!r}; Keras writes none."
        if h5py.h5o.get_info(entry.id).rc > 1:
            return f"has several names for what is at {name!r}; Keras writes everything once."
        if isinstance(entry, h5py.Dataset):
            return self._visit_dataset(name, entry)
        attributes = entry.attrs
        if any(attributes.get_id(key).get_space().get_simple_extent_npoints() > _MAX_ITEMS for key in attributes):
            return f"has an attribute of an absurd size at {name!r}."
        return None

    def _visit_dataset(self, name: str, dataset: h5py.Dataset) -> str | None:
        if dataset.external or dataset.is_virtual:
            return f"has an array at {name!r} that lies in another file, which ovprep refuses."
        self._bytes += (dataset.size or 0) * dataset.dtype.itemsize
        if self._bytes > MAX_BYTES:
            return f"holds more than {MAX_BYTES // 2**30} GiB of arrays; the one at {name!r} is too large."
        return None
