"""Do two subjects compute the same thing? A ladder of four rungs, where they part, what would make them agree."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any

import numpy as np

from . import convention, recipe
from .bench import Bench
from .checks.shared import ruler
from .libraries import Array
from .subject import Subject

OFFSET = (7, 8, 9, 10, 11, 12)  # positions of the second call: it starts later, and has one key head where both can


class Rung(StrEnum):
    """How alike two subjects are, best first."""

    BITWISE = "bitwise equal"
    RECIPE = "same recipe"
    MATHEMATICS = "same mathematics within budget"
    DIFFERENT = "different mathematics"


class CompareError(ValueError):
    """Two subjects that cannot be compared; the message is one line: which, and what they would need."""

    usage = True


@dataclass(frozen=True)
class Place:
    """Where two encoded vectors differ most at one position, in roundoffs u of the dtype relative to the block norm."""

    side: str
    position: Any
    head: int
    pair: int  # the block of the definition; -1 where a coordinate belongs to none
    u: float
    allowed: float

    def __str__(self) -> str:
        size = f"{self.u:.3g} u of the block norm; {self.allowed:.3g} allowed"
        return f"position {self.position}, pair {self.pair}, head {self.head} of {self.side}: {size}"


@dataclass(frozen=True)
class Comparison:
    """What a comparison came to. `equal` of `elements` are bitwise equal; what `agree_if` says has been verified."""

    a: str
    b: str
    encoding: str
    dtype: str
    rung: Rung
    equal: int
    elements: int
    positions: int  # the largest position compared
    first: Place | None = None
    worst: Place | None = None
    recipes: dict[str, str] = field(default_factory=dict)
    agree_if: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The same as plain values; numbers that are not finite as strings."""
        found = asdict(self) | {"rung": str(self.rung)}
        for name in ("first", "worst"):
            if found[name] and not np.isfinite(found[name]["u"]):
                found[name]["u"] = str(found[name]["u"])
        return found


@dataclass(frozen=True)
class Call:
    """One call of both: the vectors given, (q, k), and what each returned, in the coordinates of the definition."""

    at: tuple[Any, ...]
    given: tuple[Array, Array]
    results: tuple[tuple[Array, Array], tuple[Array, Array]]


def compare(a: Subject, b: Subject, dtype: str | None = None, seed: int = 0) -> Comparison:
    """Encodes the same vectors with both, each in its own layout, and says how alike the answers are.

    `dtype`: the first they have in common. Raises CompareError for subjects that cannot be compared, and AnswerError
    when one of them raises or returns something else than two arrays.
    """
    if reason := obstacle(a, b, dtype):
        raise CompareError(reason)
    name = dtype or next(d for d in a.dtypes if d in b.dtypes)
    benches = (Bench(a, name, a.devices[0], seed=seed), Bench(b, name, b.devices[0], seed=seed))
    limit = min(bench.limit for bench in benches)
    grouped = all("grouped-heads" in s.supports for s in (a, b))
    rng = np.random.Generator(np.random.Philox(seed))
    calls = []
    for positions, heads, key_heads in ((convention.positions_tried(limit), 2, 2), (OFFSET, 2, 2 - grouped)):
        at = tuple(benches[0].at([p for p in positions if p < limit]))
        q, k = (benches[0].draw(rng, 1, h, len(at), a.dim) for h in (heads, key_heads))
        calls.append(Call(at, (q, k), tuple(bench.encode(q, k, at) for bench in benches)))  # type: ignore[arg-type]
    return _climb(benches, calls)


def obstacle(a: Subject, b: Subject, dtype: str | None = None) -> str:
    """Why two subjects cannot be compared, in one line; empty when they can."""
    for one in (a, b):
        if one.encode is None:
            return f"{one.name}: compare needs the door encode, got {', '.join(one.doors)}"
        if one.record.kind != "bilinear":
            return f"{one.name}: compare is for bilinear encodings, got {one.record.kind}"
    if (a.dim, a.features, a.record.axes) != (b.dim, b.features, b.record.axes):
        return f"{a.name} (dim {a.dim}) and {b.name} (dim {b.dim}) do not encode the same vectors"
    shared = [d for d in a.dtypes if d in b.dtypes]
    if not shared or (dtype is not None and dtype not in shared):
        wanted = dtype or "a dtype in common"
        return f"{a.name} has {', '.join(a.dtypes)}, {b.name} has {', '.join(b.dtypes)}; wanted {wanted}"
    return ""


