"""Doors of kernels and adapted scores (bias, mask, adapt, mix, attend with them): one way to call, to expect, to allow.

Every door is a table of rows: query i stands in row i, with one column for each key (bias, mask, adapt) or each value
column (mix, attend). `case` holds positions and data; `run` calls the subject, `wanted` asks the oracle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..libraries import Array
from ..propagation import Propagation
from ..subject import Subject
from .shared import HEADLINE

KINDS = ("bias", "mask", "output", "adaptive")
TABLES = ("bias", "mask", "adapt")
SUMS = ("mix", "attend")
VALUES = 3


def is_kernel(subject: Subject) -> bool:
    """Whether the record is a scalar kernel or adaptive: no maps of q and k."""
    return subject.record.kind in KINDS


def doors(subject: Subject, among: Sequence[str] = (*TABLES, *SUMS)) -> list[str]:
    """The doors out of `among` that the subject has."""
    return [door for door in among if door in subject.doors]


@dataclass(frozen=True)
class Case:
    """Positions of queries and keys, and the data in float64, all of it exact in the dtype: (1, heads, …)."""

    door: str
    s: list[Any]
    t: list[Any]
    causal: bool
    data: dict[str, Array] = field(default_factory=dict)

    def rows(self, chosen: Sequence[int]) -> "Case":
        """Some queries, with their own data; all the keys."""
        kept = {k: x[:, :, list(chosen)] if k in ("q", "scores") else x for k, x in self.data.items()}
        kept = {k: x[:, list(chosen)] if k == "prior" else x for k, x in kept.items()}
        return replace(self, s=[self.s[i] for i in chosen], data=kept)

    def keys(self, chosen: Sequence[int]) -> "Case":
        """Some keys with their data; all the queries."""
        kept = {k: x[:, :, list(chosen)] if k in ("k", "v") else x for k, x in self.data.items()}
        kept = {k: x[..., list(chosen)] if k in ("scores", "prior") else x for k, x in kept.items()}
        return replace(self, t=[self.t[j] for j in chosen], data=kept)

    def moved(self, by: Any) -> "Case":
        """The same contents, every position moved alike (along every axis)."""

        def step(p: Any) -> Any:
            return tuple(x + by for x in p) if isinstance(p, tuple) else p + by

        return replace(self, s=[step(p) for p in self.s], t=[step(p) for p in self.t])


def propagation(bench: Bench) -> Propagation:
    """The error analysis of the record at the subject's numbers; made once."""
    found: Propagation | None = bench.__dict__.get("_propagation")
    if found is None:
        found = bench.__dict__["_propagation"] = Propagation(bench.kernels, working(bench))
    return found


def working(bench: Bench) -> float:
    """u of the arithmetic that is declared."""
    from ..budget import U

    said = bench.subject.declared("arithmetic") or "input"
    return U[bench.dtype] if said == "input" else min(U[said], U[bench.dtype])


def causal_modes(bench: Bench, door: str) -> tuple[bool, ...]:
    """Which values of `causal` are asked for: both where the door takes it, else what the subject does by itself."""
    own = "causal=yes" in bench.subject.record.name
    if door in TABLES:
        return (False,)
    if "causal" in bench.subject.names(door) and not own:
        return (False, True)
    return (own or (door == "attend" and bench.subject.record.kind == "adaptive"),)


