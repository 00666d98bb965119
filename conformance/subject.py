"""A subject under test: plain values and functions that say what an implementation is and what it promises."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from ..spec.encoding import Encoding, EncodingError

LIBRARIES = ("numpy", "cupy", "torch", "jax", "standin")
DOORS = ("encode", "tables", "score", "bias", "mask", "adapt", "mix", "attend")
ARGUMENTS = (
    "state", "parameters", "dtype", "device", "seed", "q", "k", "v", "positions", "query_positions", "key_positions",
    "scores", "prior", "causal", "length", "carry",
)  # fmt: skip
SUPPORTS = (
    "offset", "arbitrary-positions", "batched-positions", "fractional", "grouped-heads", "in-place", "cache", "packed",
    "gradient", "compile", "export", "cast", "meta",
)  # fmt: skip
DTYPES = ("float64", "float32", "float16", "bfloat16")
DECLARED = {
    "angles": ("exact", "float64", "float32", "fast", "input"),
    "table_precision": ("none", "float64", "float32", "input"),
    "arithmetic": ("float64", "float32", "input"),
}
CHOICES = {
    "layout": ("interleaved", "halves"),
    "writes": ("interleaved", "halves", None),
    "axes": ("bhld", "blhd"),
    "features": ("stacked", None),
    "up_to": ("isometry", None),
    "bias_up_to": ("row-constant", None),
}
OPTIONS = ("scale", "attention", "feature_map", "denominator")


class SubjectError(ValueError):
    """A subject that is not well-formed; the message is one line: which subject, what it has, what was wanted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """What is tested. Every callable is called by keyword with exactly the arguments that its signature names.

    The arguments are those in `ARGUMENTS`. Arrays belong to `library`; q is (batch, heads, n_q, dim), k and v are
    (batch, kv_heads, n_k, dim), or (batch, n, heads, dim) with `axes="blhd"`. `positions` is an integer array (n,),
    with a trailing (axes,) when the encoding has several axes. `dtype` is the library's own dtype object, `device` a
    string, `parameters` the mapping below with `dim` filled in.

    `tables` is either the declaration "none" | "float64" | "float32" | "input" or a door (positions -> cos, sin); with
    the door, `table_precision` takes the declaration. `max_position` is the number of positions: all are below it.
    `score` gives unscaled scores unless `options["scale"]` says otherwise; softmax in `attend` is scaled by
    1/sqrt(dim) unless it does. Raises SubjectError when something here is not well-formed.
    """

    name: str
    encoding: str | Encoding
    library: str = "numpy"
    build: Callable[..., Any] | None = None
    encode: Callable[..., Any] | None = None
    tables: str | Callable[..., Any] | None = None
    score: Callable[..., Any] | None = None
    bias: Callable[..., Any] | None = None
    mask: Callable[..., Any] | None = None
    adapt: Callable[..., Any] | None = None
    mix: Callable[..., Any] | None = None
    attend: Callable[..., Any] | None = None
    read: Callable[..., Any] | None = None
    learnable: Sequence[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    layout: str = "interleaved"
    writes: str | None = None
    features: str | None = None
    axes: str = "bhld"
    dtypes: Sequence[str] = ("float32",)
    devices: Sequence[str] = ("cpu",)
    max_position: int | None = None
    angles: str | None = None
    table_precision: str | None = None
    arithmetic: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    supports: Iterable[str] = ()
    exempt: Mapping[str, str] = field(default_factory=dict)
    up_to: str | None = None
    bias_up_to: str | None = None
    version: str = ""
    promise: str = ""

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "supports", frozenset(self.supports))

    @cached_property
    def record(self) -> Encoding:
        """The encoding that this subject claims to be."""
        return resolve(self.name, self.encoding)

    @property
    def numbers(self) -> dict[str, Any]:
        """The parameters by name, `dim` filled in (64)."""
        return {"dim": 64, **self.parameters}

    @property
    def dim(self) -> int:
        """Coordinates of q and k."""
        return int(self.numbers["dim"])

    @property
    def doors(self) -> tuple[str, ...]:
        """The doors this subject has, in the order of DOORS."""
        return tuple(name for name in DOORS if callable(getattr(self, name)))

    def names(self, door: str) -> tuple[str, ...]:
        """The arguments out of ARGUMENTS that a callable of this subject is given: those its signature names."""
        return tuple(n for n in inspect.signature(getattr(self, door)).parameters if n in ARGUMENTS)

    def declared(self, what: str) -> str | None:
        """What is declared for "angles", "tables" or "arithmetic"; None when nothing is."""
        if what != "tables":
            value = getattr(self, what)
        else:
            value = self.table_precision or (self.tables if isinstance(self.tables, str) else None)
        return None if value is None else str(value)


