"""Moving arrays between the layouts of two interfaces."""

from typing import Any

from numpy.typing import NDArray

from ovprep.interface import Port

Array = NDArray[Any]


def turned(array: Array, have: Port, want: Port) -> Array:
    """Brings the axes into the wanted order by their letters, never by their sizes."""
    if have.layout == want.layout:
        return array
    assert "?" not in have.layout + want.layout
    return array.transpose([have.layout.index(letter) for letter in want.layout])
