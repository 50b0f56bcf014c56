"""Options that are more than one word."""

from collections.abc import Sequence

import pytest

from ovprep.cli.parsing import input_values, interface_options
from ovprep.errors import OptionError
from ovprep.options import InterfaceOptions


def test_nothing_said_is_channel_last() -> None:
    assert interface_options([], [], None) == InterfaceOptions("nwc", {}, {}, None)


def test_everything_said() -> None:
    found = interface_options(["NCW", "y=keep", "a=b=nwc"], ["x[1, 16000,?]", "sig:0[4,-1]"], 2, 4)
    shapes = {"x": (1, 16000, None), "sig:0": (4, None)}
    assert found == InterfaceOptions("ncw", {"y": "keep", "a=b": "nwc"}, shapes, 2, 4)


@pytest.mark.parametrize(
    ("layouts", "shapes", "batch", "words"),
    [
        (["nhwc"], [], None, "There is no layout 'nhwc'"),
        (["x=last"], [], None, "There is no layout 'last'"),
        (["nwc", "ncw"], [], None, "given as nwc and as ncw"),
        ([], ["[1,2]"], None, "not of the form"),
        ([], ["x"], None, "not of the form"),
        ([], ["x[1,two]"], None, "not of the form"),
        ([], ["x[1,-2]"], None, "not of the form"),
        ([], ["x[0]"], None, "not of the form"),
        ([], [], 0, "A batch of 0 holds nothing"),
    ],
)
def test_what_makes_no_sense(layouts: Sequence[str], shapes: Sequence[str], batch: int | None, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        interface_options(layouts, shapes, batch)


def test_values_of_inputs() -> None:
    found = input_values(["sr=16000", "gain=-0.5", "a=b=1e3"])
    assert found == {"sr": 16000, "gain": -0.5, "a=b": 1000.0}
    assert isinstance(found["sr"], int)


@pytest.mark.parametrize("text", ["sr", "sr=", "=1", "sr=fast", "sr 1"])
def test_values_that_make_no_sense(text: str) -> None:
    with pytest.raises(OptionError, match=r"is not of the form NAME=NUMBER, as sr=16000"):
        input_values([text])
