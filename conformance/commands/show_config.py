"""`lagwise show --config FILE`: which encoding a model's configuration means, with frequencies and gain."""

import json as to_json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from ...spec.catalogue import get
from ..rope_config import Rotation, read
from ..rope_tables import Table, tables


def run(path: Path, json: bool = False) -> int:
    """Prints each rotary block of the configuration. Returns 0."""
    found = [(rotation, list(tables(rotation))) for rotation in read(path)]
    if json:
        typer.echo(to_json.dumps({"config": str(path), "rotations": [_as_json(*one) for one in found]}, indent=2))
        return 0
    for rotation, its in found:
        for line in _lines(rotation, its):
            typer.echo(line)
    return 0


def _as_json(rotation: Rotation, its: list[Table]) -> dict[str, Any]:
    return asdict(rotation) | {"tables": [asdict(table) for table in its]}


def _lines(rotation: Rotation, its: list[Table]) -> Iterator[str]:
    yield f"{rotation.layer + ': ' if rotation.layer else ''}{rotation.encoding}: {get(rotation.encoding).summary}"
    for name, value in rotation.parameters.items():
        yield f"  {name} = {_short(value)}"
    for table in its:
        if not table.angles:
            continue
        at = f" at length {table.length}" if table.length is not None else ""
        pairs = f"{len(table.angles)} pair{'s' * (len(table.angles) > 1)}{at}"
        yield f"  {pairs}, gain {table.gain:.12g}; angles in radians per position"
        yield from _rows(table)
    yield from (f"  note: {note}" for note in rotation.notes)


def _rows(table: Table) -> Iterator[str]:
    names = [f"pair {r.first}" if r.first == r.last else f"pairs {r.first} … {r.last}" for r in table.regions]
    wide, deep = max(map(len, names)), max(len(r.what) for r in table.regions)
    for name, region in zip(names, table.regions, strict=True):
        ends = region.angles if region.first != region.last else region.angles[:1]
        yield f"    {name:{wide}}  {region.what:{deep}}  θ = {' … '.join(f'{angle:.12g}' for angle in ends)}"


def _short(value: Any) -> str:
    if not isinstance(value, list):
        return f"{value:.12g}" if isinstance(value, float) else str(value)
    return f"{value[0]:g}, {value[1]:g}, … {value[-1]:g} ({len(value)} numbers)" if len(value) > 3 else str(value)
