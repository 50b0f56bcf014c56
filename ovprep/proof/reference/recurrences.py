"""LSTM, GRU and RNN of ONNX in NumPy, at the precision of their inputs: for the float64 yardstick.

onnx 1.23 ignores `sequence_lens`, knows the usual activations alone, and does not run in two directions with a state.
The equations are those of https://onnx.ai/onnx/operators/onnx__LSTM.html, onnx__GRU.html and onnx__RNN.html.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from onnx.reference.op_run import OpRun

from ovprep.workers.arrays import Array

Function = Callable[[Array], Array]
State = tuple[Array, ...]


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


_PLAIN: dict[str, Function] = {
    "Relu": lambda x: np.maximum(x, 0),
    "Sigmoid": _sigmoid,
    "Softplus": lambda x: np.logaddexp(0, x),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Tanh": np.tanh,
}
_WITH_ALPHA: dict[str, tuple[float, Callable[[Array, float], Array]]] = {
    "Elu": (1.0, lambda x, alpha: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)),
    "LeakyRelu": (0.01, lambda x, alpha: np.where(x < 0, alpha * x, x)),
    "ThresholdedRelu": (1.0, lambda x, alpha: np.where(x > alpha, x, 0)),
}
_WITH_BOTH: dict[str, tuple[float, float, Callable[[Array, float, float], Array]]] = {
    "Affine": (1.0, 0.0, lambda x, alpha, beta: alpha * x + beta),
    "HardSigmoid": (0.2, 0.5, lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1)),
    "ScaledTanh": (1.0, 1.0, lambda x, alpha, beta: alpha * np.tanh(beta * x)),
}


def _functions(
    names: Sequence[str], alphas: Sequence[float] | None, betas: Sequence[float] | None
) -> Iterator[Function]:
    """Activations in their order; each takes the next alpha and beta as far as it has any."""
    alpha, beta = iter(alphas or ()), iter(betas or ())
    for name in names:
        if name in _PLAIN:
            yield _PLAIN[name]
        elif name in _WITH_ALPHA:
            usual, one = _WITH_ALPHA[name]
            yield _bound(one, next(alpha, usual))
        elif name in _WITH_BOTH:
            first, second, both = _WITH_BOTH[name]
            yield _bound(both, next(alpha, first), next(beta, second))
        else:
            raise NotImplementedError(f"the activation {name}")


def _bound(function: Callable[..., Array], *numbers: float) -> Function:
    return lambda x: function(x, *numbers)


class _Recurrence(OpRun):
    """What the three have in common: directions, lengths of sequences, the initial state."""

    usual: ClassVar[tuple[str, ...]]
    states: ClassVar[int] = 1

    def _run(
        self,
        x: Array,
        w: Array,
        r: Array,
        b: Array | None = None,
        sequence_lens: Array | None = None,
        *rest: Array | None,
        activation_alpha: Sequence[float] | None = None,
        activation_beta: Sequence[float] | None = None,
        activations: Sequence[str] | None = None,
        clip: float | None = None,
        direction: str | None = None,
        hidden_size: int | None = None,
        layout: int | None = None,
        **options: Any,
    ) -> tuple[Array, ...]:
        if layout:
            raise NotImplementedError("recurrence with the batch first")
        directions, size = r.shape[0], r.shape[-1]
        steps, items = x.shape[:2]
        lengths = np.full(items, steps) if sequence_lens is None else sequence_lens.astype(np.int64)
        bias = np.zeros((directions, 2 * w.shape[1]), x.dtype) if b is None else b
        zero = np.zeros((directions, items, size), x.dtype)
        initial = [zero if one is None else one for one in (*rest, *[None] * self.states)[: self.states]]
        peephole = rest[self.states] if len(rest) > self.states else None
        names = [str(name) for name in activations or self.usual * directions]
        functions = list(_functions(names, activation_alpha, activation_beta))
        outputs, finals = [], []
        for number in range(directions):
            own = functions[number * len(self.usual) : (number + 1) * len(self.usual)]
            weights = (w[number].T, r[number].T, bias[number], None if peephole is None else peephole[number])

            def step(xt: Array, state: State, own: Sequence[Function] = own, weights: Any = weights) -> State:
                return self.step(xt, state, weights, own, _clipped(clip), options)

            backwards = direction == "reverse" or number == 1
            output, final = _run_through(x, lengths, tuple(one[number] for one in initial), step, backwards)
            outputs.append(output)
            finals.append(final)
        last = tuple(np.stack([final[index] for final in finals]) for index in range(self.states))
        every = (np.stack(outputs, axis=1), *last)
        return every[: max(len(self.onnx_node.output), 1)]

    def step(
        self, x: Array, state: State, weights: Any, functions: Sequence[Function], clip: Function, options: Any
    ) -> State:
        """The next state `[N, H]` from the input `[N, I]` of a step."""
        raise NotImplementedError


def _run_through(
    x: Array, lengths: Array, state: State, step: Callable[[Array, State], State], backwards: bool
) -> tuple[Array, State]:
    """All outputs `[T, N, H]`, zero behind the end of a sequence, and each item's last state."""
    output = np.zeros((*x.shape[:2], state[0].shape[-1]), x.dtype)
    items = np.arange(x.shape[1])
    for time in range(x.shape[0]):
        runs = time < lengths
        places = np.where(runs, lengths - 1 - time if backwards else time, 0)
        new = step(x[places, items], state)
        state = tuple(np.where(runs[:, None], one, other) for one, other in zip(new, state, strict=True))
        output[places[runs], items[runs]] = state[0][runs]
    return output, state