def _climb(benches: tuple[Bench, Bench], calls: Sequence[Call]) -> Comparison:
    """From the top rung down to the first that holds."""
    a, b = (bench.subject for bench in benches)
    same = [(x == y) | (np.isnan(x) & np.isnan(y)) for c in calls for x, y in zip(*c.results, strict=True)]
    equal, elements = sum(int(s.sum()) for s in same), sum(s.size for s in same)
    rotary = all(_rotary(bench) for bench in benches)
    places = [place for call in calls for place in _places(benches, call)]
    recipes: dict[str, str] = {}
    rung, advice = Rung.BITWISE, ""
    if equal < elements:
        recipes, alike, advice = _recipes(benches, calls) if rotary else ({}, False, "")
        within = all(place.u <= place.allowed for place in places)
        rung = Rung.RECIPE if alike else Rung.MATHEMATICS if within else Rung.DIFFERENT
    shown = [p for p in places if rung is not Rung.DIFFERENT or not p.u <= p.allowed]
    said = _conventions(benches, calls) if rung is Rung.DIFFERENT and rotary else [advice]
    return Comparison(
        a.name, b.name, _names(a, b), benches[0].dtype, rung, equal, elements, max(np.max(c.at) for c in calls).item(),
        first=min(shown, key=lambda p: np.max(p.position), default=None),
        worst=max(shown, key=lambda p: p.u, default=None),
        recipes=recipes,
        agree_if=tuple(filter(None, said)),
    )  # fmt: skip


def _places(benches: tuple[Bench, Bench], call: Call) -> list[Place]:
    """The worst place of each position of a call; one for each position at which the two differ at all."""
    rulers = [ruler(bench) for bench in benches]
    u = rulers[0].budget.u
    allowed = rulers[0].relative(call.at) + rulers[1].relative(call.at)
    worst: dict[int, tuple[float, Place]] = {}
    for side, x, y in zip("qk", *call.results, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.abs(x - y) / np.fmax(*(r.norms(v) for r, v in zip(rulers, (x, y), strict=True)))
            size = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0.0, np.where(np.isnan(size), np.inf, size))
            over = np.where(size == 0, 0.0, size / allowed)
        for row, position in enumerate(call.at):
            index = np.unravel_index(int(np.argmax(over[:, :, row])), over[:, :, row].shape)
            place = (index[0], index[1], row, index[2])
            if over[place] > worst.get(row, (0.0,))[0]:
                head, column = int(index[1]), int(index[2])
                pair, limit = int(rulers[0].owner[column]), float(allowed[row, column]) / u
                worst[row] = (over[place], Place(side, position, head, pair, float(size[place]) / u, limit))
    return [place for _, place in worst.values()]


def _rotary(bench: Bench) -> bool:
    """Whether the encoding is a plain rotation of pairs, so that recipes and conventions can be simulated."""
    record = bench.subject.record
    plain = record.basis == "identity" and record.block == 2 and record.axes == 1 and not record.affine
    return plain and bench.subject.features is None and not bench.growth and bench.oracle.angle(0) is not None


def _recipes(benches: tuple[Bench, Bench], calls: Sequence[Call]) -> tuple[dict[str, str], bool, str]:
    """The recipe that explains each subject, whether they share one on tables that agree, and what would make them."""
    readings = [[recipe.Reading(bench, call.at) for call in calls] for bench in benches]

    def explained(table: int, answers: int, tried: Sequence[recipe.Recipe]) -> list[recipe.Recipe]:
        """Recipes that give the answers of one subject from the tables of one (the same, or the other)."""
        cases = [
            (reading, x, y)
            for reading, call in zip(readings[table], calls, strict=True)
            for x, y in zip(call.given, call.results[answers], strict=True)
        ]
        return [r for r in tried if all(reading.explains(r, x, y) for reading, x, y in cases)]

    found = [explained(i, i, recipe.recipes(benches[0].dtype)) for i in (0, 1)]
    said = {bench.subject.name: str(recipe.coarsest(f)) for bench, f in zip(benches, found, strict=True) if f}
    alike = all(recipe.same_table(x, y) for x, y in zip(*readings, strict=True))
    if alike and set(found[0]) & set(found[1]):
        return said, True, ""
    if set(found[0]) & set(found[1]):
        return said, False, "they round alike; their tables differ: frequencies or angles are made in different ways"
    wanted = recipe.coarsest(explained(1, 0, found[0]))
    advice = f"{benches[1].subject.name} would give the same bits with {wanted}" if wanted else ""
    return said, False, advice


def _conventions(benches: tuple[Bench, Bench], calls: Sequence[Call]) -> list[str]:
    """What each subject does otherwise than it declares, verified on its own numbers; by side where they differ."""
    said = []
    for i, bench in enumerate(benches):
        allowed = ruler(bench).budget
        sides = [[convention.Evidence(bench, c.at, c.given[s], c.results[i][s]) for c in calls] for s in (0, 1)]
        q, k = (convention.verdict(side, allowed) for side in sides)
        both = convention.verdict(list(chain(*sides)), allowed) if q != k else q
        whole = q == k or both.startswith("agrees")
        name = bench.subject.name
        said.append(f"{name} {both}" if whole else f"{name}: the query {q}; the key {k}")
    own = [convention.declared(bench).base for bench in benches]
    return said + ([f"they are declared with different bases: {own[0]:g} and {own[1]:g}"] if own[0] != own[1] else [])


def _names(a: Subject, b: Subject) -> str:
    return a.record.name if a.record.name == b.record.name else f"{a.record.name} and {b.record.name}"
