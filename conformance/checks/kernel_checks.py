"""The checks of kernels: the same claims as for maps of q and k, measured through bias, mask, adapt, mix and attend."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..finding import Check, Level, Measurement
from ..libraries import Array
from ..subject import Subject
from .kernels import (
    SUMS,
    TABLES,
    Case,
    allowed,
    answer,
    causal_modes,
    doors,
    far_places,
    is_kernel,
    limited,
    made,
    native,
    places,
    run,
    shape,
    wanted,
)
from .shared import guarded, holds, judge

SHIFTS = (1, 7, 64, 1000, 2**20)
UNIT = {
    "bias": "u of |b|",
    "mask": "u of |κ|",
    "adapt": "u of |A|",
    "mix": "u of the |x| run",
    "attend": "u of the |x| run",
}
FORMULA = {
    "bias": "b(h, s, t) of the definition",
    "mask": "κ(h, s, t) of the definition",
    "adapt": "A(scores, prior) of the definition",
    "mix": "W v, W_st = w(t - s)",
    "attend": "attention with the kernel of the definition",
}


def _near(
    bench: Bench, label: str, case: Case, got: Array, hi: Array, lo: Array | float, *, twice: bool = False,
    expected: str = "", bounds: tuple[Array, Array, str] | None = None,
) -> Measurement:  # fmt: skip
    """Every number of a door against what it should be."""
    u, times = _u(bench), 2.0 if twice else 1.0
    bound, size, text = bounds or allowed(bench, case, hi)
    error = np.abs((got - hi) - lo)
    if case.door == "bias" and not twice:
        error, bound = _comparable(bench, case, got, hi, lo, bound)

    def where(head: int, row: int, column: int) -> dict[str, Any]:
        last = {"key_position": case.t[column]} if case.door in TABLES else {"column": column}
        return {"query_position": case.s[row], **last, "head": head}

    return judge(
        label, error, np.broadcast_to(times * bound, error.shape), np.broadcast_to(size * u, error.shape),
        UNIT[case.door],
        expected=expected or FORMULA[case.door], where=where, budget=("2 × " if twice else "") + text,
        what="the output" if case.door in SUMS else f"the {case.door}",
    )  # fmt: skip


def _u(bench: Bench) -> float:
    from ..budget import U

    return U[bench.dtype]


def _comparable(bench: Bench, case: Case, got: Array, hi: Array, lo: Any, bound: Array) -> tuple[Array, Array]:
    """Keys that the subject hides with -inf are not compared; up to a constant of the row, differences are."""
    s, t = (np.asarray(x, dtype=np.float64).reshape(len(x), -1)[:, 0] for x in (case.s, case.t))
    later = (t[None, :] > s[:, None]) if bench.kernels.one_sided() else np.zeros((len(s), len(t)), dtype=bool)
    if bench.subject.bias_up_to is None:
        hidden = later[None] & np.isneginf(got)
        return np.where(hidden, 0.0, np.abs((np.where(hidden, hi, got) - hi) - lo)), bound
    seen = np.where(later, -np.inf, t[None, :])
    at = np.argmax(seen, axis=1)  # the newest key of each row
    rows = np.arange(len(s))
    moved = [x - x[:, rows, at][:, :, None] for x in (got, hi, np.broadcast_to(lo, hi.shape))]
    wide = bound + bound[:, rows, at][:, :, None]
    wide = wide + _u(bench) * (np.abs(got) + np.abs(got[:, rows, at])[:, :, None])
    error = np.abs((moved[0] - moved[1]) - moved[2])
    return np.where(later[None] | np.isinf(seen)[None], 0.0, error), wide


# the values


def _values(bench: Bench) -> Iterable[Measurement]:
    for door in doors(bench.subject, (*TABLES, "mix")):
        for label, case in _cases(bench, door):
            yield from guarded(label, FORMULA[door], partial(_compared, bench, label, case, _ends(case)))


def _compared(bench: Bench, label: str, case: Case, chosen: list[int] | None = None) -> Iterator[Measurement]:
    got = run(bench, case)
    if chosen is None:
        yield _near(bench, label, case, got, *wanted(bench, case))
        return
    bound, size, text = allowed(bench, case, got)  # of the whole: what a row sees goes by its place in it
    part = case.rows(chosen)
    hi, lo = _wanted_rows(bench, case, part, chosen)
    bounds = (bound[:, chosen], np.broadcast_to(size, bound.shape)[:, chosen], text)
    yield _near(bench, label, part, got[:, chosen], hi, lo, bounds=bounds)


def _wanted_rows(bench: Bench, full: Case, case: Case, chosen: list[int]) -> tuple[Array, Array]:
    from ...spec.oracle import split
    from .kernel_sums import options

    if case.door == "mix":
        return wanted(bench, case)
    q, k, v = (full.data[name][0].tolist() for name in "qkv")
    balls = bench.kernels.attend(q, k, v, full.s, full.t, causal=full.causal, rows=chosen, **options(bench))
    parts = np.array([[[split(x)[:2] for x in row] for row in one] for one in balls])
    return parts[..., 0], parts[..., 1]


def _cases(bench: Bench, door: str) -> Iterator[tuple[str, Case]]:
    if door in TABLES:
        s, t = far_places(bench)
        yield door, made(bench, door, s, t)
        return
    for causal in causal_modes(bench, door):
        for n in _sizes(bench):
            at = places(bench, n)
            yield f"{door}{' causal' * causal}, {len(at)} keys", made(bench, door, at, at, causal)


def _sizes(bench: Bench) -> list[int]:
    """Lengths: the smallest, odd ones and, where sums may go through an FFT, ones whose ends a wrong length mixes."""
    found = [1, 2, 13]
    if bench.subject.record.kind in ("mask", "output"):
        found += [40] if bench.level is Level.SMOKE else [40, 257]
    return [n for i, n in enumerate(found) if i == 0 or n <= _longest(bench)]


def _longest(bench: Bench) -> int:
    return int(bench.limit**bench.subject.record.axes)


def _ends(case: Case) -> list[int] | None:
    """The rows of a long case that are compared: both ends, where a wrong FFT length shows, and the middle."""
    n = len(case.s)
    return sorted({0, 1, n // 2, n - 2, n - 1}) if case.door in SUMS and n > 13 else None


def _attend(bench: Bench) -> Iterable[Measurement]:
    for label, case in _cases(bench, "attend"):
        yield from guarded(label, FORMULA["attend"], partial(_compared, bench, label, case, _ends(case)))


# rows


def _again(bench: Bench, label: str, case: Case, expected: str, got: Array, whole: Array) -> Measurement:
    """The same rows computed in two ways: each may use its budget once. Hidden keys must be hidden in both."""
    both = np.isneginf(got) & np.isneginf(whole)
    return _near(
        bench, label, case, np.where(both, 0.0, got), np.where(both, 0.0, whole), 0.0, twice=True, expected=expected
    )


def _lag(bench: Bench) -> Iterable[Measurement]:
    for door in doors(bench.subject):
        causal = causal_modes(bench, door)[-1]
        at = places(bench, 9)
        start = made(bench, door, at, at, causal, "lag")
        if not {"positions", "query_positions", "key_positions"} & set(bench.subject.names(door)):
            continue  # it knows no positions: nothing to shift
        first = run(bench, start)
        for by in _shifts(bench, at):
            case = start.moved(by)
            got = run(bench, case)
            a, b = _without_row_constant(bench, start, first, got)
            expected = "positions of queries and keys moved alike, contents the same: the same numbers"
            yield _again(bench, f"{door} shift {by}", case, expected, b, a)


def _without_row_constant(bench: Bench, case: Case, a: Array, b: Array) -> tuple[Array, Array]:
    if bench.subject.bias_up_to is None or case.door != "bias":
        return a, b
    rows = np.arange(len(case.s))
    return tuple(np.tril(x - x[:, rows, rows][:, :, None]) for x in (a, b))  # type: ignore[return-value]


def _shifts(bench: Bench, at: list[Any]) -> list[int]:
    top = max(max(p) if isinstance(p, tuple) else p for p in at)
    last = at[-1]
    room = [d for d in SHIFTS if d + top < bench.limit]
    kept = [d for d in room if isinstance(last, tuple) or limited(bench, last + d)]
    free = frozenset(bench.subject.supports) & {"offset", "arbitrary-positions"}
    return kept if free else []


def _claimed(subject: Subject) -> str | None:
    said = subject.record.claims.get("lag-invariant")
    if said is False:
        return f"{subject.record.name} says itself that lag-invariant is false"
    if said is None:
        return f"{subject.record.name} does not claim lag-invariant"
    return None if frozenset(subject.supports) & {"offset", "arbitrary-positions"} else "no such door: positions"


def _length(bench: Bench) -> Iterable[Measurement]:
    """A prefix: for tables always, for sums where later keys do not count."""
    for door in doors(bench.subject):
        if bench.subject.record.axes > 1 or not (door in TABLES or causal_modes(bench, door)[-1]):
            continue
        at = places(bench, 13)
        m = max(len(at) // 2, 1)
        case = made(bench, door, at, at, door in SUMS, "length")
        short = case.rows(range(m)).keys(range(m))
        whole = run(bench, case)[:, :m]
        whole = whole[..., :m] if door in TABLES else whole
        yield _again(bench, f"{door} prefix", short, "rows of a prefix = rows of the whole", run(bench, short), whole)


def _decode(bench: Bench) -> Iterable[Measurement]:
    """The newest queries against all keys, n_q < n_k, are the last rows of the whole."""
    for door in doors(bench.subject):
        if bench.subject.record.axes > 1:
            continue
        at = places(bench, 13)
        case = made(bench, door, at, at, causal_modes(bench, door)[-1], "decode")
        whole = run(bench, case)
        for count in sorted({1, min(4, len(at))}):
            rows = list(range(len(at) - count, len(at)))
            part = case.rows(rows)
            expected = "the newest rows alone, with all keys = the last rows of the whole"
            yield _again(bench, f"{door} last {count}", part, expected, run(bench, part), whole[:, rows])


def _arbitrary(bench: Bench) -> Iterable[Measurement]:
    """Positions in any order, with gaps and repeats: each number belongs to its own pair of positions."""
    for door in doors(bench.subject, TABLES):
        if bench.subject.record.axes > 1:
            continue
        at = [p for p in (9, 0, 3, 3, 500, 1, 17, 255, 2) if p < bench.limit]
        case = made(bench, door, at, at, False, "arbitrary")
        perm = [int(i) for i in bench.rng("kernel", "permutation").permutation(len(at))]
        moved = case.rows(perm).keys(perm)
        whole = run(bench, case)[:, perm][:, :, perm]
        yield _again(bench, f"{door} permuted", moved, "permuted positions, permuted numbers", run(bench, moved), whole)


# history, contract


def _data(bench: Bench, door: str, label: str, n: int = 8) -> Case:
    at = places(bench, n)
    return made(bench, door, at, at, causal_modes(bench, door)[-1], label)


def _history(bench: Bench) -> Iterable[Measurement]:
    for door in doors(bench.subject):
        case = _data(bench, door, "probe")
        reference = run(bench.fresh(), case)
        for label, n in (("fresh data", 8), ("longer before", 20), ("shorter before", 2)):
            used = bench.fresh()
            run(used, _data(bench, door, "other", n))
            yield _bitwise(f"{door} {label}", run(used, case), reference, "the result of a never-used instance")


def _twice(bench: Bench) -> Iterable[Measurement]:
    for door in doors(bench.subject):
        case = _data(bench, door, "twice")
        yield _bitwise(f"{door} twice", run(bench, case), run(bench, case), "the same call gives the same bits")


def _bitwise(label: str, got: Array, reference: Array, expected: str) -> Measurement:
    differ = ~((got == reference) | (np.isnan(got) & np.isnan(reference)))
    number = int(differ.sum())
    place = [int(i) for i in np.argwhere(differ)[0]] if number else []
    where = dict(zip(("head", "row", "column"), place, strict=False))
    reason = f"{number} numbers differ, bit by bit; first at {where}" if number else ""
    return Measurement(label, float(number), 0.0, "elements", expected, where, "0: the same call", reason)


def _contract(bench: Bench) -> Iterable[Measurement]:
    for door in doors(bench.subject):
        case = _data(bench, door, "contract", 5)
        yield from guarded(door, "an array of the right shape", partial(_kept, bench, door, case))


def _kept(bench: Bench, door: str, case: Case) -> Iterator[Measurement]:
    given = native(bench, case)
    arrays = {k: x for k, x in given.items() if bench.library.owns(x)}
    before = {k: bench.library.numpy(x) for k, x in arrays.items()}
    found = answer(bench, case, given)
    changed = sorted(k for k, x in arrays.items() if np.any(bench.library.numpy(x) != before[k]))
    yield holds(
        f"{door} inputs untouched", not changed, "inputs are as they were", f"{door} changed {', '.join(changed)}"
    )
    dtype = bench.library.dtype_name(found)
    fits = (bench.dtype,) if door in SUMS else (bench.dtype, "float32", "float64")
    yield holds(f"{door} dtype", dtype in fits, f"{bench.dtype}, or wider for scores", f"{door} returned {dtype}")
    device = bench.library.device(found)
    yield holds(f"{door} device", device == bench.device, f"on {bench.device}", f"{door} returned an array on {device}")
    values = bench.exact(found, encoded=False)
    bad = int(np.sum(np.isnan(values) | np.isposinf(values)))
    yield holds(f"{door} finite", bad == 0, "finite numbers", f"{bad} numbers of {door} are not finite")
    yield holds(f"{door} shape", True, f"shape {shape(bench, case)}", "")


# causality


def _impulse(bench: Bench) -> Iterable[Measurement]:
    """Other contents from the middle on: nothing before it changes."""
    for door in doors(bench.subject, ("adapt", *SUMS)):
        if door in SUMS and not causal_modes(bench, door)[-1]:
            continue
        at = places(bench, 13)
        cut = max(len(at) // 2, 1)
        case = made(bench, door, at, at, True, "impulse")
        other = made(bench, door, at, at, True, "other")
        changed = {}
        for name, x in case.data.items():
            axis = -1 if name in ("scores", "prior") else -2
            mixed = np.array(x)
            if name != "q":
                late: list[Any] = [slice(None)] * x.ndim
                late[axis] = slice(cut, None)
                mixed[tuple(late)] = other.data[name][tuple(late)]
            changed[name] = mixed
        touched = replace(case, data=changed)
        first, second = run(bench, case)[:, :cut], run(bench, touched)[:, :cut]
        if door == "adapt":
            first, second = first[..., :cut], second[..., :cut]
        bound = _loudest(bench, case, touched, cut)
        yield _quiet(f"{door} impulse", case, first, second, bound, _u(bench))


def _loudest(bench: Bench, case: Case, touched: Case, cut: int) -> Array:
    bounds = [allowed(bench, c, run(bench, c))[0][:, :cut] for c in (case, touched)]
    return bounds[0] + bounds[1] if case.door in SUMS else (bounds[0] + bounds[1])[..., :cut]


def _quiet(label: str, case: Case, first: Array, second: Array, bound: Array, u: float) -> Measurement:
    return judge(
        label, np.abs(first - second), np.broadcast_to(bound, first.shape), np.maximum(np.abs(first), u) * u,
        "u of the output",
        expected="rows before the change are the same", what="a row before the change",
        where=lambda head, row, column: {"query_position": case.s[row], "head": head, "column": column},
        budget="each of the two runs within its own budget",
    )  # fmt: skip


# gradient


def _gradient(bench: Bench) -> Iterable[Measurement]:
    for door in doors(bench.subject):
        case = _data(bench, door, "gradient")
        given = native(bench, case)
        inputs = {name: given[name].requires_grad_() for name in case.data if name != "prior"}
        try:
            found = answer(bench, case, given)
            weights = bench.library.array(
                bench.rng("kernel", "weights").standard_normal(found.shape), "float64", bench.device
            )
            visible = bench.library.xp.where(bench.library.xp.isfinite(found), found, 0.0)
            (visible.double() * weights).sum().backward()
        except RuntimeError as error:
            raise AnswerError(f"backward raised RuntimeError: {' '.join(str(error).split())[:200]}") from error
        for name, x in inputs.items():
            yield _finite(bench, f"{door} {name}", name, x.grad)
        yield from _learned(bench, door)


def _learned(bench: Bench, door: str) -> Iterator[Measurement]:
    if not bench.subject.learnable or not bench.subject.read:
        return
    found = bench.call("read")
    for name in bench.subject.learnable:
        held = getattr(bench.state, name, found.get(name))
        grad = held.grad if getattr(held, "is_leaf", False) else None
        yield _finite(bench, f"{door} {name}", name, grad)


def _finite(bench: Bench, label: str, name: str, grad: Any) -> Measurement:
    if grad is None:
        return holds(label, False, f"{name} receives a gradient", f"no gradient reached {name}")
    values = bench.library.numpy(grad)
    ok = bool(np.all(np.isfinite(values)) and np.any(values))
    reason = f"the gradient of {name} is {'zero' if not np.any(values) else 'not finite'}"
    return holds(label, ok, f"a finite gradient of {name} that is not zero", reason)


def _differentiable(subject: Subject) -> str | None:
    if subject.library != "torch":
        return "no such door: gradients are read through torch"
    if not subject.learnable and not doors(subject, ("adapt", *SUMS)):
        return "no such door: it takes positions only, and declares nothing learnable"
    return None if "gradient" in subject.supports else "not promised: gradient is not in supports"


def _promised(item: str) -> Callable[[Subject], str | None]:
    return lambda subject: None if item in subject.supports else f"not promised: {item} is not in supports"


def _has(*names: str) -> Callable[[Subject], str | None]:
    return lambda subject: None if doors(subject, names) else f"no such door: {' or '.join(names)}"


EXTENDED: dict[str, tuple[Callable[[Bench], Iterable[Measurement]], Callable[[Subject], str | None]]] = {
    "contract": (_contract, lambda subject: None),
    "matches-the-definition": (_values, _has(*TABLES, "mix")),
    "attention-matches": (_attend, _has("attend")),
    "lag-invariant": (_lag, _claimed),
    "length-independent": (_length, lambda subject: None),
    "offset-equals-full": (_decode, _promised("offset")),
    "arbitrary-positions": (
        _arbitrary,
        lambda subject: _has(*TABLES)(subject) or _promised("arbitrary-positions")(subject),
    ),
    "history-independent": (_history, lambda subject: None),
    "deterministic": (_twice, lambda subject: None),
    "gradient-is-adjoint": (_gradient, _differentiable),
    "causal": (_impulse, _has("adapt", *SUMS)),
}


def extended(check: Check) -> Check:
    """The check, which on a kernel measures the same claim through the kernel's doors, or is not asked."""
    found = EXTENDED.get(check.name)

    def applies(subject: Subject) -> str | None:
        if not is_kernel(subject):
            return check.applies(subject)
        return "no such door: maps of q and k" if found is None else found[1](subject)

    def measured(bench: Bench) -> Iterable[Measurement]:
        return found[0](bench) if found is not None and is_kernel(bench.subject) else check.run(bench)

    return replace(check, applies=applies, run=measured)
