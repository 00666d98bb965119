"""One encoding as one frozen record: a form in the symbols below, its parameters, domain and claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

position = sp.Symbol("position", real=True)
query_position = sp.Symbol("query_position", real=True)
key_position = sp.Symbol("key_position", real=True)
lag = sp.Symbol("lag", real=True)
score = sp.Symbol("score", real=True)
prior = sp.Symbol("prior", real=True)
length = sp.Symbol("length", integer=True, positive=True)
pair = sp.Symbol("pair", integer=True, nonnegative=True)
dim = sp.Symbol("dim", integer=True, positive=True)
head = sp.Symbol("head", integer=True, nonnegative=True)

RESERVED = {s.name: s for s in (position, query_position, key_position, lag, score, prior, length, pair, dim, head)}
BASES = ("identity", "householder", "dct", "dft", "shuffle")
DOMAINS = ("integer", "real")
FORMS = ("query", "generators", "terms", "bias", "mask", "output", "adapt", "step")
CLAIMS = (
    "lag-invariant", "unitary", "identity-at-zero", "rank", "cost", "family", "faithful", "unbiased", "finite-variance",
)  # fmt: skip
WEAKER = ("in expectation", "given the scores", "given the pair", "given the path")


class EncodingError(ValueError):
    """A record that is not well-formed; the message is one line: what, got, wanted."""


def axis(j: int) -> sp.Symbol:
    """Coordinate j of a position (in matrices) or of a lag (in kernels), for encodings with several axes."""
    if not isinstance(j, int) or j < 0:
        raise EncodingError(f"axis: j must be an integer >= 0, got {j!r}")
    return sp.Symbol(f"axis_{j}", real=True)


@dataclass(frozen=True)
class Learned:
    """A parameter that training sets: its shape (expressions in `dim`, `head`) and its initial value."""

    shape: tuple[Any, ...]
    init: Any


def learned(shape: Sequence[Any] | Any, init: Any) -> Learned:
    """Declares a learned parameter: `parameters={theta: learned((dim / 2,), base ** (-2 * pair / dim))}`."""
    sized = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    for extent in sized:
        stray = sp.sympify(extent).free_symbols - {dim, head, length}
        if stray:
            names = ", ".join(sorted(map(str, stray)))
            raise EncodingError(f"learned: a shape holds numbers, dim, head or length, got the free symbol {names}")
    return Learned(sized, init)


@dataclass(frozen=True)
class PermutationPower:
    """The maps (Λ_s x)_j = x[π^s(j)]; `images` = (π(0), …, π(d-1)), or None for every permutation of every size."""

    images: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.images is not None and sorted(self.images) != list(range(len(self.images))):
            raise EncodingError(f"permutation: wanted each of 0..{len(self.images) - 1} once, got {self.images}")


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What an encoding is. Exactly one form is given; everything else is derived from this record.

    A_s is one generic block `query` (in `position` or `axis(j)`), repeated over the covered coordinates, the identity
    on the rest, times the constant basis; B_t likewise from `key` (default: the same map).

    Extensions of the contract: `basis` (a constant isometry applied first to q and k), `covers` (how many leading
    coordinates the blocks cover, default: as many as fit), `sections` (the covered coordinates are cut into so many
    equal parts and a block takes its share from each: axial encodings), `law` (what the noise follows where it is not
    standard normal: its density, or words), `expectation` (the mean of A^H B under that density, in the lag), `summary`
    and `conventions` (for people).

    Raises EncodingError when the record is not well-formed.
    """

    name: str = field(kw_only=False)
    query: Any = None
    key: Any = None
    generators: tuple[Any, ...] | None = None
    terms: tuple[Any, ...] | None = None
    bias: Any = None
    mask: Any = None
    output: Any = None
    noise: Any = None
    law: Any = None
    expectation: Any = None
    adapt: Any = None
    step: Any = None
    axes: int = 1
    domain: str = "integer"
    parameters: Mapping[sp.Symbol, Any] = field(default_factory=dict)
    relations: tuple[Any, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    summary: str = ""
    conventions: tuple[str, ...] = ()
    basis: str = "identity"
    covers: Any = None
    sections: int = 1

    def __post_init__(self) -> None:
        from .wellformed import normalise

        normalise(self)

    @property
    def form(self) -> str:
        """The one form this record is written in: one of FORMS."""
        return next(f for f in FORMS if getattr(self, f) is not None)

    @property
    def kind(self) -> str:
        """bilinear | terms | bias | mask | output | random | adaptive | path."""
        if self.form == "query":
            return "bilinear" if self.noise is None else "random"
        return {"generators": "bilinear", "adapt": "adaptive", "step": "path"}.get(self.form, self.form)

    @property
    def coordinates(self) -> tuple[sp.Symbol, ...]:
        """The position symbols of this record's matrices: (position,), or (axis(0), axis(1), …)."""
        return (position,) if self.axes == 1 else tuple(axis(j) for j in range(self.axes))

    @property
    def affine(self) -> bool:
        """Whether the block is [M | p], acting on [q; 1]: one more column than rows."""
        return isinstance(self.query, sp.MatrixBase) and self.query.shape[1] == self.query.shape[0] + 1

    @property
    def block(self) -> int:
        """Coordinates that one generic block takes in (the constant of an affine one not counted).

        0 for a permutation of all coordinates.
        """
        if isinstance(self.query, PermutationPower):
            return 0
        form = self.generators[0] if self.generators else self.query
        return int(form.shape[1]) - self.affine
