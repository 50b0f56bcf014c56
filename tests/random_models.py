"""Random 1D models for Hypothesis, as PyTorch writes them (NCW) and as Keras does (NWC, wrapped in Transposes)."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir
from hypothesis import strategies as st

from tests.graphs import GraphBuilder

SWAP = (0, 2, 1)
Step = Callable[["ModelDraw", ir.Value], ir.Value]


class ModelDraw(GraphBuilder):
    """Draws ops one by one; every value in `values` is rank 3, its layout is nobody's business but its reader's."""

    def __init__(self, draw: st.DrawFn) -> None:
        super().__init__()
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 99)))
        batch = draw(st.sampled_from([1, 2, "batch"]))
        sizes = st.sampled_from([1, 2, 4])
        self.values = [self.input("x", batch, draw(sizes), draw(sizes) + draw(st.sampled_from([0, 4])))]

    def signed(self, *shape: int) -> ir.Value:
        return self.constant(self.rng.normal(size=shape).astype(np.float32), "weights")

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def turned(self, x: ir.Value) -> ir.Value:
        return self.op("Transpose", x, perm=SWAP)

    def step(self, steps: Sequence[Step]) -> None:
        """One more value: an op on one that is there, perhaps between Transposes."""
        source = self.values[-1 - self.number(0, min(2, len(self.values) - 1))]
        wrapped = self.draw(st.booleans())
        made = self.draw(st.sampled_from(steps))(self, self.turned(source) if wrapped else source)
        self.values.append(self.turned(made) if wrapped and self.draw(st.integers(0, 3)) else made)

    def finish(self) -> ir.Model:
        """The last value is an output, as is, pooled, or through a Dense; so may be others, also those used inside."""
        head = self.draw(st.sampled_from(HEADS))
        self.output(self.op("Identity", head(self, self.values[-1])), "last")
        others = [value for value in self.values[1:-1] if self.number(0, 3) == 0]
        for index, value in enumerate(others):
            if value.is_graph_output() or self.draw(st.booleans()):
                value = self.op("Identity", value)
            self.output(value, f"other{index}")
        return self.model


def sizes(x: ir.Value) -> tuple[int, int]:
    assert x.shape is not None
    first, second = x.shape[1], x.shape[2]
    assert isinstance(first, int)
    assert isinstance(second, int)
    return first, second


def conv(m: ModelDraw, x: ir.Value) -> ir.Value:
    channels, _ = sizes(x)
    filters, kernel, dilation = m.number(1, 4), m.number(1, 3), m.number(1, 2)
    reach = (kernel - 1) * dilation
    if m.draw(st.booleans()):  # causal, by an op of its own
        x = m.op("Pad", x, m.ints(0, 0, reach, 0, 0, 0))
        pads = (0, 0)
    else:
        pads = (reach, m.number(0, 2))
    bias = m.signed(filters) if m.draw(st.booleans()) else None
    weights, stride = m.signed(filters, channels, kernel), m.number(1, 2)
    return m.op("Conv", x, weights, bias, pads=pads, dilations=(dilation,), strides=(stride,))


def depthwise(m: ModelDraw, x: ir.Value) -> ir.Value:
    channels, _ = sizes(x)
    return m.op("Conv", x, m.signed(channels, 1, 3), m.signed(channels), pads=(1, 1), group=channels)


def conv_transpose(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("ConvTranspose", x, m.signed(sizes(x)[0], m.number(1, 3), 2), strides=(2,))


def pool(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op(m.draw(st.sampled_from(["MaxPool", "AveragePool"])), x, kernel_shape=(2,), pads=(1, 0), strides=(1,))


def batch_norm(m: ModelDraw, x: ir.Value) -> ir.Value:
    channels, _ = sizes(x)
    variance = m.constant(m.rng.uniform(0.5, 2, channels).astype(np.float32), "variance")
    return m.op("BatchNormalization", x, *(m.signed(channels) for _ in range(3)), variance)


def activation(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op(m.draw(st.sampled_from(["Relu", "Tanh", "Sigmoid", "Identity", "Dropout"])), x)


def constant(m: ModelDraw, x: ir.Value) -> ir.Value:
    """A scale or a shift, of any rank, on either side."""
    first, second = sizes(x)
    shapes = [(), (1,), (second,), (first, 1), (1, second), (first, second), (1, first, 1), (1, 1, second)]
    pair = (x, m.signed(*m.draw(st.sampled_from(shapes))))
    op_type = m.draw(st.sampled_from(["Add", "Sub", "Mul"]))
    return m.op(op_type, *(pair if m.draw(st.booleans()) else pair[::-1]))


def residual(m: ModelDraw, x: ir.Value) -> ir.Value:
    """With any earlier value of the same shape, also one that stands the other way round."""
    same = [value for value in m.values if value.shape == x.shape]
    other = m.draw(st.sampled_from(same)) if same else m.op("Tanh", x)
    return m.op(m.draw(st.sampled_from(["Add", "Mul", "Max"])), x, other)


def transposed_residual(m: ModelDraw, x: ir.Value) -> ir.Value:
    first, second = sizes(x)
    return m.op("Add", x, m.turned(x)) if first == second else m.op("Tanh", x)


def concat(m: ModelDraw, x: ir.Value) -> ir.Value:
    axis = m.draw(st.sampled_from([1, 2, -1, -2]))
    return m.op("Concat", x, m.op("Sigmoid", x), axis=axis) if sum(sizes(x)) < 16 else m.op("Tanh", x)


def reduction(m: ModelDraw, x: ir.Value) -> ir.Value:
    op_type = m.draw(st.sampled_from(["ReduceMean", "ReduceMax", "ReduceSum"]))
    return m.op(op_type, x, m.ints(m.draw(st.sampled_from([1, 2, -1]))), keepdims=1)


def softmax(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("Softmax", x, axis=m.draw(st.sampled_from([1, 2, -1])))


def pad(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("Pad", x, m.ints(0, m.number(0, 1), m.number(0, 2), 0, m.number(0, 1), 0))


def cut(m: ModelDraw, x: ir.Value) -> ir.Value:
    axis = m.draw(st.sampled_from([1, 2, -1]))
    assert x.shape is not None
    size = x.shape[axis]
    assert isinstance(size, int)
    return m.op("Slice", x, m.ints(m.number(0, size - 1)), m.ints(size), m.ints(axis))


def dense(m: ModelDraw, x: ir.Value) -> ir.Value:
    units = m.number(1, 4)
    return m.op("Add", m.op("MatMul", x, m.signed(sizes(x)[1], units)), m.signed(units))


def as_it_is(m: ModelDraw, x: ir.Value) -> ir.Value:
    return x


def flatten_and_gemm(m: ModelDraw, x: ir.Value) -> ir.Value:
    first, second = sizes(x)
    flat = m.op("Flatten", x) if m.draw(st.booleans()) else m.op("Reshape", x, m.ints(0, -1))
    features = first * second
    if m.draw(st.booleans()):
        flat = m.op("Mul", m.op("Relu", flat), m.signed(features))
    if m.draw(st.booleans()):
        return m.op("Gemm", flat, m.signed(3, features), m.signed(3), transB=1)
    return m.op("Add", m.op("MatMul", flat, m.signed(features, 3)), m.signed(3))


def flatten_alone(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("Flatten", x)


def global_pool(m: ModelDraw, x: ir.Value) -> ir.Value:
    """With a scale behind: the pattern that the plugin computes wrongly."""
    axis = m.number(1, 2)
    pooled = m.op("ReduceMean", x, m.ints(axis), keepdims=0)
    return m.op("Mul", pooled, m.signed(sizes(x)[2 - axis]))


STEPS: list[Step] = [
    conv,
    conv,
    depthwise,
    conv_transpose,
    pool,
    batch_norm,
    batch_norm,
    activation,
    constant,
    constant,
    residual,
    residual,
    transposed_residual,
    concat,
    reduction,
    softmax,
    pad,
    cut,
    dense,
]
HEADS: list[Step] = [as_it_is, flatten_and_gemm, flatten_alone, global_pool]


@st.composite
def random_models(draw: st.DrawFn, max_ops: int = 8, more: Sequence[Step] = ()) -> ir.Model:
    """A valid model of one input and one to four outputs, of batch one, two or open."""
    model = ModelDraw(draw)
    for _ in range(draw(st.integers(1, max_ops))):
        model.step((*STEPS, *more))
    return model.finish()
