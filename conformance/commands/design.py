"""`lagwise design`: what a new encoding is, on one screen or as JSON."""

import json as to_json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import typer

from ...spec.exact.verdicts import Judgement, Proposition, Verdict, judge
from ..approximation import of_judgement
from ..designs import DesignError, design, is_file
from .prove import MARK

TIME_LIMIT = 20.0  # seconds, for what a person waits for; beyond it the rest is undecided and says so
WORDS = {
    Verdict.PROVED: "proved",
    Verdict.REFUTED: "refuted",
    Verdict.UNDECIDED: "undecided",
    Verdict.NOT_APPLICABLE: "not applicable",
}


def run(target: str, json: bool = False) -> int:
    """Judges the design that FILE[:NAME] defines. Returns 0, 1 (a claim is contradicted) or 3 (undecided)."""
    if not is_file(target):
        raise DesignError(f"design: wanted FILE.py or FILE.py:NAME, got {target!r}; for the catalogue: lagwise show")
    judgement = judge(design(target), seconds=TIME_LIMIT)
    if json:
        typer.echo(to_json.dumps(as_json(judgement), indent=2, ensure_ascii=False))
    else:
        for line in screen(judgement):
            typer.echo(line)
    return judgement.exit_code


def as_json(j: Judgement) -> dict[str, Any]:
    """The judgement in the shape of DESIGN.md section 9."""
    properties: dict[str, Any] = {name: _property(p) for name, p in j.propositions.items() if name != "gain"}
    gain = j.propositions.get("gain")
    properties["unitary"]["gain"] = gain.detail if gain else "1" if _proved(j, "unitary") else None
    return {
        "name": j.encoding.name,
        "kind": j.encoding.kind,
        "domain": j.encoding.domain,
        "family": j.family,
        "canonical_form": j.canonical_form,
        "properties": properties | _ranks(j),
        "traits": _traits(j),
        "suggestions": _suggestions(j),
        **({} if (near := of_judgement(j)) is None else {"approximation": asdict(near)}),
        "claims": j.claims,
    }


def _ranks(j: Judgement) -> dict[str, Any]:
    """The ranks, and for a bias those of b itself, added to a score that is not exponentiated."""
    added = {"rank_added": j.ranks["rank_added"]} if "rank_added" in j.ranks else {}
    return {"rank": {side: rank for side, rank in j.ranks.items() if side != "rank_added"}, **added}


def _traits(j: Judgement) -> dict[str, Any]:
    from ...spec.traits import traits

    return traits(j.encoding) if _proved(j, "lag-invariant") else {}


def _suggestions(j: Judgement) -> list[str]:
    """For a bilinear design that is not relative: what is near to it and is, proved."""
    from ...spec.exact.suggest import suggestions

    refuted = j.propositions["lag-invariant"].verdict is Verdict.REFUTED
    return suggestions(j.encoding) if refuted and j.encoding.kind == "bilinear" else []


def _proved(j: Judgement, name: str) -> bool:
    return j.propositions[name].verdict is Verdict.PROVED


def _property(p: Proposition) -> dict[str, Any]:
    found: dict[str, Any] = {"verdict": str(p.verdict), "witness": p.witness, "holds_when": p.holds_when}
    found |= {"quantifiers": p.quantifiers, "detail": p.detail, "reason": p.reason}
    return {k: v for k, v in found.items() if v or k in ("verdict", "witness", "holds_when")}


def screen(j: Judgement) -> Iterator[str]:
    """The judgement for a person: the form, each property with its reason, the ranks, the claims."""
    yield f"{j.encoding.name}: {j.encoding.kind}, {j.encoding.domain} positions, family {j.family}"
    yield f"  {shortened(j.canonical_form)}"
    yield f"  LaTeX: {shortened(j.canonical_latex)}"
    yield ""
    said = ""
    for name, p in j.propositions.items():
        yield f"  {name:<17} {WORDS[p.verdict]}" + (f" ({p.detail})" if p.detail else "")
        if p.verdict is Verdict.PROVED and p.quantifiers and p.quantifiers != said:
            said = p.quantifiers
            yield f"  {'':<17} for {said}"
        yield from (f"  {'':<17} {text}" for text in _why(p))
    for name, ranks in _ranks(j).items():
        for side, rank in ranks.items():
            yield f"  {side + (' rank' if name == 'rank' else ' rank of b'):<23} {_rank(rank)}"
    for said in _suggestions(j):
        yield f"  relative, proved, if you {said}"
    near = of_judgement(j)
    if near is not None:
        yield f"  {'approximately':<23} {near}"
    for name, value in _traits(j).items():
        yield f"  {name:<23} {_trait(value)}"
    if j.claims:
        yield ""
    for name, outcome in j.claims.items():
        word = {True: "confirmed", False: "contradicted", None: "undecided"}[outcome]
        yield f"  {MARK[outcome]} claim {name}: {j.encoding.claims[name]}  {word}"


def _rank(rank: Mapping[str, Any]) -> str:
    (kind, value), *rest = rank.items()
    more = "".join(f" {k.replace('_', ' ')} {v}" for k, v in rest)
    return (str(value) if kind == "value" else f"{kind.replace('_', ' ')}: {value}") + more


def _trait(value: Any) -> str:
    if isinstance(value, bool):
        return "yes: with real q and k it cannot tell past from future" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def shortened(text: str, width: int = 400) -> str:
    """A text cut to a width, saying so."""
    return text if len(text) <= width else text[:width] + f" … ({len(text)} characters; --json prints all)"


def _why(p: Proposition) -> Iterator[str]:
    if p.witness:
        shown = dict(p.witness)
        parameters = shown.pop("parameters", None) or {}
        numbers = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in shown.items())
        yield "witness: " + numbers + "".join(f", {k} = {v}" for k, v in parameters.items())
    if p.holds_when:
        yield f"it does hold when {p.holds_when}"
    if p.reason:
        yield p.reason
