"""Loads encodings by name or from a design file: Python that defines `design`, or the name after the colon."""

from difflib import get_close_matches
from pathlib import Path
from runpy import run_path

from ..spec.catalogue import get, members, names
from ..spec.encoding import Encoding, EncodingError


class DesignError(ValueError):
    """A design that cannot be loaded; the message is one line."""

    usage = True


def is_file(target: str) -> bool:
    """Whether a target means a file: FILE.py or FILE.py:NAME."""
    return target.partition(":")[0].endswith(".py")


def load(target: str) -> list[Encoding]:
    """The encodings a target means: a file's design, an entry with its members, or one variant. Raises DesignError."""
    if is_file(target):
        return [design(target)]
    if "[" in target:
        return [get(target)]
    if target in names():
        return [get(member) for member in members(target)]
    return [get(target)]


def design(target: str) -> Encoding:
    """The Encoding that FILE[:NAME] defines (NAME defaults to `design`). Raises DesignError."""
    file, _, name = target.partition(":")
    path = Path(file)
    if not path.is_file():
        raise DesignError(f"{file}: no such file")
    try:
        found = run_path(str(path))
    except SyntaxError as error:
        raise DesignError(f"{file}: does not parse: {error.msg}, line {error.lineno}") from error
    except EncodingError as error:
        raise DesignError(f"{file}: {error}") from error
    except Exception as error:
        raise DesignError(f"{file}: {type(error).__name__}: {error}") from error
    return _pick(found, file, name or "design")


def _pick(found: dict[str, object], file: str, name: str) -> Encoding:
    if name not in found:
        encodings = [k for k, v in found.items() if isinstance(v, Encoding)]
        near = get_close_matches(name, encodings, n=1) or encodings[:1]
        hint = f"; did you mean {file}:{near[0]}?" if near else ""
        raise DesignError(f"{file}: wanted a variable {name!r} that holds an Encoding, found none{hint}")
    value = found[name]
    if not isinstance(value, Encoding):
        raise DesignError(f"{file}: {name} must be an Encoding, got {type(value).__name__}")
    return value
