"""How long the layout solver takes."""

import random
import statistics
import time

from ovprep.layout.problem import LayoutProblem, Net, Op, solve


def times(sizes: tuple[int, ...], rounds: int) -> None:
    """Prints the time to solve a network of that many ops: convolutions between swaps, activations, residuals."""
    for size in sizes:
        problem = network(size)
        seconds = [_seconds(problem) for _ in range(rounds)]
        print(f"{len(problem.ops):6} ops, {len(problem.nets):6} values: {statistics.median(seconds):.3f} s")


def network(size: int, seed: int = 0) -> LayoutProblem:
    """As a Keras file gives it: each convolution between two swaps; free ops and residual sums channel-last."""
    rng = random.Random(seed)
    ops, nets = [Op("input", "pinned")], dict[int, list[int]]()
    kept: list[int] = []

    def add(kind: str, *sources: int) -> int:
        ops.append(Op(f"{kind}{len(ops)}", kind))  # type: ignore[arg-type]  # one of the three
        for source in sources:
            nets.setdefault(source, []).append(len(ops) - 1)
        return len(ops) - 1

    last = 0
    while len(ops) < size - 2:
        last = add("swap", add("pinned", add("swap", last)))
        last = add("free", last)
        if kept and rng.random() < 0.4:
            last = add("free", last, rng.choice(kept[-6:]))
        kept.append(last)
    add("pinned", last)
    bytes_of = {source: rng.choice((4096, 8192, 65536)) for source in nets}
    return LayoutProblem(
        tuple(ops), tuple(Net(source, tuple(users), bytes_of[source]) for source, users in nets.items())
    )


def _seconds(problem: LayoutProblem) -> float:
    begin = time.perf_counter()
    solve(problem)
    return time.perf_counter() - begin
