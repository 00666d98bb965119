"""`lagwise prove`: decides every claim, true and false ones, and writes certificates that anyone can check again."""

import json as to_json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from ...spec.catalogue import names as catalogue_names
from ...spec.exact import certificate
from ...spec.exact.decide import quantifiers
from ...spec.exact.verdicts import Judgement, Proposition, judge
from ...spec.recheck import THEOREMS, check
from ..designs import load

MARK = {True: "✓", False: "✗", None: "?"}


def run(names: Sequence[str], certificates: Path | None = None, json: bool = False) -> int:
    """Proves the named encodings (names or files; all of the catalogue by default). Returns the exit code."""
    judgements = [judge(encoding) for name in names or catalogue_names() for encoding in load(name)]
    made = [p.certificate for j in judgements for p in j.propositions.values() if p.certificate]
    made += [certificate.theorem(name) for name in THEOREMS]
    for item in made:
        check(item)
    if certificates is not None:
        write(made, certificates)
    if json:
        typer.echo(to_json.dumps([summary(j) for j in judgements], indent=2, ensure_ascii=False))
    else:
        for line in _lines(judgements, len(made), certificates):
            typer.echo(line)
    return exit_code(judgements)


def exit_code(judgements: Sequence[Judgement]) -> int:
    """1 if a claim is contradicted, else 3 if one is undecided or there was nothing to decide, else 0."""
    codes = [j.exit_code for j in judgements]
    return 3 if not codes else 1 if 1 in codes else max(codes)


def summary(j: Judgement) -> dict[str, Any]:
    """One encoding's claims and verdicts as JSON values."""
    return {
        "name": j.encoding.name,
        "family": j.family,
        "canonical_form": j.canonical_form,
        "claims": {
            name: {
                "claimed": str(value),
                "confirmed": j.claims[name],
                "verdict": _verdict(j, name),
                "basis": _basis(j, name),
            }
            for name, value in j.encoding.claims.items()
        },
    }


def write(made: Sequence[Any], folder: Path) -> None:
    """Writes each certificate to its own file in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: dict[str, int] = {}
    for item in made:
        stem = re.sub(r"[^\w=,.-]+", "_", f"{item['encoding']}.{item['claim']['property']}").strip("_")
        taken[stem] = taken.get(stem, 0) + 1
        stem += f".{taken[stem]}" if taken[stem] > 1 else ""
        (folder / f"{stem}.json").write_text(to_json.dumps(item, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _found(j: Judgement, name: str) -> Proposition | None:
    gain = name == "unitary" and "gain" in j.propositions and not isinstance(j.encoding.claims.get(name), bool)
    under = isinstance(j.encoding.claims.get(name), Mapping) and f"{name}-when" in j.propositions
    return j.propositions.get("gain" if gain else f"{name}-when" if under else name)


def _verdict(j: Judgement, name: str) -> str:
    found = _found(j, name)
    if name == "rank":
        return {True: "proved", False: "contradicted", None: "undecided"}[j.claims[name]]
    return str(found.verdict) if found else "undecided"


def _basis(j: Judgement, name: str) -> str:
    """Why: the quantifiers of a proof, the numbers of a witness, the reason of an open question."""
    if name == "rank":
        return "; ".join(f"{side}: {r['unbounded']}" for side, r in j.ranks.items() if "unbounded" in r)
    found = _found(j, name)
    if found is None:
        return ""
    if found.witness:
        shown = {k: v for k, v in found.witness.items() if v not in ({}, [])}
        parameters = shown.pop("parameters", {})
        return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in (shown | parameters).items())
    return str(found.reason or found.quantifiers)


def _for_whom(j: Judgement) -> str:
    """The quantifiers of the record's matrices, or of what was proved of its lag invariance."""
    if j.encoding.form == "query":
        return quantifiers(j.encoding)
    found = j.propositions.get("lag-invariant-when", j.propositions["lag-invariant"])
    return found.quantifiers if found.verdict == "proved" else ""


def _lines(judgements: Sequence[Judgement], made: int, folder: Path | None) -> Iterator[str]:
    for j in judgements:
        whom = _for_whom(j)
        yield f"{j.encoding.name}  ({j.family})" + (f"  for {whom}" if whom else "")
        for name, value in j.encoding.claims.items():
            basis = _basis(j, name)
            why = "" if basis == whom else f": {basis}"
            yield f"  {MARK[j.claims[name]]} {name}: {value}  {_verdict(j, name)}{why}"
    for name, (statement, _, trusted) in THEOREMS.items():
        yield f"{name}\n  ✓ {statement}" + "".join(f"\n    taken on trust: {t}" for t in trusted)
    outcomes = [o for j in judgements for o in j.claims.values()]
    yield ""
    yield (
        f"{len(judgements)} encodings, {len(outcomes)} claims: {outcomes.count(True)} confirmed,"
        f" {outcomes.count(False)} contradicted, {outcomes.count(None)} undecided."
    )
    where = f", written to {folder}/ (check them again: lagwise verify {folder})" if folder else ""
    yield f"{made} certificates re-checked{where}."
    yield "Trusted: recheck.py, integer arithmetic. This is about definitions; whether code computes them is measured."
