"""LRPE: M_s = Λ^(s) P with a core Λ and one constant isometry P, the same for queries and keys; W_τ = P^H Λ^(τ) P."""

import sympy as sp

from ..encoding import Encoding, PermutationPower, axis, dim, learned, length, pair, position
from .shared import base, rotation, theta

v = sp.Symbol("v", real=True)
permutation = sp.Symbol("permutation", integer=True)

OPTIONS = {
    "core": ("unitary", "orthogonal", "permutation"),
    "p": ("identity", "householder", "dct", "dft", "shuffle"),
    "theta": ("a", "b", "c", "learned"),
    "axes": ("1", "2", "3"),
}
MEMBERS = (
    *(f"lrpe[core={core},p={p}]" for core in OPTIONS["core"] for p in OPTIONS["p"]),
    "lrpe[core=orthogonal,p=identity,theta=learned]",
    "lrpe[core=orthogonal,p=identity,theta=b]",
    "lrpe[core=orthogonal,p=identity,axes=2]",
    "lrpe[core=unitary,p=identity,axes=2]",
)
_SCHEDULE = "θ = π/2 · {} with l the current length: relative at one length, and different at another"
_LENGTH = {"b": (_SCHEDULE.format("k/(l·K)"),), "c": (_SCHEDULE.format("1/(l·k)"),)}
_TEXT = {
    "unitary": "multiplies coordinate k by e^(i s θ_k)",
    "orthogonal": "turns coordinate pairs by s θ_p; an odd last coordinate stays",
    "permutation": "permutes the coordinates s times by one permutation",
}


def encoding(core: str = "orthogonal", p: str = "identity", theta: str = "a", axes: str = "1") -> Encoding:
    """The family member with this core, basis, schedule and number of axes (each axis has its own coordinates)."""
    n = int(axes)
    if core == "permutation" and (n > 1 or theta != "a"):
        from ..encoding import EncodingError

        raise EncodingError("lrpe: a permutation core has no angles and one axis; leave out theta= and axes=")
    options = f"core={core},p={p}" + (f",theta={theta}" if theta != "a" else "") + (f",axes={n}" if n > 1 else "")
    parameters = {} if core == "permutation" else _schedule(core, theta, n)
    if core == "permutation":
        parameters[permutation] = learned((dim,), "random")
    if p == "householder":
        parameters[v] = learned((dim,), "normal")
    claims = {"lag-invariant": True, "unitary": True, "identity-at-zero": True}
    return Encoding(
        f"lrpe[{options}]",
        query=_core(core, n),
        axes=n,
        domain="integer" if core == "permutation" else "real",
        parameters=parameters,
        claims=claims if core == "permutation" else claims | {"faithful": True},
        basis=p,
        sections=n,
        source="Qin et al., Linearized Relative Positional Encoding, arXiv 2307.09270",
        summary=_TEXT[core],
        conventions=(*_conventions(core, p), *_LENGTH.get(theta, ())),
    )


def _core(core: str, n: int) -> object:
    if core == "permutation":
        return PermutationPower()
    coordinates = [position] if n == 1 else [axis(j) for j in range(n)]
    if core == "unitary":
        return sp.diag(*(sp.exp(sp.I * x * theta) for x in coordinates))
    return sp.diag(*(rotation(x * theta) for x in coordinates))


def _schedule(core: str, kind: str, n: int) -> dict[sp.Symbol, object]:
    width = 1 if core == "unitary" else 2  # coordinates that share one angle
    covered = dim / n if core == "unitary" else 2 * sp.floor(dim / (2 * n))  # coordinates of one axis
    start = base ** (-2 * pair / (dim / n if kind == "learned" else covered))
    values = {
        "a": start,
        "b": sp.pi / 2 / length * (pair + 1) / (covered / width),
        "c": sp.pi / 2 / (length * (pair + 1)),
        "learned": learned((sp.floor(dim / (width * n)),), start),
    }
    return {theta: values[kind]} | ({base: 10000} if kind in ("a", "learned") else {})


def _conventions(core: str, p: str) -> tuple[str, ...]:
    said = ["an isometry to the left of Λ cancels in the score: Λ P and P^H Λ P are the same encoding"]
    if core == "orthogonal":
        said.append("odd permutations have determinant -1 and are outside this family; see core=permutation")
    if core == "unitary":
        said.append("real code keeps [Re; Im], twice the width: the score is Re(q̂^H k̂)")
        if p in ("identity", "householder", "dct", "shuffle"):
            said.append("with real q, k and a real P the score is even in the lag: it cannot tell past from future")
    if core == "permutation":
        said.append("(Λ_s x)_j = x[π^s(j)]; periodic with the order of π, and blind at fixed points of π")
    if p == "householder":
        said.append("P = I - 2 v v^T / (v·v); released code adds 1e-6 to |v|, which breaks W_0 = I, not relativity")
    return tuple(said)
