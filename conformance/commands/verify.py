"""`lagwise verify`: checks certificates again, with nothing but the standard library."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from ...spec.recheck import RejectedError, check


class CertificateError(ValueError):
    """A path that holds no certificate; the message is one line."""

    usage = True


def run(paths: Sequence[Path]) -> int:
    """Checks every certificate file, and every *.json in a folder. Returns 0 if all hold, 1 if one is rejected."""
    rejected = count = 0
    for path in _files(paths):
        count += 1
        try:
            typer.echo(f"✓ {path.name}: {check(json.loads(path.read_text(encoding='utf-8')))}")
        except (RejectedError, ValueError) as error:
            rejected += 1
            typer.echo(f"✗ {path.name}: rejected: {' '.join(str(error).split())}")
    typer.echo(f"\n{count} certificates: {count - rejected} hold, {rejected} rejected.")
    return 1 if rejected else 0


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = sorted(path.glob("*.json"))
            if not found:
                raise CertificateError(f"{path}: the folder holds no *.json certificate")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise CertificateError(f"{path}: no such file or folder")
