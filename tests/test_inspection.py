"""The sizes that open axes are given where the caller names none."""

from ovprep.inspection import default_sizes
from ovprep.interface import Dim, Interface, Port


def sizes_of(*shapes: tuple[Dim, ...]) -> dict[str, int]:
    ports = tuple(Port(f"x{index}", "float32", dims, "?" * len(dims)) for index, dims in enumerate(shapes))
    return default_sizes(Interface(ports, ()), None)


def test_open_axes_of_one_input_differ() -> None:
    assert sizes_of(("batch", "time", "time_2", 3, "time")) == {"batch": 1, "time": 256, "time_2": 320}


def test_open_axes_of_two_inputs_may_have_to_be_the_same() -> None:
    assert sizes_of(("batch", "a_time", 3), ("batch", "b_time", 3)) == {"batch": 1, "a_time": 256, "b_time": 256}
    assert sizes_of(("rows", "time"), ("time", "rows", "more")) == {"rows": 256, "time": 320, "more": 384}
