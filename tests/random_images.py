"""Random models of ranks 3 and 4 for Hypothesis, in channel-first and channel-last, with real Permutes among them."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
from hypothesis import strategies as st

from tests.graphs import GraphBuilder

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
Step = Callable[["ImageDraw", ir.Value], ir.Value]


class ImageDraw(GraphBuilder):
    """Draws ops one by one; every value in `values` is of rank 3 or 4."""

    def __init__(self, draw: st.DrawFn) -> None:
        super().__init__()
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 99)))
        sizes = st.sampled_from([1, 2, 3])
        batch = draw(st.sampled_from([1, 3, "batch"]))
        dims = draw(st.sampled_from([(3, 3, 3), (draw(sizes), draw(sizes), 4)]))
        self.values = [self.input("x", batch, *dims)]

    def signed(self, *shape: int) -> ir.Value:
        return self.constant(self.rng.normal(size=shape).astype(np.float32), "weights")

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def axis(self, x: ir.Value) -> int:
        return self.draw(st.sampled_from([*range(1, len(sizes(x)) + 1), -1]))

    def turned(self, x: ir.Value, to_first: bool) -> ir.Value:
        return self.op("Transpose", x, perm=(0, 2, 1) if len(sizes(x)) == 2 else TO_FIRST if to_first else TO_LAST)

    def step(self) -> None:
        """One more value: an op on one that is there, perhaps between Transposes, to whichever side."""
        source = self.values[-1 - self.number(0, min(2, len(self.values) - 1))]
        wrapped, to_first = self.draw(st.booleans()), self.number(0, 4) > 0
        made = self.draw(st.sampled_from(STEPS))(self, self.turned(source, to_first) if wrapped else source)
        self.values.append(self.turned(made, not to_first) if wrapped and self.number(0, 3) else made)

    def finish(self) -> ir.Model:
        head = self.draw(st.sampled_from(HEADS))
        self.output(self.op("Identity", head(self, self.values[-1])), "last")
        for index, value in enumerate(value for value in self.values[1:-1] if self.number(0, 3) == 0):
            self.output(self.op("Identity", value), f"other{index}")
        return self.model


def sizes(x: ir.Value) -> list[int]:
    assert x.shape is not None
    return [dim for dim in x.shape[1:] if isinstance(dim, int)]


def conv(m: ImageDraw, x: ir.Value) -> ir.Value:
    channels, *spatial = sizes(x)
    kernel = [m.number(1, 3) for _ in spatial]
    pads = [size - 1 for size in kernel] + [0] * len(kernel)
    return m.op("Conv", x, m.signed(m.number(1, 4), channels, *kernel), pads=pads)


def pool(m: ImageDraw, x: ir.Value) -> ir.Value:
    count = len(sizes(x)) - 1
    return m.op("MaxPool", x, kernel_shape=(2,) * count, pads=(1,) * count + (0,) * count, strides=(1,) * count)


def activation(m: ImageDraw, x: ir.Value) -> ir.Value:
    return m.op(m.draw(st.sampled_from(["Relu", "Tanh", "Identity"])), x)


def constant(m: ImageDraw, x: ir.Value) -> ir.Value:
    shape = [size if m.draw(st.booleans()) else 1 for size in sizes(x)]
    pair = (x, m.signed(*shape[m.number(0, len(shape)) :]))
    return m.op(m.draw(st.sampled_from(["Sub", "Mul"])), *(pair if m.draw(st.booleans()) else pair[::-1]))


def residual(m: ImageDraw, x: ir.Value) -> ir.Value:
    same = [value for value in m.values if value.shape == x.shape]
    return m.op("Add", x, m.draw(st.sampled_from(same)) if same else m.op("Tanh", x))


def concat(m: ImageDraw, x: ir.Value) -> ir.Value:
    return m.op("Concat", x, m.op("Sigmoid", x), axis=m.axis(x)) if max(sizes(x)) < 8 else m.op("Tanh", x)


def reduction(m: ImageDraw, x: ir.Value) -> ir.Value:
    return m.op("ReduceMean", x, m.ints(m.axis(x)), keepdims=1)


def softmax(m: ImageDraw, x: ir.Value) -> ir.Value:
    return m.op("Softmax", x, axis=m.axis(x))


def pad(m: ImageDraw, x: ir.Value) -> ir.Value:
    numbers = [m.number(0, 1) for _ in sizes(x)]
    return m.op("Pad", x, m.ints(0, *numbers, 0, *numbers[::-1]))


def dense(m: ImageDraw, x: ir.Value) -> ir.Value:
    units = m.number(1, 4)
    return m.op("Add", m.op("MatMul", x, m.signed(sizes(x)[-1], units)), m.signed(units))


def other_rank(m: ImageDraw, x: ir.Value) -> ir.Value:
    """From rank 4 to 3, or from 3 to 4."""
    if len(sizes(x)) == 2:
        return m.op("Unsqueeze", x, m.ints(m.number(1, 3)))
    axis = m.axis(x)
    if m.draw(st.booleans()):
        return m.op("Gather", x, m.constant(np.int64(-1)), axis=axis)
    return m.op("ReduceMax", x, m.ints(axis), keepdims=0)


def reshaped(m: ImageDraw, x: ir.Value) -> ir.Value:
    """Two axes of an image joined, or one of a signal cut."""
    first, *rest = sizes(x)
    if len(rest) == 2:
        return m.op("Reshape", x, m.ints(0, *m.draw(st.sampled_from([(first, -1), (-1, rest[1])]))))
    target = m.draw(st.sampled_from([(first, 1, rest[0]), (first, rest[0], 1), (1, first, rest[0])]))
    return m.op("Reshape", x, m.ints(0, *target))


def as_it_is(m: ImageDraw, x: ir.Value) -> ir.Value:
    return x


def flatten(m: ImageDraw, x: ir.Value) -> ir.Value:
    features = int(np.prod(sizes(x)))
    flat = m.op("Mul", m.op("Flatten", x), m.signed(features))
    return flat if m.draw(st.booleans()) else m.op("Gemm", flat, m.signed(3, features), transB=1)


def pooled(m: ImageDraw, x: ir.Value) -> ir.Value:
    axes = m.draw(st.sampled_from([(1, 2), (2, 3), (1, 3)])) if len(sizes(x)) == 3 else (m.number(1, 2),)
    return m.op("ReduceMean", x, m.ints(*axes), keepdims=0)


STEPS: list[Step] = [
    conv,
    conv,
    pool,
    activation,
    constant,
    constant,
    residual,
    residual,
    concat,
    reduction,
    softmax,
    pad,
    dense,
    other_rank,
    reshaped,
]
HEADS: list[Step] = [as_it_is, flatten, pooled]


@st.composite
def random_images(draw: st.DrawFn, max_ops: int = 8) -> ir.Model:
    """A valid model of one rank-4 input and one or more outputs, of batch one, three or open."""
    model = ImageDraw(draw)
    for _ in range(draw(st.integers(1, max_ops))):
        model.step()
    return model.finish()
