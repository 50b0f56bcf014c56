"""Reads the body of a loop as forms."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx.reference
import onnx_ir as ir

from ovprep.graph.constants import Array, array_of, int_of
from ovprep.graph.shapes import rank_of
from ovprep.passes.recurrence.forms import Form, applied, joined, product
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.steps import Steps

Known = Form | Array
Rule = Callable[[ir.Node, Sequence[Known]], Sequence[Known]]

_RULES: dict[str, Rule] = {}


class Reading:
    """The values in a body as forms of its variables, or as arrays where they depend on none."""

    def __init__(self, steps: Steps, variables: Mapping[ir.Value, Known], opsets: dict[str, int]) -> None:
        self._opsets = opsets
        self._outside = {state.inside: state.start for state in steps.states if state.stays}
        self._found: dict[ir.Value, Known | NotACell] = dict(variables)
        for node in steps.body:
            for output, made in zip(node.outputs, self._results(node), strict=False):
                self._found.setdefault(output, made)

    def of(self, value: ir.Value) -> Known:
        """Raises NotACell where the value is computed as no cell does."""
        value = self._outside.get(value, value)
        array = array_of(value)
        found = self._found.get(value) if array is None else array
        if found is None:
            raise NotACell(f"reads {value.name!r} in each step, which is neither a sequence nor a constant")
        if isinstance(found, NotACell):
            raise found
        return found

    def form(self, value: ir.Value) -> Form:
        """The value as a form."""
        found = self.of(value)
        if isinstance(found, Form):
            return found
        raise NotACell(f"gives {value.name!r}, which is the same in each step")

    def _results(self, node: ir.Node) -> Sequence[Known | NotACell]:
        """What a node makes, or why not: much of what loops count with is nothing that a cell needs."""
        try:
            return self._made_by(node)
        except NotACell as reason:
            return [reason] * len(node.outputs)

    def _made_by(self, node: ir.Node) -> Sequence[Known]:
        given = [self.of(value) for value in node.inputs if value is not None]
        arrays = [known for known in given if not isinstance(known, Form)]
        if len(arrays) == len(given):
            return evaluated(node, arrays, self._opsets)
        rule = _RULES.get(node.op_type)
        if rule is None or len(given) < len(node.inputs) or node.domain not in ("", "ai.onnx"):
            raise NotACell(f"computes {node.op_type} in each step")
        return rule(node, given)


def evaluated(node: ir.Node, arrays: Sequence[Array], opsets: dict[str, int]) -> Sequence[Array]:
    """The node run on arrays, by the reference implementation of ONNX."""
    if any(
        attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for attribute in node.attributes.values()
    ):
        raise NotACell(f"has a branch in its steps ({node.op_type})")
    proto = ir.to_proto(node)
    names = [value.name for value in node.inputs if value is not None]
    feeds = {str(name): array for name, array in zip(names, arrays, strict=True)}
    inputs, outputs = ([onnx.ValueInfoProto(name=str(name)) for name in many] for many in (feeds, proto.output))
    try:
        runner = onnx.reference.ReferenceEvaluator(onnx.helper.make_graph([proto], "step", inputs, outputs), opsets)
        return [np.asarray(array) for array in runner.run(None, feeds)]
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise NotACell(f"computes {node.op_type} in each step") from error


def _rule(*op_types: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(op_types, rule))
        return rule

    return register


@_rule("Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten")
def _same(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    """Axes of size one come and go; the last one stays."""
    form, shape = given[0], node.outputs[0].shape
    if isinstance(form, Form) and (node.op_type == "Identity" or (shape is not None and shape[-1] == form.width)):
        return (form,)
    raise NotACell(f"rearranges a row in each step ({node.op_type})")


@_rule("Cast")
def _cast(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    assert node.inputs[0] is not None
    if node.inputs[0].dtype is None or node.inputs[0].dtype != node.outputs[0].dtype:
        raise NotACell("changes its type in each step")
    return given


@_rule("Add", "Sum")
def _add(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    whole, *forms = [known for known in given if isinstance(known, Form)]
    others: list[Known] = [*forms, *(known for known in given if not isinstance(known, Form))]
    for other in others:
        whole = whole.plus(_fitting(node, whole, other))
    return (whole,)


@_rule("Sub")
def _subtract(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    one, other = given
    negative = other.scaled(np.array(-1.0)) if isinstance(other, Form) else -np.asarray(other, np.float64)
    return _add(node, [one, negative])


@_rule("Neg")
def _negate(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    return (_form_in(given).scaled(np.array(-1.0)),)


@_rule("Mul")
def _multiply(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    one, other = given if isinstance(given[0], Form) else (given[1], given[0])
    assert isinstance(one, Form)
    other = _fitting(node, one, other)
    return (product(one, other) if isinstance(other, Form) else one.scaled(other),)


@_rule("Div")
def _divide(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    one, other = given
    if not isinstance(one, Form) or isinstance(other, Form) or not np.all(other):
        raise NotACell("divides in each step")
    return (one.scaled(1.0 / np.asarray(_fitting(node, one, other), np.float64)),)


@_rule("MatMul")
def _matmul(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    one, other = given
    if not isinstance(one, Form) or isinstance(other, Form) or np.ndim(other) != 2:
        raise NotACell("multiplies matrices that are no weights in each step")
    return (one.times(other),)


@_rule("Gemm")
def _gemm(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    one, other, *rest = given
    if not isinstance(one, Form) or isinstance(other, Form) or int_of(node, "transA", 0):
        raise NotACell("multiplies matrices that are no weights in each step")
    made = one.times(np.asarray(other).T if int_of(node, "transB", 0) else other)
    made = made.scaled(np.array(node.attributes.get_float("alpha", 1.0)))
    if not rest:
        return (made,)
    beta, third = np.array(node.attributes.get_float("beta", 1.0)), _fitting(node, made, rest[0])
    return (made.plus(third.scaled(beta) if isinstance(third, Form) else np.asarray(third) * beta),)


@_rule("Split")
def _split(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    form = _form_in(given)
    _expect_last(node, int_of(node, "axis", 0))
    count = len(node.outputs)
    even = -(-form.width // count)
    sizes = np.full(count, even) if len(given) < 2 else np.ravel(np.asarray(given[1]))
    ends = np.cumsum(sizes)
    return [form.taken(slice(int(end - size), int(end))) for end, size in zip(ends, sizes, strict=True)]


@_rule("Slice")
def _slice(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    """Of columns, where other axes are taken as they are."""
    form, *rest = given
    if not isinstance(form, Form) or any(isinstance(known, Form) for known in rest):
        raise NotACell("cuts as its steps ask for")
    lists = [np.ravel(np.asarray(known)).tolist() for known in rest]
    axes = lists[2] if len(lists) > 2 else list(range(len(lists[0])))
    steps = lists[3] if len(lists) > 3 else [1] * len(axes)
    for axis, start, end, step in zip(axes, lists[0], lists[1], steps, strict=True):
        if _is_last(node, axis):
            form = form.taken(slice(start, end if end >= -form.width or step > 0 else None, step))
        elif (start, step) != (0, 1) or end < 2**31 - 1:
            raise NotACell("cuts the batch in each step")
    return (form,)


@_rule("Gather")
def _gather(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    form, places = given
    if not isinstance(form, Form) or isinstance(places, Form) or np.ndim(places) != 1:
        raise NotACell("picks columns as its steps ask for")
    _expect_last(node, int_of(node, "axis", 0))
    return (form.taken(np.asarray(places, np.intp)),)


@_rule("Concat")
def _concat(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    _expect_last(node, int_of(node, "axis", 0))
    if not all(isinstance(known, Form) for known in given):
        raise NotACell("joins a constant to a row in each step")
    return (joined([known for known in given if isinstance(known, Form)]),)


@_rule("Sigmoid", "Tanh", "Relu", "Softsign", "Softplus")
def _apply(node: ir.Node, given: Sequence[Known]) -> Sequence[Known]:
    return (applied(node.op_type, _form_in(given)),)


def _form_in(given: Sequence[Known]) -> Form:
    return next(known for known in given if isinstance(known, Form))


def _fitting(node: ir.Node, form: Form, other: Known) -> Known:
    """An operand that has a number for each column, or one for all."""
    size = other.width if isinstance(other, Form) else np.size(other)
    if size == form.width or (size == 1 and not isinstance(other, Form)):
        return other
    raise NotACell(f"combines rows of {form.width} and {size} numbers in each step ({node.op_type})")


def _is_last(node: ir.Node, axis: int) -> bool:
    rank = rank_of(node.inputs[0]) or rank_of(node.outputs[0]) or 2
    return axis in (-1, rank - 1)


def _expect_last(node: ir.Node, axis: int) -> None:
    if not _is_last(node, axis):
        raise NotACell(f"takes the batch apart in each step ({node.op_type})")
