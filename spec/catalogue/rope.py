"""RoPE: the pair p of q and k is turned by position · base^(-2p / rotary_dim); the other coordinates pass unchanged."""

import sympy as sp

from ..encoding import Encoding, EncodingError, axis, dim, pair, position
from .schedules import SCHEDULES, rotary_dim
from .shared import base, rotation, theta

OPTIONS = {"axes": ("1", "2", "3"), "scaling": tuple(SCHEDULES)}
MEMBERS = ("rope", "rope[axes=2]", *(f"rope[scaling={scaling}]" for scaling in SCHEDULES))
_GAINED = ("the gain multiplies the turned coordinates: those that pass unchanged pass without it",)
gain = sp.Symbol("gain", positive=True)
_CLAIMS = {"lag-invariant": True, "unitary": True, "identity-at-zero": True, "faithful": True}
_CONVENTIONS = (
    "pairs are (2p, 2p + 1) in the definition; an implementation declares its own layout",
    "partial rotary: the exponent's denominator is rotary_dim, not dim",
)
_SCALING_NOTES = {
    "dynamic": ("θ depends on the current length: relative within one call, not across the steps of a decode",),
    "yarn": (
        "all released code uses this ramp; the paper prints another one: scaling=yarn-paper",
        "truncate = 0 leaves the two indices unrounded; an attention factor of a configuration replaces the gain",
    ),
    "yarn-paper": ("the paper's ramp; released code uses scaling=yarn, up to 3 times apart in frequency",),
    "longrope": (
        "relative at one length; a cache filled up to the length L and read beyond it mixes two lists of frequencies",
        "the comparison is strict: at the length L itself the short list counts",
        "gain = sqrt(1 + ln s / ln L), with the short list too; an attention factor of a configuration replaces it",
    ),
    "proportional": ("in the halves layout pairs are (p, p + dim/2), over the whole head",),
}


def encoding(axes: str = "1", scaling: str = "") -> Encoding:
    """`rope`, `rope[axes=2]` (axial: equal sections of the coordinates, one for each axis), `rope[scaling=yarn]`, …"""
    return _scaled(scaling) if scaling and axes == "1" else _plain(int(axes), scaling)


def _plain(n: int, scaling: str) -> Encoding:
    if scaling:
        raise EncodingError("rope: a scaling goes with one axis; leave out axes= or scaling=")
    coordinates = [position] if n == 1 else [axis(j) for j in range(n)]
    return Encoding(
        "rope" if n == 1 else f"rope[axes={n}]",
        query=sp.diag(*(rotation(x * theta) for x in coordinates)),
        axes=n,
        domain="real",
        parameters={theta: base ** (-2 * pair * n / rotary_dim), base: 10000, rotary_dim: dim},
        claims=_CLAIMS,
        covers=rotary_dim,
        sections=n,
        source="Su et al., RoFormer, arXiv 2104.09864",
        summary="turns each pair of coordinates by an angle proportional to the position",
        conventions=_CONVENTIONS,
    )


def _scaled(scaling: str) -> Encoding:
    schedule = SCHEDULES[scaling]
    value, parameters, scale = schedule()
    turn = rotation(position * theta)
    claims = _CLAIMS if scale == 1 else {**_CLAIMS, "unitary": {"gain": gain}, "identity-at-zero": False}
    return Encoding(
        f"rope[scaling={scaling}]",
        query=turn if scale == 1 else gain * turn,
        domain="real",
        parameters={theta: value, base: 10000, rotary_dim: dim, **parameters, **({} if scale == 1 else {gain: scale})},
        claims={k: v for k, v in claims.items() if scale == 1 or k != "faithful"},
        covers=rotary_dim,
        source=" ".join((schedule.__doc__ or "").split()),
        summary="RoPE with its frequencies changed for longer contexts",
        conventions=(*_CONVENTIONS, *(() if scale == 1 else _GAINED), *_SCALING_NOTES.get(scaling, ())),
    )