def _clipped(limit: float | None) -> Function:
    return (lambda x: np.clip(x, -limit, limit)) if limit else lambda x: x


class RNN(_Recurrence):
    """RNN of the default domain."""

    usual = ("Tanh",)

    def step(
        self, x: Array, state: State, weights: Any, functions: Sequence[Function], clip: Function, options: Any
    ) -> State:
        w, r, bias, _ = weights
        inner, outer = np.split(bias, 2)
        return (functions[0](clip(x @ w + inner + state[0] @ r + outer)),)


class GRU(_Recurrence):
    """GRU of the default domain; gates in the order update, reset, hidden."""

    usual = ("Sigmoid", "Tanh")

    def step(
        self, x: Array, state: State, weights: Any, functions: Sequence[Function], clip: Function, options: Any
    ) -> State:
        w, r, bias, _ = weights
        before = state[0]
        given = np.split(x @ w + bias[: w.shape[1]], 3, axis=-1)
        kernels, offsets = np.split(r, 3, axis=-1), np.split(bias[w.shape[1] :], 3)
        update = functions[0](clip(given[0] + before @ kernels[0] + offsets[0]))
        reset = functions[0](clip(given[1] + before @ kernels[1] + offsets[1]))
        if options.get("linear_before_reset"):
            recalled = reset * (before @ kernels[2] + offsets[2])
        else:
            recalled = (reset * before) @ kernels[2] + offsets[2]
        return ((1 - update) * functions[1](clip(given[2] + recalled)) + update * before,)


class LSTM(_Recurrence):
    """LSTM of the default domain; gates in the order input, output, forget, cell."""

    usual = ("Sigmoid", "Tanh", "Tanh")
    states = 2

    def step(
        self, x: Array, state: State, weights: Any, functions: Sequence[Function], clip: Function, options: Any
    ) -> State:
        w, r, bias, peephole = weights
        hidden, cell = state
        inner, outer = np.split(bias, 2)
        enter, leave, forget, new = np.split(x @ w + inner + hidden @ r + outer, 4, axis=-1)
        look = np.split(peephole, 3) if peephole is not None else [np.zeros_like(cell[0])] * 3
        enter = functions[0](clip(enter + look[0] * cell))
        forget = 1 - enter if options.get("input_forget") else functions[0](clip(forget + look[2] * cell))
        cell = forget * cell + enter * functions[1](clip(new))
        leave = functions[0](clip(leave + look[1] * cell))
        return leave * functions[2](cell), cell


OPERATORS: tuple[Any, ...] = (GRU, LSTM, RNN)
