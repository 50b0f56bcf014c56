"""More ops for random 1D models: one for each rule that `tests/random_models.py` does not draw from already."""

import numpy as np
import onnx_ir as ir
from hypothesis import strategies as st

from tests.random_models import ModelDraw, Step, sizes

_UNARY = (
    "Abs Atan Ceil Celu Cos Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Mish Neg Round Selu Shrink Sign Sin "
    "Softplus Softsign ThresholdedRelu"
)
"""Those that are defined everywhere."""
_LARGEST = 24
"""Of the two sizes together: an op that would make more does something else instead."""


def unary(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op(m.draw(st.sampled_from(_UNARY.split())), m.op("Tanh", x))  # no overflow, however many follow each other


def clip(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("Clip", x, m.constant(np.float32(-0.5), "low"), m.constant(np.float32(0.75), "high"))


def prelu(m: ModelDraw, x: ir.Value) -> ir.Value:
    first, second = sizes(x)
    return m.op("PRelu", x, m.signed(*m.draw(st.sampled_from([(1,), (first, 1), (1, second), (first, second)]))))


def where(m: ModelDraw, x: ir.Value) -> ir.Value:
    first, second = sizes(x)
    other = m.signed(*m.draw(st.sampled_from([(1,), (first, 1), (second,), (1, first, 1)])))
    return m.op("Where", m.op("Greater", x, other), x, m.op("Neg", x))


def any_reduction(m: ModelDraw, x: ir.Value) -> ir.Value:
    """Down to rank 2 and back."""
    op_type = m.draw(st.sampled_from(["ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMin", "ReduceSumSquare"]))
    axis = m.number(1, 2)
    flat = m.op(op_type, m.op("Tanh", x), m.ints(axis), keepdims=0)
    return m.op("Add", x, m.op("Unsqueeze", m.op("Tanh", flat), m.ints(axis)))


def place_of_the_largest(m: ModelDraw, x: ir.Value) -> ir.Value:
    op_type, axis, keeps = m.draw(st.sampled_from(["ArgMax", "ArgMin"])), m.number(1, 2), m.number(0, 1)
    place = m.op(op_type, m.op("Round", m.op("Mul", x, m.signed())), axis=axis, keepdims=keeps)
    made = m.op("Cast", place, to=ir.DataType.FLOAT.value)
    return made if keeps else m.op("Unsqueeze", made, m.ints(axis))


def global_pooling(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("Mul", x, m.op(m.draw(st.sampled_from(["GlobalAveragePool", "GlobalMaxPool"])), x))


def lp_pool(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("LpPool", x, kernel_shape=(2,), pads=(1, 0), p=2)


def normalisation(m: ModelDraw, x: ir.Value) -> ir.Value:
    first, second = sizes(x)
    kind = m.draw(st.sampled_from(["GroupNormalization", "InstanceNormalization", "LayerNormalization"]))
    size = second if kind == "LayerNormalization" else first
    own = {"GroupNormalization": {"num_groups": 1}, "LayerNormalization": {"axis": -1}}.get(kind, {})
    return m.op(kind, x, m.signed(size), m.signed(size), epsilon=0.1, **own)


def gated(m: ModelDraw, x: ir.Value) -> ir.Value:
    """A GLU, or parts of other sizes in another order."""
    axis = m.number(1, 2)
    size = sizes(x)[axis - 1]
    if size == 1:
        return m.op("Sigmoid", x)
    head = size // 2 if size % 2 == 0 else m.number(1, size - 1)
    parts = m.ops("Split", x, m.ints(head, size - head), outputs=2, axis=axis)
    if 2 * head == size:
        return m.op("Mul", parts[0], m.op("Sigmoid", parts[1]))
    return m.op("Concat", parts[1], m.op("Tanh", parts[0]), axis=axis)


def gather(m: ModelDraw, x: ir.Value) -> ir.Value:
    """Some places, twice or backwards, or a single one."""
    axis = m.draw(st.sampled_from([1, 2, -1]))
    size = sizes(x)[axis % 3 - 1]
    if m.draw(st.booleans()):
        one = m.op("Gather", x, m.constant(np.array(m.number(0, size - 1), np.int64), "place"), axis=axis)
        return m.op("Unsqueeze", one, m.ints(axis % 3))
    places = m.draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=5))
    return m.op("Gather", x, m.ints(*places), axis=axis)


def stepped_cut(m: ModelDraw, x: ir.Value) -> ir.Value:
    """Every second, or all backwards."""
    axis = m.number(1, 2)
    if m.draw(st.booleans()):
        return m.op("Slice", x, m.ints(-1), m.ints(-(2**31)), m.ints(axis), m.ints(-1))
    return m.op("Slice", x, m.ints(0), m.ints(2**31 - 1), m.ints(axis), m.ints(2))


def cumulative_sum(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("CumSum", x, m.constant(np.array(m.draw(st.sampled_from([1, 2, -1])), np.int64), "axis"))


def bent_pad(m: ModelDraw, x: ir.Value) -> ir.Value:
    first, second = sizes(x)
    before = [m.number(0, min(1, first - 1)), m.number(0, min(2, second - 1))]
    mode = m.draw(st.sampled_from(["reflect", "edge", "wrap"]))
    return m.op("Pad", x, m.ints(0, *before, 0, 0, min(1, second - 1)), mode=mode)


def resize(m: ModelDraw, x: ir.Value) -> ir.Value:
    if sum(sizes(x)) > _LARGEST:
        return m.op("Tanh", x)
    scales = m.constant(np.array([1, 1, 2] if m.draw(st.booleans()) else [1, 2, 1], np.float32), "scales")
    if m.draw(st.booleans()):
        return m.op("Resize", x, None, scales, mode="linear")
    return m.op("Resize", x, None, scales, coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def tile(m: ModelDraw, x: ir.Value) -> ir.Value:
    if sum(sizes(x)) > _LARGEST:
        return m.op("Tanh", x)
    return m.op("Tile", x, m.ints(1, *m.draw(st.sampled_from([(1, 2), (2, 1)]))))


def shuffle(m: ModelDraw, x: ir.Value) -> ir.Value:
    """Channels in two groups, dealt out one from each."""
    first, second = sizes(x)
    if first % 2:
        return m.op("Relu", x)
    apart = m.op("Reshape", x, m.ints(0, 2, first // 2, second))
    return m.op("Reshape", m.op("Transpose", apart, perm=(0, 2, 1, 3)), m.ints(0, first, second))


def pixel_shuffle(m: ModelDraw, x: ir.Value) -> ir.Value:
    """Two channels become two samples, or the other way round."""
    first, second = sizes(x)
    if first % 2 == 0:
        apart = m.op("Reshape", x, m.ints(0, first // 2, 2, second))
        return m.op("Reshape", m.op("Transpose", apart, perm=(0, 1, 3, 2)), m.ints(0, first // 2, 2 * second))
    if second % 2 == 0:
        apart = m.op("Reshape", x, m.ints(0, first, second // 2, 2))
        return m.op("Reshape", m.op("Transpose", apart, perm=(0, 1, 3, 2)), m.ints(0, 2 * first, second // 2))
    return m.op("Relu", x)


def reshape(m: ModelDraw, x: ir.Value) -> ir.Value:
    """Across the axes."""
    first, second = sizes(x)
    return m.op("Reshape", x, m.ints(0, *((second, first) if m.draw(st.booleans()) else (1, -1))))


def attention(m: ModelDraw, x: ir.Value) -> ir.Value:
    turned = m.turned(x)
    scores = m.op("Softmax", m.op("MatMul", x, turned), axis=-1)
    return m.op("MatMul", scores, x)


def dense_from_the_left(m: ModelDraw, x: ir.Value) -> ir.Value:
    return m.op("MatMul", m.signed(m.number(1, 4), sizes(x)[0]), x)


def recurrent(m: ModelDraw, x: ir.Value) -> ir.Value:
    """`[N, W, C]` to time-major, through an LSTM or a GRU, and back."""
    kind, hidden, inputs = m.draw(st.sampled_from(["LSTM", "GRU"])), m.number(1, 3), sizes(x)[1]
    gates = 4 if kind == "LSTM" else 3
    own = {"linear_before_reset": 1} if kind == "GRU" else {}
    turned = m.op("Transpose", x, perm=(1, 0, 2))
    weights = (
        m.signed(1, gates * hidden, inputs),
        m.signed(1, gates * hidden, hidden),
        m.signed(1, 2 * gates * hidden),
    )
    made = m.op(kind, turned, *weights, hidden_size=hidden, **own)
    return m.op("Transpose", m.op("Squeeze", made, m.ints(1)), perm=(1, 0, 2))


def detour_in_2d(m: ModelDraw, x: ir.Value) -> ir.Value:
    """As tf2onnx writes a Conv1D."""
    place, filters = m.number(2, 3), m.number(1, 4)
    kernel, pads = ((1, 3), (0, 1, 0, 1)) if place == 2 else ((3, 1), (1, 0, 1, 0))
    wide = m.op("Unsqueeze", x, m.ints(place))
    wide = m.op("Conv", wide, m.signed(filters, sizes(x)[0], *kernel), pads=pads)
    return m.op("Squeeze", wide, m.ints(place))


def image(m: ModelDraw, x: ir.Value) -> ir.Value:
    """A 2D part, `[N, 1, A, B]`, perhaps as Keras writes it, that ends as a mean over its channels."""
    filters = m.number(1, 3)
    wide = m.op("Unsqueeze", x, m.ints(1))
    if m.draw(st.booleans()):
        made = m.op("Relu", m.op("Conv", wide, m.signed(filters, 1, 3, 3), pads=(1, 1, 1, 1)))
        return m.op("ReduceMean", made, m.ints(1), keepdims=0)
    last = m.op("Transpose", wide, perm=(0, 2, 3, 1))
    made = m.op("Conv", m.op("Transpose", last, perm=(0, 3, 1, 2)), m.signed(filters, 1, 3, 3), pads=(1, 1, 1, 1))
    made = m.op("Relu", m.op("Add", m.op("Transpose", made, perm=(0, 2, 3, 1)), m.signed(filters)))
    if m.draw(st.booleans()):
        first, second = sizes(x)
        return m.op("Reshape", made, m.ints(0, first, second * filters))
    return m.op("ReduceMax", made, m.ints(-1), keepdims=0)


MORE_STEPS: list[Step] = [
    unary,
    clip,
    prelu,
    where,
    any_reduction,
    place_of_the_largest,
    global_pooling,
    lp_pool,
    normalisation,
    gated,
    gather,
    stepped_cut,
    cumulative_sum,
    bent_pad,
    resize,
    tile,
    shuffle,
    pixel_shuffle,
    reshape,
    attention,
    dense_from_the_left,
    recurrent,
    detour_in_2d,
    image,
]
