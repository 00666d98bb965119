"""Certificates: the definition, the claim with its quantifiers, the method, and the hashes that tie them together."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..recheck import Definition, defects, digest, enclose

SCHEMA = "lagwise-certificate/1"
LEMMA_TEXT = {
    "identity": [],
    "householder": ["(I - 2vv^T)^2 = I for v·v = 1, in the free algebra"],
    "dct": ["DCT-II is orthonormal, by geometric sums"],
    "dft": ["DFT is unitary, by geometric sums"],
    "shuffle": ["the odd-even shuffle is a permutation"],
}


def make(
    name: str,
    stored: Mapping[str, Any],
    claim: str,
    value: bool,
    quantifiers: str,
    proof: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A certificate as JSON values, complete with its hashes."""
    lemmas = list(LEMMA_TEXT[stored["basis"]])
    if stored.get("permutation"):
        lemmas.append("powers of a permutation compose, cycle by cycle")
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "encoding": name,
        "definition": dict(stored),
        "record": digest(dict(stored)),
        "claim": {"property": claim, "value": value, "quantifiers": quantifiers, **(extra or {})},
        "proof": {**proof, "lemmas": lemmas},
    }
    return body | {"hash": digest(body)}


def theorem(name: str) -> dict[str, Any]:
    """The certificate of one of recheck's closed list of theorems."""
    from ..recheck import THEOREMS

    statement, _, trusted = THEOREMS[name]
    definition = {"theorem": name}
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "encoding": name,
        "definition": definition,
        "record": digest(definition),
        "claim": {"property": "theorem", "value": True, "statement": statement, "quantifiers": ""},
        "proof": {"method": "theorem", "trusted": list(trusted)},
    }
    return body | {"hash": digest(body)}


def explain(d: Definition, name: str, point: Mapping[str, Fraction], entry: int) -> dict[str, Any]:
    """A witness in plain numbers: the positions, the shift, the matrix entry and the size of the defect there."""
    full = dict(point) | {n + "*": v for n, v in point.items() if n[0] == "?"}
    (re, im) = enclose(defects(d, name)[entry], full)
    value = complex(float((re[0] + re[1]) / 2), float((im[0] + im[1]) / 2))
    columns = len(d.B[0])
    said: dict[str, Any] = {}
    for letter, word in (("s", "query_position"), ("t", "key_position"), ("c", "shift")):
        places = [str(full.get(f"{letter}{j}", Fraction(0))) for j in range(d.axes)]
        if any(f"{letter}{j}" in full for j in range(d.axes)) or (name == "lag-invariant"):
            said[word] = places[0] if d.axes == 1 else places
    return said | {
        "entry": [entry // columns % len(d.B[0]), entry % columns],
        "defect": f"{value.real:.6g}" if im[0] <= 0 <= im[1] else f"{value:.6g}",
    }
