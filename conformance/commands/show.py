"""`lagwise show`: one catalogue entry as a page of plain text: definition, canonical form, claims, conventions."""

import json as to_json
from collections.abc import Iterator
from pathlib import Path

import typer

from ...spec.encoding import Encoding, PermutationPower
from ...spec.exact.verdicts import judge
from ..designs import DesignError, load
from .design import as_json, screen


def run(name: str | None, config: Path | None = None, json: bool = False) -> int:
    """Shows the named encoding and what is decided of it, or what a configuration means. Returns the exit code."""
    if config is not None and name is None:
        from .show_config import run as show_config

        return show_config(config, json)
    if config is not None:
        raise DesignError(f"show: wanted a name or --config, got both {name!r} and --config {config}")
    if name is None:
        raise DesignError("show: wanted the name of an encoding (`lagwise list` prints them) or --config FILE")
    found = load(name)
    judgements = [judge(encoding) for encoding in found[:1]]
    for judgement in judgements:
        if json:
            typer.echo(to_json.dumps(as_json(judgement), indent=2, ensure_ascii=False))
            continue
        for line in (*_definition(judgement.encoding), *screen(judgement)):
            typer.echo(line)
    if len(found) > 1 and not json:
        typer.echo("\nmembers: " + ", ".join(e.name for e in found))
    return max(j.exit_code for j in judgements)


def _definition(record: Encoding) -> Iterator[str]:
    yield f"{record.name}: {record.summary}"
    if record.source:
        yield f"source: {record.source}"
    for line in _form(record):
        yield f"  {line}"
    if record.law is not None:
        names = getattr(record.noise, "free_symbols", record.noise) or ()
        yield (
            f"  noise {', '.join(sorted(map(str, names)))} of density {record.law}"
            if names
            else f"  noise: {record.law}"
        )
    for symbol, value in record.parameters.items():
        yield f"  {symbol} = {value}"
    yield from (f"  note: {line}" for line in record.conventions)
    yield ""


def _form(record: Encoding) -> Iterator[str]:
    after = "" if record.basis == "identity" else f" · P, P = {record.basis}"
    if isinstance(record.query, PermutationPower):
        yield f"A_s = B_s = Π^s{after}, (Π^s x)_j = x[π^s(j)]"
    elif record.form == "query":
        same = record.key == record.query
        yield f"{'A_s = B_s' if same else 'A_s'} = {record.query.tolist()}{after}"
        if not same:
            yield f"B_t = {record.key.tolist()}{after}"
    elif record.generators is not None:
        yield from (f"G_{j + 1} = {g.tolist()}" for j, g in enumerate(record.generators))
    elif record.terms is not None:
        yield from (f"{left} · {W.tolist()} · {right}" for left, W, right in record.terms)
    else:
        yield f"{record.form} = {getattr(record, record.form)}"
