"""Which outputs are the next state of which inputs, and calls in a row."""

import numpy as np
import pytest

from ovprep.errors import RuntimeFailure
from ovprep.interface import Dim, Interface, Port
from ovprep.proof.inputs.cases import Case
from ovprep.proof.inputs.chain import CALLS, Chain, make_chain


def port(name: str, *dims: Dim, dtype: str = "float32") -> Port:
    return Port(name, dtype, dims, "?" * len(dims))


SIGNAL = port("x", 1, 512)


def pairs_of(inputs: list[Port], outputs: list[Port]) -> tuple[tuple[int, int], ...] | None:
    chain = make_chain(Interface((SIGNAL, *inputs), (port("y", 1, 512), *outputs)), {}, 0)
    return chain.pairs if chain else None


def test_states_are_paired_by_shape_and_then_in_order() -> None:
    hidden, cell, memory = port("h", 2, 1, 64), port("c", 2, 1, 64), port("m", 1, 9)
    assert pairs_of([hidden, memory, cell], [port("h1", 2, 1, 64), port("c1", 2, 1, 64), port("m1", 1, 9)]) == (
        (1, 1),
        (3, 2),
        (2, 3),
    )


def test_a_signal_is_no_state_and_neither_is_what_has_no_counterpart() -> None:
    assert pairs_of([], []) is None
    assert pairs_of([port("other", 1, 4)], [port("more", 1, 512)]) is None
    assert pairs_of([port("rate", 1, dtype="int64")], [port("count", 1, dtype="int64")]) is None
    assert pairs_of([port("a", 1, 4)], [port("b", 1, 4), port("c", 1, 4)]) is None
    assert pairs_of([port("second signal", 1, 512)], [port("second output", 1, 512)]) is None
    assert pairs_of([port("a", 1, "time", 4)], [port("b", 1, "time", 4)]) is None
    assert pairs_of([port("a", "batch", 4)], [port("b", "batch", 4)]) == ((1, 1),)


def test_each_call_is_fed_what_the_last_one_gave() -> None:
    interface = Interface((SIGNAL, port("state", 1, 1)), (port("y", 1, 512), port("next", 1, 1)))
    chain = Chain(interface, {}, 0, ((1, 1),))
    fed = []

    def run(case: Case) -> list[np.ndarray]:
        fed.append(case.inputs[0])
        return [case.inputs[1] * np.ones((1, 512)), case.inputs[1] + 1]

    outputs = chain.outputs(run)
    np.testing.assert_array_equal(outputs[1].ravel(), np.arange(1, CALLS + 1))
    np.testing.assert_array_equal(outputs[0][:, 0, 0], np.arange(CALLS))
    assert not np.array_equal(fed[0], fed[1])


def test_an_output_that_is_no_state_after_all() -> None:
    interface = Interface((SIGNAL, port("state", 1, 1)), (port("y", 1, 512), port("next", 1, 1)))
    with pytest.raises(RuntimeFailure, match="another shape than the state"):
        Chain(interface, {}, 0, ((1, 1),)).outputs(lambda case: [case.inputs[0], case.inputs[0]])
