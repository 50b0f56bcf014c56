"""An If becomes the branch that it takes wherever that is known, and stays where an input decides."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnx_ir as ir
import pytest

from ovprep.emit.openvino import to_openvino
from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx import graph_of
from ovprep.graph.branches import deciding_inputs
from ovprep.graph.interface import interface_of
from ovprep.passes.folding import fold_shapes
from tests.passes.support import applied, normalized, ops_of

BRANCHES = """
    y = If (condition) <
        then_branch = then () => (float[batch, 4, 9] a) { b = Relu(x) a = Mul(b, two) },
        else_branch = else () => (float[batch, 4, 9] c) { d = Neg(x) c = Add(d, k) }
    >
"""


def model_of(condition: str, branches: str = BRANCHES, x: str = "batch, 4, 9", more: str = "") -> ir.Model:
    """`x` and a few constants; `condition` computes a value of that name."""
    text = f"""
        <ir_version: 10, opset_import: ["": 21]>
        test (float[{x}] x{more}) => (float[batch, 4, 9] y)
        <bool yes = {{1}}, bool no = {{0}}, float two = {{2}}, float[4, 1] k = {{1, 2, 3, 4}},
         int64 zero = {{0}}, int64 one = {{1}}, int64 three = {{3}}, int64[1] row = {{1}}, int64[1] ten = {{10}}>
        {{ {condition} {branches} }}
    """
    return graph_of(onnx.parser.parse_model(text), Path("model.onnx"))


THEN, ELSE = ["Relu", "Mul"], ["Neg", "Add"]
SHAPE = "s = Shape(x) "
KNOWN = {
    "a constant": ("condition = Identity(yes)", THEN),
    "another one": ("condition = Identity(no)", ELSE),
    "of one element": ("condition = Reshape(yes, row)", THEN),
    "the rank": (f"{SHAPE} r = Size(s) condition = Equal(r, three)", THEN),
    "not the rank": (f"{SHAPE} r = Size(s) e = Equal(r, three) condition = Not(e)", ELSE),
    "a fixed size": (f"{SHAPE} n = Gather(s, one) condition = Equal(n, three)", ELSE),
    "a fixed size as a condition": (f"{SHAPE} n = Gather(s, one) condition = Cast <to = 9> (n)", THEN),
    "an open size, which is not zero": (f"{SHAPE} n = Gather(s, zero) condition = Cast <to = 9> (n)", THEN),
    "an open size and itself": (f"{SHAPE} n = Gather(s, zero) condition = Equal(n, n)", THEN),
    "an open size and more": (f"{SHAPE} n = Gather(s, zero) m = Add(n, one) condition = Equal(n, m)", ELSE),
    "true or whatever": (f"{SHAPE} n = Gather(s, zero) e = Equal(n, three) condition = Or(e, yes)", THEN),
    "whatever and false": (f"{SHAPE} n = Gather(s, zero) e = Equal(n, three) condition = And(e, no)", ELSE),
    "true and true": ("a_ = Identity(yes) condition = And(a_, yes)", THEN),
    "false or false": ("a_ = Identity(no) condition = Or(a_, no)", ELSE),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_condition_that_is_known(name: str) -> None:
    condition, ops = KNOWN[name]
    model = model_of(condition)
    change = applied(fold_shapes, model)
    assert ops_of(model) == ops
    assert change is not None
    assert "took 1 branch that" in change.summary
    assert not {"two", "k"} <= set(model.graph.initializers)  # the other branch is gone with all that it used


UNKNOWN = {
    "a value": ("l = ReduceSum <keepdims = 0> (x) condition = Cast <to = 9> (l)", (["x"], [])),
    "an open size": (f"{SHAPE} n = Gather(s, zero) condition = Equal(n, three)", ([], ["x"])),
    "either": ("l = ReduceSum <keepdims = 0> (x) t = Cast <to = 9> (l) condition = And(t, yes)", (["x"], [])),
    "an input": ("condition = Identity(flag)", (["flag"], [])),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_condition_that_inputs_decide(name: str) -> None:
    condition, deciding = UNKNOWN[name]
    model = model_of(condition, more=", bool flag" if name == "an input" else "")
    applied(fold_shapes, model)
    (left,) = [node for node in model.graph if node.op_type == "If"]
    assert deciding_inputs(left.inputs[0]) == deciding


def test_branches_in_branches_with_the_same_names() -> None:
    inner = """inner = If (no) < then_branch = t () => (float[batch, 4, 9] v) { v = Exp(u) },
                                 else_branch = e () => (float[batch, 4, 9] w) { w = Sin(u) } >"""
    branches = "".join(
        f"""{out} = If (yes) <
                then_branch = then () => (float[batch, 4, 9] a) {{ u = Abs({of}) {inner} a = Add(inner, k) }},
                else_branch = else () => (float[batch, 4, 9] c) {{ c = Neg({of}) }} > """
        for of, out in (("x", "first"), ("first", "y"))
    )
    model = model_of("", branches)
    change = applied(fold_shapes, model)
    assert ops_of(model) == ["Abs", "Sin", "Add", "Abs", "Sin", "Add"]
    assert change is not None
    assert "took 4 branches" in change.summary


def test_names_that_branches_which_stay_have_too() -> None:
    """A name that is taken into the graph is seen from all branches, which must not give it again."""

    def branch(op: str, out: str, inner: str = "l = Neg(t)") -> str:
        return f"{out}_ () => (float[batch, 4, 9] {out}) {{ t = {op}(x) {inner} {out} = Add(l, k) }}"

    loop = """l = Loop (three, , t) < body = body (int64 i, bool more, float[batch, 4, 9] s)
                  => (bool go, float[batch, 4, 9] r) { go = Identity(more) v = Mul(s, two) r = Add(v, x) } >"""
    undecided = f"u = If (flag) < then_branch = {branch('Exp', 'c', loop)}, else_branch = {branch('Sin', 'd')} >"
    ifs = [
        f"z = If (yes) < then_branch = {branch('Tanh', 's')}, else_branch = {branch('Abs', 'i')} >",
        f"p = If (yes) < then_branch = {branch('Relu', 'a', loop)}, else_branch = {branch('Abs', 'b')} >",
        f"q = If (no) < then_branch = {branch('Cos', 'e')}, else_branch = {branch('Neg', 'f', loop)} >",
        undecided,
    ]
    model = model_of("", " ".join((*ifs, "o = Add(p, q) n = Add(o, z) y = Add(n, u)")), more=", bool flag")
    applied(fold_shapes, model)
    assert ops_of(model).count("If") == 1
    outside = {output.name for node in model.graph for output in node.outputs}
    bodies = list(model.graph.subgraphs())
    inside = {output.name for body in bodies for node in body for output in node.outputs}
    assert not outside & (inside | {value.name for body in bodies for value in body.inputs})


def test_what_a_branch_hands_on() -> None:
    """A constant, and one value twice; where two branches differ in rank, shapes are known once one is taken."""
    branches = """
        p, q, r = If (yes) <
            then_branch = then () => (float[batch, 9] a, float[batch, 9] b, float[4, 1] c) {
                m = ReduceMax <keepdims = 0> (x, row) a = Identity(m) b = Identity(a)
                c = Constant <value = float[4, 1] {1, 2, 3, 4}> () },
            else_branch = else () => (float[batch, 4, 9] d, float[batch, 4, 9] e, float[1] f) {
                d = Neg(x) e = Neg(d) f = Constant <value = float[1] {1}> () } >
        o = Unsqueeze(p, row) h = Unsqueeze(q, row) i = Sub(o, h) j = Add(i, r) y = Add(j, x)
    """
    model = model_of("", branches)
    applied(fold_shapes, model)
    assert not [node for node in model.graph if node.op_type in ("If", "Constant")]
    (unsqueeze, *_) = [node for node in model.graph if node.op_type == "Unsqueeze"]
    assert str(unsqueeze.outputs[0].shape) == "[batch,1,9]"


def test_openvino_takes_what_it_can() -> None:
    """Either branch gives the same shape: nothing has to be known."""
    model = model_of("l = ReduceSum <keepdims = 0> (x) condition = Cast <to = 9> (l)")
    done = normalized(model)
    assert to_openvino(model, done.interface) is not None


def test_a_refusal_names_the_input() -> None:
    branches = """
        p = If (condition) <
            then_branch = then () => (float[batch, 4, 9] a) { a = Relu(x) },
            else_branch = else () => (float[batch, 9] c) { c = ReduceMax <keepdims = 0> (x, row) } >
        w = ConstantOfShape <value = float[1] {1}> (kernel) y = Conv(p, w)
    """
    more = ", bool flag"
    shape = "kernel = Constant <value = int64[3] {4, 4, 1}> () condition = Identity(flag)"
    model = model_of(shape, branches, more=more)
    fold_shapes(model)
    interface = interface_of(model)
    with pytest.raises(UnsupportedError, match=r"as its input 'flag' asks for.* --input-value flag=1") as caught:
        to_openvino(model, interface)
    assert "\n" not in str(caught.value)
    assert np.asarray(interface.inputs[1].dims).size == 0
