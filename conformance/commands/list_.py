"""`lagwise list`: the catalogue as a table: what is decided of each entry."""

import json as to_json
from collections.abc import Mapping
from typing import Any

import typer

from ...spec.catalogue import get, members, names
from ...spec.exact.verdicts import Judgement, Proposition, judge

COLUMNS = ("encoding", "family", "lag-invariant", "unitary", "rank", "claims")


def run(json: bool = False) -> int:
    """Prints one row for each entry and member of the catalogue. Returns 0."""
    rows = table()
    if json:
        typer.echo(to_json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    widths = [max(len(str(row[c])) for row in [dict(zip(COLUMNS, COLUMNS, strict=True)), *rows]) for c in COLUMNS]
    for row in [dict(zip(COLUMNS, COLUMNS, strict=True)), *rows]:
        typer.echo("  ".join(str(row[c]).ljust(w) for c, w in zip(COLUMNS, widths, strict=True)).rstrip())
    return 0


def table() -> list[dict[str, Any]]:
    """The rows of the table, one for each member of the catalogue."""
    return [_row(judge(get(member))) for name in names() for member in members(name)]


def markdown() -> str:
    """The table of the README: entry × what is decided × which backends run it."""
    runs, groups = _backends(), dict[tuple[str, ...], list[str]]()
    for row in table():
        entry = row["encoding"].partition("[")[0]
        cells = (entry, *(str(row[c]) for c in COLUMNS[1:5]), runs.get(row["encoding"], "definition only"))
        groups.setdefault(cells, []).append(row["encoding"])
    lines = ["| encoding | family | lag-invariant | unitary | rank | own backends |", "|---|---|---|---|---|---|"]
    lines += [f"| {_label(found)} | {' | '.join(cells[1:])} |" for cells, found in groups.items()]
    return "\n".join(lines)


def _label(found: list[str]) -> str:
    """One name for members that share a row: the options they have in common, and how many they are."""
    if len(found) == 1:
        return f"`{found[0]}`"
    entry = found[0].partition("[")[0]
    options = [set(filter(None, name.partition("[")[2].rstrip("]").split(","))) for name in found]
    common = sorted(set.intersection(*options))
    return f"`{entry}[{','.join([*common, '…'])}]` ({len(found)} members)"


def _backends() -> dict[str, str]:
    from ..adapters.own import subjects

    found: dict[str, list[str]] = {}
    for backend in ("numpy", "torch"):
        for name in {str(s.encoding) for s in subjects(backend)}:
            found.setdefault(name, []).append(backend)
    return {name: ", ".join(sorted(backends)) for name, backends in found.items()}


def _row(j: Judgement) -> dict[str, Any]:
    outcomes = list(j.claims.values())
    return {
        "encoding": j.encoding.name,
        "family": j.family,
        "lag-invariant": _word(j.propositions["lag-invariant"]),
        "unitary": _unitary(j),
        "rank": _rank(j),
        "claims": f"{outcomes.count(True)} of {len(outcomes)} confirmed",
    }


def _word(p: Proposition) -> str:
    return str(p.verdict) + (f" ({p.detail})" if p.detail else "")


def _unitary(j: Judgement) -> str:
    """The verdict, or that of the claimed gain: turned coordinates grow by one factor and no more."""
    gained = isinstance(j.encoding.claims.get("unitary"), Mapping) and j.claims["unitary"]
    return "proved (up to a gain)" if gained else _word(j.propositions["unitary"])


def _rank(j: Judgement) -> str:
    """Bidirectional / causal rank of the block: a number, ∞ for unbounded, ≥ r, d for the whole dimension, or -."""
    both = [_short(j.ranks.get(side, {})) for side in ("bidirectional", "causal")]
    per = (
        f" per {j.encoding.block}"
        if j.encoding.kind == "bilinear" and j.encoding.block and j.encoding.parameters
        else ""
    )
    return (both[0] if both[0] == both[1] else " / ".join(both)) + (per if both[0].isdigit() else "")


def _short(rank: Mapping[str, Any]) -> str:
    if "value" in rank:
        return str(rank["value"])
    if "unbounded" in rank:
        return "∞"
    if "at_least" in rank:
        return f"≥ {rank['at_least']}"
    return "d" if "equals d" in str(rank.get("not_applicable")) else "-"
