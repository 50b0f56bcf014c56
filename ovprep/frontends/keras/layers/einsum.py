"""EinsumDense: a Dense whose axes an equation names."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters

import onnx_ir as ir

from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.weights import Array

_EQUATION = re.compile(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?")


@dataclass(frozen=True)
class _Equation:
    """One letter for each axis of the input, the kernel and the output; `sizes` has those that are known."""

    x: str
    kernel: str
    y: str
    sizes: dict[str, int]

    def shape(self, letters: str) -> tuple[int, ...]:
        return tuple(self.sizes[letter] for letter in letters)

    @property
    def bound(self) -> str:
        """The axes that are summed over."""
        return "".join(letter for letter in self.x if letter not in self.y)

    @property
    def free(self) -> str:
        """The axes that the kernel adds."""
        return "".join(letter for letter in self.y if letter not in self.x)

    @property
    def kept(self) -> str:
        """The axes of the input that stay."""
        return "".join(letter for letter in self.y if letter in self.x)

    @property
    def is_product(self) -> bool:
        """Whether it is one matrix product: the kernel has just the axes that are summed over and those it adds."""
        return set(self.kernel) == {*self.bound, *self.free}


@layer("EinsumDense")
def einsum_dense(layer: Layer, x: ir.Value) -> ir.Value:
    """`einsum(equation, x, kernel) + bias`; the output shape of the configuration leaves the batch out."""
    x, equation = layer.floats(x), _parse(layer, layer.shape(x))
    for letter in equation.kernel:
        if letter not in equation.sizes:
            raise layer.unsupported(f"has a kernel whose axis {letter!r} is open")
    bias = _bias_shape(layer, equation)
    weights = layer.take(kernel=equation.shape(equation.kernel), **({} if bias is None else {"bias": bias}))
    if equation.is_product:
        y = _product(layer, x, equation, weights["kernel"])
    else:
        text = f"{equation.x},{equation.kernel}->{equation.y}"
        y = layer.build.op("Einsum", x, layer.constant(weights["kernel"], "kernel"), equation=text)
    if bias is not None:
        full = (1,) * (len(equation.y) - len(bias)) + bias
        y = layer.build.op("Add", y, layer.constant(weights["bias"].reshape(full), "bias"))
    return activate(layer, y, layer.get("activation"))


def _project(layer: Layer, x: ir.Value, kernel: Array, bound: int) -> ir.Value:
    """Sums over the last `bound` axes of `x`, which are the first of the kernel, and adds its other axes at the end."""
    build, kept, free = layer.build, len(layer.shape(x)) - bound, kernel.shape[bound:]
    matrix = kernel.reshape(math.prod(kernel.shape[:bound]), math.prod(free))
    if bound != 1:
        x = build.op("Reshape", x, build.ints(*[0] * kept, len(matrix), name="shape"))
    y = build.op("MatMul", x, layer.constant(matrix, "kernel"))
    return y if len(free) == 1 else build.op("Reshape", y, build.ints(*[0] * kept, *free, name="shape"))


def _product(layer: Layer, x: ir.Value, equation: _Equation, kernel: Array) -> ir.Value:
    given, wanted = equation.kept + equation.bound, equation.bound + equation.free
    inside = _turned(layer, x, equation.x, given)
    turned = kernel.transpose([equation.kernel.index(letter) for letter in wanted])
    y = _project(layer, inside, turned, len(equation.bound))
    return _turned(layer, y, equation.kept + equation.free, equation.y)


def _turned(layer: Layer, x: ir.Value, have: str, want: str) -> ir.Value:
    return x if have == want else layer.build.op("Transpose", x, perm=[have.index(letter) for letter in want])


def _parse(layer: Layer, shape: Sequence[int | None]) -> _Equation:
    """The equation with letters for the axes that its ellipsis stands for, which are at one and the same end."""
    text = layer.get("equation")
    match = _EQUATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise layer.invalid("equation")
    left, x, right, kernel, y_left, y, y_right = match.groups()
    hidden = len(shape) - len(x)
    sound = all(len(set(letters)) == len(letters) for letters in (x, kernel, y))
    if not sound or (left, right) != (y_left, y_right) or (left and right) or hidden < 0:
        raise layer.invalid("equation")
    if hidden and not (left or right):
        raise layer.invalid("equation")
    more = "".join(letter for letter in ascii_letters if letter not in x + kernel + y)[:hidden]
    full_x, full_y = (more + x, more + y) if left else (x + more, y + more)
    if not set(y) <= {*x, *kernel} or not set(kernel) <= {*full_x, *full_y}:
        raise layer.invalid("equation")
    sizes = dict(zip(full_x, shape, strict=True))
    for letter, size in zip(full_y, _output_shape(layer, shape, hidden, bool(left)), strict=False):
        sizes.setdefault(letter, size)
    if len(full_y) != len(_output_shape(layer, shape, hidden, bool(left))):
        raise layer.invalid("output_shape")
    return _Equation(full_x, kernel, full_y, {letter: size for letter, size in sizes.items() if size is not None})


def _output_shape(layer: Layer, shape: Sequence[int | None], hidden: int, left: bool) -> list[int | None]:
    """The whole output shape: the configuration leaves out the batch and what the ellipsis stands for."""
    stated = layer.get("output_shape")
    stated = stated if isinstance(stated, list) else [stated]
    if not all(size is None or (is_whole(size) and size > 0) for size in stated):
        raise layer.invalid("output_shape")
    if left:
        return [shape[0], *shape[1:hidden], *stated]
    return [shape[0], *stated, *shape[len(shape) - hidden :]]


def _bias_shape(layer: Layer, equation: _Equation) -> tuple[int, ...] | None:
    """From the first axis of the output that has a bias to the last; 1 where an axis in between has none."""
    axes = layer.get("bias_axes")
    if axes is None:
        return None
    if not isinstance(axes, str) or not axes or not set(axes) <= set(equation.sizes) & set(equation.y):
        raise layer.invalid("bias_axes")
    first = min(equation.y.index(letter) for letter in axes)
    return tuple(equation.sizes[letter] if letter in axes else 1 for letter in equation.y[first:])
