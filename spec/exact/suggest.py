"""What is near to a design that is not relative, and is: each suggestion is proved before it is made."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sympy as sp

from ..encoding import Encoding, EncodingError
from .translate import OutsideClassError
from .verdicts import Verdict


def suggestions(record: Encoding) -> list[str]:
    """Changes of one side (or of one generator) that make a bilinear design relative, in words; [] if none is found."""
    if record.generators is not None:
        return [said for said, changed in _generators(record) if _relative(changed)]
    if not isinstance(record.query, sp.MatrixBase) or record.affine:
        return []
    changed = ((said, replace(record, key=key, claims={})) for said, key in _keys(record) if key != record.key)
    return [said for said, near in changed if _relative(near)][:2]


def _keys(record: Encoding) -> Iterator[tuple[str, Any]]:
    A, B = record.query, record.key
    turned = {x: -x for x in record.coordinates}
    if A.shape == B.shape:
        yield "encode the key by the same map as the query", A
    yield "take the key's position with the other sign", B.xreplace(turned)
    yield "conjugate the key's map", B.conjugate()
    for symbol in sorted(B.free_symbols, key=str):
        if symbol.is_positive:
            yield f"encode the key with 1/{symbol} for {symbol}", B.xreplace({symbol: 1 / symbol})
    if A.shape[0] == A.shape[1] <= 3 and A.det() != 0:
        dual = _inverse_adjoint(A)
        yield f"encode the key by the inverse adjoint of the query's map, {dual.tolist()}", dual


def _inverse_adjoint(A: Any) -> Any:
    return A.inv().H.applyfunc(lambda e: sp.powsimp(sp.expand(e)))


def _generators(record: Encoding) -> Iterator[tuple[str, Encoding]]:
    """Skew parts, then multiples of the first generator: the nearest ones in the Frobenius norm."""
    G = record.generators or ()
    skew = [(g - g.H) / 2 for g in G]
    yield "use the skew-Hermitian parts (G - G^H)/2", _with(record, tuple(skew))
    first = skew[0]
    size = sum(abs(e) ** 2 for e in first)
    if len(G) > 1 and size != 0:
        factors = [sum(sp.conjugate(a) * b for a, b in zip(first, g, strict=True)) / size for g in skew]
        if all(factors):
            said = ", ".join(f"G{i + 1} = {f}·G1" for i, f in enumerate(factors) if i)
            nearest = tuple(f * first for f in factors)
            yield f"replace the others by the nearest multiples of the first: {said}", _with(record, nearest)
        blocks = [sp.diag(*[g if i == j else sp.zeros(*g.shape) for j in range(len(G))]) for i, g in enumerate(skew)]
        yield "give each axis coordinates of its own (block-diagonal generators commute)", _with(record, tuple(blocks))


def _with(record: Encoding, generators: tuple[Any, ...]) -> Encoding:
    return replace(record, generators=generators, claims={})


def _relative(changed: Encoding) -> bool:
    from .decide import propositions

    try:
        return propositions(changed)["lag-invariant"].verdict is Verdict.PROVED
    except (EncodingError, OutsideClassError, ValueError, TypeError):
        return False
