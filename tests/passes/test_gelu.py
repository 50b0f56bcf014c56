"""Gelu by its formula."""

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.gelu import name_gelus
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, ops_of

Form = Callable[[GraphBuilder, ir.Value, ir.Value], ir.Value]


def number(build: GraphBuilder, value: float) -> ir.Value:
    return build.constant(np.float32(value), "number")


FORMS: dict[str, Form] = {
    "half last": lambda build, x, grown: build.op("Mul", build.op("Mul", x, grown), number(build, 0.5)),
    "half first": lambda build, x, grown: build.op("Mul", build.op("Mul", grown, number(build, 0.5)), x),
    "half of x": lambda build, x, grown: build.op("Mul", build.op("Mul", number(build, 0.5), x), grown),
    "by two": lambda build, x, grown: build.op("Div", build.op("Mul", grown, x), number(build, 2.0)),
}


def gelu(form: Form, root: float = math.sqrt(2), one: float = 1.0, inverse: bool = False) -> ir.Model:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 16)
    scaled = build.op("Mul", x, number(build, 1 / root)) if inverse else build.op("Div", x, number(build, root))
    grown = build.op("Add", build.op("Erf", scaled), number(build, one))
    build.output(form(build, x, grown), "y")
    return build.model


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("inverse", [True, False])
def test_each_order_of_the_factors(form: Form, inverse: bool) -> None:
    model = gelu(form, inverse=inverse)
    change = applied(name_gelus, model, FEW_ULP)
    assert change is not None
    assert change.summary == "named 1 Gelu"
    assert ops_of(model) == ["Gelu"]


@pytest.mark.parametrize(("root", "one"), [(1.5, 1.0), (math.sqrt(2), 1.1)])
def test_other_numbers_are_another_function(root: float, one: float) -> None:
    model = gelu(FORMS["half last"], root, one)
    assert applied(name_gelus, model) is None


def test_other_factors_are_another_function() -> None:
    for form in (
        lambda build, x, grown: build.op("Mul", build.op("Mul", x, grown), number(build, 0.25)),
        lambda build, x, grown: build.op("Mul", build.op("Mul", grown, grown), number(build, 0.5)),
        lambda build, x, grown: build.op("Div", number(build, 2.0), build.op("Mul", grown, x)),
        lambda build, x, grown: build.op("Mul", build.op("Mul", grown, number(build, 0.5)), number(build, 0.5)),
    ):
        assert applied(name_gelus, gelu(form)) is None


def test_a_part_that_others_read_stays() -> None:
    model = gelu(FORMS["half last"])
    erf = next(node for node in model.graph if node.op_type == "Erf")
    build = GraphBuilder()
    build.graph = model.graph
    build.output(build.op("Neg", erf.outputs[0]), "z")
    assert applied(name_gelus, model) is None
