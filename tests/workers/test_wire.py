"""The frames between ovprep and its workers."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ovprep.workers import wire


def read_from(data: bytes):
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        part = stream.read(size)
        if len(part) < size:
            raise EOFError
        return part

    return read


@given(
    st.dictionaries(st.text(), st.none() | st.integers(-(2**40), 2**40) | st.text()),
    st.lists(
        arrays.arrays(st.sampled_from(["f4", "f8", "i8", "u1", "?"]), arrays.array_shapes(min_dims=0)), max_size=3
    ),
)
def test_what_goes_in_comes_out(body, sent) -> None:
    found, received = wire.decode(read_from(wire.encode(body, sent)))
    assert found == body
    assert len(received) == len(sent)
    for one, other in zip(sent, received, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_order_of_axes_survives() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    np.testing.assert_array_equal(wire.decode(read_from(wire.encode({}, [array])))[1][0], array)


def test_objects_are_not_sent() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        wire.encode({}, [np.array([object()])])


def test_anything_else_on_the_pipe_is_noticed() -> None:
    with pytest.raises(wire.ProtocolError):
        wire.decode(read_from(b"WARNING: All log messages before absl::InitializeLog() is called"))
    with pytest.raises(EOFError):
        wire.decode(read_from(wire.encode({"a": 1}, [np.zeros(9)])[:-1]))
