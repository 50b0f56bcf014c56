"""Layers whose meaning is tied to the axes as they are written."""

from collections.abc import Callable

from ovprep.relayout.rules.registry import Case, Pinned, Rule, Ruling, nothing, rule


def _always(reason: str) -> Rule:
    def pinned(case: Case) -> Ruling:
        return Pinned(reason)

    return pinned


def _pin(reason: str, *classes: str) -> Callable[[Rule], Rule]:
    return rule(*classes, spread=nothing)(_always(reason))  # type: ignore[return-value]


_pin("it steps along axis 1 and reads the last axis", "LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional")
_pin("it attends along axis 1 and reads the last axis",
     "Attention", "AdditiveAttention", "MultiHeadAttention", "GroupedQueryAttention")  # fmt: skip
_pin("its equation names the axes as written", "EinsumDense")
_pin("it multiplies the axes as they are written", "ops.Matmul", "ops.Einsum", "ops.Dot", "ops.Tensordot")
_pin("it looks rows up for each number", "Embedding")
_pin("it masks the steps of axis 1", "Masking")
_pin("it works along axis 1 by definition", "RepeatVector")
_pin("it is code of the user", "Lambda")
