"""Random layout problems for Hypothesis, and what a placement costs and means, straight from the definition."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from hypothesis import strategies as st

from ovprep.layout.problem import LayoutPlan, LayoutProblem, Net, Op


@dataclass
class ProblemBuilder:
    """Builds a layout problem by op names: `op(name, kind, inputs)` returns the nets it produces."""

    ops: list[Op] = field(default_factory=list)
    producers: list[int] = field(default_factory=list)
    consumers: list[list[int]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def pinned(self, name: str, *inputs: int, size: int | None = 1) -> int:
        return self._op(Op(name, "pinned"), inputs, size)

    def free(self, name: str, *inputs: int, size: int | None = 1) -> int:
        return self._op(Op(name, "free"), inputs, size)

    def swap(self, name: str, value: int) -> int:
        return self._op(Op(name, "swap"), (value,), self.sizes[value])

    def net(self, producer: int, size: int) -> int:
        """Give the op one more output."""
        self.producers.append(producer)
        self.consumers.append([])
        self.sizes.append(size)
        return len(self.producers) - 1

    def problem(self) -> LayoutProblem:
        rows = zip(self.producers, self.consumers, self.sizes, strict=True)
        return LayoutProblem(tuple(self.ops), tuple(Net(op, tuple(users), size) for op, users, size in rows))

    def _op(self, op: Op, inputs: Sequence[int], size: int | None) -> int:
        """Append the op and return its output net, or -1 where `size` is None: no output."""
        self.ops.append(op)
        for value in inputs:
            self.consumers[value].append(len(self.ops) - 1)
        return -1 if size is None else self.net(len(self.ops) - 1, size)


def renumbered(problem: LayoutProblem, rng: random.Random) -> tuple[LayoutProblem, list[int]]:
    """Return the problem with ops, nets and consumers in random order, and the new index of each op."""
    new_index = list(range(len(problem.ops)))
    rng.shuffle(new_index)
    ops = [problem.ops[old] for old in sorted(range(len(new_index)), key=new_index.__getitem__)]
    nets = []
    for net in problem.nets:
        users = [new_index[op] for op in net.consumers]
        rng.shuffle(users)
        nets.append(Net(new_index[net.producer], tuple(users), net.bytes))
    rng.shuffle(nets)
    return LayoutProblem(tuple(ops), tuple(nets)), new_index


def shuffles() -> st.SearchStrategy[random.Random]:
    """Seeded generators: far quicker than to draw each number of a permutation."""
    return st.integers(0, 2**16).map(random.Random)


@st.composite
def layout_problems(draw: st.DrawFn, max_ops: int = 10, max_bytes: int = 4) -> LayoutProblem:
    """Directed acyclic problems with fan-out, repeated inputs, several outputs, unused values and chains of swaps.

    Sizes are small, so that ties are common; ops and nets are in random order.
    """
    sizes = st.integers(0, max_bytes)
    builder = ProblemBuilder()
    for index in range(draw(st.integers(1, max_ops) | st.just(max_ops))):  # left alone, it draws mostly small ones
        known = len(builder.producers)
        kind = draw(st.sampled_from(["free", "free", "pinned", "swap", "swap"] if known else ["free", "pinned"]))
        back = st.integers(1, known)  # shrinks to the net before: a chain
        if kind == "swap":
            builder.swap(f"op{index}", known - draw(back))
            continue
        inputs = [known - steps for steps in draw(st.lists(back, max_size=3))] if known else []
        outputs = draw(st.lists(sizes, min_size=0 if inputs else 1, max_size=2))
        (builder.free if kind == "free" else builder.pinned)(f"op{index}", *inputs, size=None)
        for size in outputs:
            builder.net(index, size)
    return renumbered(builder.problem(), draw(shuffles()))[0]


def bytes_transposed(problem: LayoutProblem, swapped: tuple[bool, ...]) -> int:
    """Evaluate a placement on the problem as given, from the definition: walk back over swaps that are gone."""
    wanted = defaultdict(set)
    for index, net in enumerate(problem.nets):
        start, turns = index, 0
        while problem.ops[problem.nets[start].producer].kind == "swap" and swapped[problem.nets[start].producer]:
            start = next(i for i, into in enumerate(problem.nets) if problem.nets[start].producer in into.consumers)
            turns += 1
        for op in net.consumers if start != index else (net.producer, *net.consumers):
            if problem.ops[op].kind != "swap":
                wanted[start].add((swapped[op] + turns) % 2)
            elif not swapped[op]:
                wanted[start].add(turns % 2)
    new = sum(problem.nets[start].bytes for start, orientations in wanted.items() if len(orientations) == 2)
    old = sum(
        net.bytes for net in problem.nets for op in net.consumers if problem.ops[op].kind == "swap" and not swapped[op]
    )
    return new + old


def placements(problem: LayoutProblem, kept: frozenset[int]) -> Iterator[tuple[bool, ...]]:
    """Every placement in which pinned ops are as written and the swaps in `kept` stay."""
    return product(
        *((False,) if op.kind == "pinned" or index in kept else (False, True) for index, op in enumerate(problem.ops))
    )


def moved(problem: LayoutProblem, swapped: tuple[bool, ...]) -> int:
    """Count the ops away from their written layout."""
    return sum(bit for op, bit in zip(problem.ops, swapped, strict=True) if op.kind != "swap")


def rewritten(problem: LayoutProblem, plan: LayoutPlan) -> LayoutProblem:
    """Carry the plan out: drop the swaps that are gone, insert one where a value is torn, keep the rest as it runs."""
    b = ProblemBuilder()
    new_net: dict[tuple[int, int], int] = {}  # (net as given, 1 for its other orientation) -> net
    source: dict[int, tuple[int, int]] = {}

    def read(net: int, op: int) -> int:
        start, turns = source[net]
        key = start, turns ^ plan.swapped[op] if problem.ops[op].kind != "swap" else turns
        if key not in new_net:
            new_net[key] = b.swap(f"new {key}", new_net[key[0], 1 - key[1]])
        return new_net[key]

    for op in problem.topological_order:
        kind, name = problem.ops[op].kind, problem.ops[op].name
        into = [index for index, net in enumerate(problem.nets) for user in net.consumers if user == op]
        made = [index for index, net in enumerate(problem.nets) if net.producer == op]
        if kind == "swap" and plan.swapped[op]:
            start, turns = source[into[0]]
            source[made[0]] = start, 1 - turns
            continue
        inputs = [read(index, op) for index in into]
        if kind == "swap":
            new_net[made[0], 0] = b.swap(name, inputs[0])
        else:
            (b.free if kind == "free" else b.pinned)(name, *inputs, size=None)
        for index in made:
            source[index] = index, 0
            if kind != "swap":
                new_net[index, int(plan.swapped[op])] = b.net(len(b.ops) - 1, problem.nets[index].bytes)
    return b.problem()