def places(bench: Bench, n: int) -> list[Any]:
    """n consecutive positions from 0, or about n on a full grid, row by row."""
    if bench.subject.record.axes == 1:
        return list(range(min(n, bench.limit)))
    height = max(1, min(int(np.sqrt(n)), bench.limit))
    width = min(-(-n // height), bench.limit)
    return [(x, y) for x in range(height) for y in range(width)]


def far_places(bench: Bench) -> tuple[list[Any], list[Any]]:
    """Query and key positions for a table: near and far ones where any are promised, else consecutive ones."""
    if bench.subject.record.axes > 1 or "arbitrary-positions" not in bench.subject.supports:
        return places(bench, 12), places(bench, 12)
    near = [0, 1, 2, 3, 5, 7, 11, 17, 18, 19, 30, 64, 127, 200]
    top = bench.limit - 1
    s = sorted({*bench.within([*near, *HEADLINE[2:]]), top} if top < 2**31 - 1 else {*near, *HEADLINE[2:]})
    return s, [p for p in s if p < 4096 or p % 2 or p == 2**20]


def made(bench: Bench, door: str, s: list[Any], t: list[Any], causal: bool = False, label: str = "") -> Case:
    """A case with data drawn from the seed: q, k, v, or scores and, where the subject asks for it, a prior."""
    rng, heads = bench.rng("kernel", door, label, len(s)), bench.kernels.heads
    data: dict[str, Array] = {}
    if door == "attend":
        data = {"q": bench.draw(rng, 1, heads, len(s), bench.dim), "k": bench.draw(rng, 1, heads, len(t), bench.dim)}
    if door in SUMS:
        data["v"] = bench.draw(rng, 1, heads, len(t), VALUES)
    if door == "adapt":
        data["scores"] = bench.draw(rng, 1, heads, len(s), len(t))
        if "prior" in bench.subject.names("adapt") and bench.kernels.takes_prior:
            data["prior"] = bench.representable(_priors(bench, s, t))
    return Case(door, s, t, causal, data)


def _priors(bench: Bench, s: list[Any], t: list[Any]) -> Array:
    exact = bench.kernels.matrix(s, t)
    return np.array([[[float(x.mid()) for x in row] for row in one] for one in exact]).reshape(-1, len(s), len(t))


def native(bench: Bench, case: Case) -> dict[str, Any]:
    """The arguments that doors may ask for, as the subject's arrays."""
    at = {"query_positions": bench.positions(case.s), "key_positions": bench.positions(case.t)}
    given: dict[str, Any] = {**at, "positions": at["key_positions"], "length": len(case.t), "causal": case.causal}
    for name, values in case.data.items():
        flip = bench.subject.axes == "blhd" and name in ("q", "k", "v")
        values = np.ascontiguousarray(values.swapaxes(1, 2)) if flip else values
        given[name] = bench.library.array(values, bench.dtype, bench.device)
    return given | {"prior": given.get("prior"), "carry": None}


def answer(bench: Bench, case: Case, given: dict[str, Any] | None = None) -> Any:
    """What the door returned, when it is an array of the right shape."""
    found = bench.call(case.door, **(native(bench, case) if given is None else given))
    found = found[0] if case.door == "attend" and isinstance(found, (tuple, list)) else found
    if not bench.library.owns(found):
        raise AnswerError(f"{case.door} returned {type(found).__name__}, wanted an array of {bench.subject.library}")
    wanted, got = shape(bench, case), tuple(found.shape)
    if got != wanted and not (case.door in ("bias", "mask") and got == (1, *wanted)):
        raise AnswerError(f"{case.door} returned shape {got}, wanted {wanted}")
    return found


def shape(bench: Bench, case: Case) -> tuple[int, ...]:
    """The shape that a door returns."""
    heads, rows = bench.kernels.heads, len(case.s)
    if case.door in ("bias", "mask"):
        return (heads, rows, len(case.t))
    last = len(case.t) if case.door == "adapt" else case.data["v"].shape[-1]
    return (1, rows, heads, last) if bench.subject.axes == "blhd" and case.door in SUMS else (1, heads, rows, last)


def run(bench: Bench, case: Case) -> Array:
    """The subject's numbers, exactly, (heads, rows, columns); its own array is overwritten afterwards."""
    found = answer(bench, case)
    values = bench.exact(found, encoded=False).reshape(-1, len(case.s), found.shape[-1])
    bench.library.poison(found)
    return values


def wanted(bench: Bench, case: Case) -> tuple[Array, Array]:
    """The oracle's numbers as hi + lo, (heads, rows, columns)."""
    from ...spec.oracle import split
    from .kernel_sums import options

    oracle = bench.kernels
    if case.door in ("bias", "mask"):
        balls = oracle.matrix(case.s, case.t)
    elif case.door == "adapt":
        balls = oracle.adapt(case.data["scores"][0].tolist(), case.s, case.t, _listed(case.data.get("prior")))
    elif case.door == "mix":
        balls = oracle.mix(case.data["v"][0].tolist(), case.s, case.t)
    else:
        q, k, v = (case.data[name][0].tolist() for name in "qkv")
        balls = oracle.attend(q, k, v, case.s, case.t, causal=case.causal, **options(bench))
    parts = np.array([[[split(x)[:2] for x in row] for row in one] for one in balls])
    parts = parts.reshape(len(balls), len(case.s), -1, 2)
    return parts[..., 0], parts[..., 1]


def _listed(values: Array | None) -> Any:
    return None if values is None else values.tolist()


def allowed(bench: Bench, case: Case, values: Array) -> tuple[Array, Array, str]:
    """(bound, one unit, the sentence) for numbers near `values`, (heads, rows, columns)."""
    from ..budget import TINY, U
    from .kernel_sums import of_attention, of_product

    cast, made_by = U[bench.dtype], propagation(bench)
    if case.door in TABLES:
        from ..propagation import RULES, Rounded

        if case.door == "adapt":
            zero = np.zeros_like(case.data["scores"][0])
            given = case.data.get("prior")
            priors = None if given is None else Rounded(given, np.zeros_like(given))
            error = made_by.adapt(Rounded(case.data["scores"][0], zero), case.s, case.t, priors).error
        else:
            error = made_by.kernel(case.s, case.t).error
        finite = np.where(np.isfinite(values), np.abs(values), 0.0)
        return error + cast * finite + TINY[bench.dtype], np.maximum(finite, cast), f"the expression: {RULES}; u|b|"
    bound, size, text = (of_product if case.door == "mix" else of_attention)(bench, case)
    return bound + cast * np.abs(values) + TINY[bench.dtype], size, text


def limited(bench: Bench, position: Any) -> bool:
    """Whether a claim under a condition ({"when": relation}) speaks of this query position."""
    from ...spec.encoding import query_position

    claimed = bench.subject.record.claims.get("lag-invariant")
    if not isinstance(claimed, dict):
        return True
    relation = claimed["when"]
    numbers = {x: bench.kernels.constant(x, 0) for x in relation.free_symbols - {query_position}}
    return bool(relation.subs({**numbers, query_position: position}))
