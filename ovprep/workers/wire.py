"""Messages between ovprep and its worker processes: a JSON header and raw .npy buffers over a pipe.

    "OVPW" | length of the header, 4 bytes, big endian | header {"body": {...}, "arrays": [bytes, ...]} | arrays ...

Arrays travel in NumPy's own format with `allow_pickle=False`, so that nothing that a worker sends is ever executed.
"""

import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ovprep.workers.arrays import Array

MAGIC = b"OVPW"
_PREFIX = struct.Struct(">4sI")


class ProtocolError(Exception):
    """The bytes on the pipe are not a message."""


def encode(body: Mapping[str, Any], arrays: Sequence[Array] = ()) -> bytes:
    """One message as bytes. Raises ValueError for an array of Python objects."""
    buffers = [_to_npy(array) for array in arrays]
    header = json.dumps({"body": dict(body), "arrays": [len(buffer) for buffer in buffers]}).encode()
    return b"".join((_PREFIX.pack(MAGIC, len(header)), header, *buffers))


def decode(read: Callable[[int], bytes]) -> tuple[dict[str, Any], list[Array]]:
    """Reads one message with `read(n)`, which returns exactly n bytes or raises EOFError.

    Raises ProtocolError where the bytes are not a message.
    """
    magic, length = _PREFIX.unpack(read(_PREFIX.size))
    if magic != MAGIC:
        raise ProtocolError(f"expected {MAGIC!r}, got {magic!r}")
    header = json.loads(read(length))
    return header["body"], [_from_npy(read(size)) for size in header["arrays"]]


def _to_npy(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
    return buffer.getvalue()


def _from_npy(data: bytes) -> Array:
    array: Array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array