def resolve(subject: str, encoding: str | Encoding) -> Encoding:
    """The record behind a name, `name[key=value,…]` or an Encoding; SubjectError with the nearest name otherwise."""
    if isinstance(encoding, Encoding):
        return encoding
    from ..spec.catalogue import get

    try:
        return get(encoding)
    except EncodingError as error:
        raise SubjectError(f"{subject}: {error}") from None


def _check(subject: Subject) -> None:
    say = subject.name
    if not isinstance(say, str) or not say:
        raise SubjectError(f"subject: name must be a non-empty string, got {say!r}")
    _one_of(say, "library", subject.library, LIBRARIES)
    if not isinstance(subject.encoding, (str, Encoding)):
        raise SubjectError(f"{say}: encoding must be a name or an Encoding, got {type(subject.encoding).__name__}")
    resolve(say, subject.encoding)
    for name in ("build", "read", *DOORS):
        _callable(say, name, getattr(subject, name))
    if not subject.doors:
        raise SubjectError(f"{say}: no door; give at least one of {', '.join(DOORS)}")
    _values(subject, say)
    _dtypes(subject, say)
    for item in subject.supports:
        _one_of(say, "supports item", item, SUPPORTS)
    for item in subject.options:
        _one_of(say, "option", item, OPTIONS)
    for check, reason in subject.exempt.items():
        if not isinstance(reason, str) or not reason.strip():
            raise SubjectError(f"{say}: exempt[{check!r}] needs a reason, got {reason!r}")


def _values(subject: Subject, say: str) -> None:
    for name, allowed in CHOICES.items():
        if getattr(subject, name) not in allowed:
            wanted = ", ".join(str(a) for a in allowed)
            raise SubjectError(f"{say}: {name} must be one of {wanted}, got {getattr(subject, name)!r}")
    for name, allowed in DECLARED.items():
        value = subject.declared("tables" if name == "table_precision" else name)
        shown = "tables" if name == "table_precision" else name
        if value is not None and value not in allowed:
            raise SubjectError(f"{say}: {shown} must be one of {', '.join(allowed)}, got {value!r}")
    bound = subject.max_position
    if bound is not None and (not isinstance(bound, int) or bound < 1):
        raise SubjectError(f"{say}: max_position must be an integer >= 1, got {bound!r}")
    dim = subject.numbers["dim"]
    if not isinstance(dim, int) or isinstance(dim, bool) or dim < 1:
        raise SubjectError(f"{say}: parameters['dim'] must be an integer >= 1, got {dim!r}")


def _dtypes(subject: Subject, say: str) -> None:
    if isinstance(subject.dtypes, str) or not subject.dtypes:
        raise SubjectError(f"{say}: dtypes must be a sequence of names, got {subject.dtypes!r}")
    for dtype in subject.dtypes:
        _one_of(say, "dtype", dtype, DTYPES)
        if dtype == "bfloat16" and subject.library in ("numpy", "cupy"):
            raise SubjectError(f"{say}: {subject.library} has no bfloat16; give dtypes out of {', '.join(DTYPES[:3])}")


def _callable(say: str, name: str, value: Any) -> None:
    if value is None or (name == "tables" and isinstance(value, str)):
        return
    if not callable(value):
        raise SubjectError(f"{say}: {name} must be callable, got {type(value).__name__}")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        raise SubjectError(f"{say}: the signature of {name} cannot be read; wrap it in a lambda") from None
    for argument in signature.parameters.values():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            continue
        if argument.kind is argument.POSITIONAL_ONLY:
            raise SubjectError(f"{say}: {name} takes {argument.name!r} by position only; it is called by keyword")
        if argument.name not in ARGUMENTS and argument.default is argument.empty:
            _one_of(say, f"argument of {name}", argument.name, ARGUMENTS)


def _one_of(say: str, what: str, value: Any, known: Sequence[str]) -> None:
    if value in known:
        return
    near = get_close_matches(str(value), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    raise SubjectError(f"{say}: unknown {what} {value!r}; {hint}")
