"""Layers that put the elements into another shape, and the Dense that reads or makes flattened features."""

from collections.abc import Mapping

from ovprep.relayout.moves import FIRST, LAST, Along, Axes, Features, Move, flattened, keeps_elements, move_between
from ovprep.relayout.rules.activations import is_symmetric
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, Swap, axes_of, nothing, rule


def reshaped(case: Case) -> Mapping[int, Move]:
    """Flattened features follow the tensor that they are made of, or that is made of them."""
    pairs = ((case.input, case.output), (case.output, case.input))
    for known, asked in pairs:
        move = axes_of(case, known)
        if move and len(asked.shape) == 2 and not _hides_a_transpose(case):
            features = flattened(known.shape, move)
            return {id(asked): features} if features and not features.is_identity else {}
    return {}


def concatenated(case: Case) -> Mapping[int, Move]:
    """Flattened tensors side by side are one; other tensors move alike."""
    rank = len(case.output.shape)
    if rank > 2:
        alike = [t for t in (*case.call.inputs, *case.call.outputs) if len(t.shape) == rank]
        known = next((case.move(t) for t in alike if case.move(t)), None)
        return {id(t): known for t in alike} if known else {}
    features = side_by_side(case) if rank == 2 else None
    return {} if features is None or features.is_identity else {id(case.output): features}


def side_by_side(case: Case) -> Features | None:
    """The order of features that are concatenated; None where a width is open, or more than these are joined."""
    parts: list[int] = []
    for tensor in case.call.inputs:
        move, width = case.move(tensor), tensor.shape[-1]
        if width is None:
            return None
        order = move.order if isinstance(move, Features) else range(width)
        parts += [len(parts) + place for place in order]
    return Features(tuple(parts)) if len(parts) == case.output.shape[-1] else None


@rule("Flatten", spread=reshaped)
def flatten(case: Case) -> Ruling:
    """A channels_first Flatten transposes inside; on the moved tensor a plain one says the same."""
    move, written = axes_of(case, case.input), tuple(case.input.shape)
    if move is None:
        return Pinned("its input has no other layout")
    before: Move = move
    if _hides_a_transpose(case):
        to_last = move_between(FIRST, len(written))
        written, before = to_last.shape(written), to_last.inverse.then(move)
    fixed = frozenset({id(case.output)})
    config = {"data_format": LAST} if _hides_a_transpose(case) else {}
    if keeps_elements(written, case.output.shape, before, None):
        return Free(config, fixed=fixed, one_way=bool(config))
    if keeps_elements(written, case.output.shape, before, case.move(case.output)):
        return Free(config)
    return Pinned("it flattens in the order of the axes as written")


def _hides_a_transpose(case: Case) -> bool:
    return case.config.get("data_format") == FIRST and len(case.input.shape) > 2


@rule("Reshape", spread=reshaped)
def reshape(case: Case) -> Ruling:
    """Another target shape, where the elements then come out in the moved order."""
    target = (1, *case.config["target_shape"])
    found = _reshape(case)
    if isinstance(found, Pinned):
        return found
    move_out, fixed = found
    shape = tuple(move_out.shape(target)[1:]) if isinstance(move_out, Axes) else target[1:]
    return Free({"target_shape": shape}, fixed=fixed)


def _reshape(case: Case) -> tuple[Move | None, frozenset[int]] | Pinned:
    """The move of the output, and the tensors that stay as written, where reshaping alone carries the elements."""
    before, after = case.move(case.input), case.move(case.output)
    for move_in, move_out in ((before, after), (before, None), (None, after)):
        if not (move_in or move_out) or not keeps_elements(case.input.shape, case.output.shape, move_in, move_out):
            continue
        fixed = [case.input] * (move_in is None) + [case.output] * (move_out is None)
        return move_out, frozenset(id(tensor) for tensor in fixed)
    return Pinned("it reads the elements in the order of the axes as written")


def permuted(case: Case) -> Mapping[int, Move]:
    """A transpose that is the move itself makes a tensor in the other layout; its way back is the inverse."""
    perm = permutation(case)
    before, after = axes_of(case, case.input), axes_of(case, case.output)
    if perm is None:
        return {}
    if before == perm:
        return {id(case.output): perm.inverse}
    if after == perm.inverse:
        return {id(case.input): perm}
    return {}


def permutation(case: Case) -> Axes | None:
    """What a Permute or a transpose does; None where it moves the batch."""
    dims = case.config.get("dims")
    perm = (0, *dims) if dims else tuple(case.config.get("axes") or reversed(range(len(case.input.shape))))
    perm = tuple(axis % len(perm) for axis in perm)
    return Axes(perm) if perm[0] == 0 else None


@rule("Permute", "ops.Transpose", spread=permuted)
def permute(case: Case) -> Ruling:
    """Between the two layouts it can go; another one has other dims on moved tensors."""
    perm, before, after = permutation(case), axes_of(case, case.input), axes_of(case, case.output)
    if perm is None or before is None or after is None:
        return Pinned("it moves axes as they are written")
    if before == perm and after == perm.inverse:
        return Swap()
    return permuted_otherwise(case)


def permuted_otherwise(case: Case) -> Free:
    """A Permute that stays: on moved tensors its dims are others. Its tensors must all have moves of axes."""
    perm, before, after = permutation(case), axes_of(case, case.input), axes_of(case, case.output)
    assert perm is not None
    assert before is not None
    assert after is not None
    turned = before.inverse.then(perm).then(after).perm
    return Free(
        {"dims": turned[1:]}
        if "dims" in case.config
        else {"axes": list(turned) if isinstance(case.config["axes"], list) else turned}
    )


@rule("Dense", spread=nothing)
def dense(case: Case) -> Ruling:
    """On flattened features its rows follow them; what makes features for a Reshape has its columns follow."""
    before, after = case.move(case.input), case.move(case.output)
    rows = ((0, before.order),) if isinstance(before, Features) else ()
    has_no_order = is_symmetric(case.call.operation.activation)
    columns = ((1, after.order),) if isinstance(after, Features) and has_no_order else ()
    fixed = frozenset({id(case.output)} if after and not columns else ())
    if not (rows or columns):
        return Pinned("it works over the last axis as written")
    if case.config.get("lora_rank") or getattr(case.call.operation, "quantization_mode", None):
        return Pinned("its kernel is stored in another form")
    bias = {"bias": after.along(0)} if isinstance(after, Features) and columns else {}
    return Free({}, {"kernel": Along(rows + columns), **bias}, fixed=fixed)
