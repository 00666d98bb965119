"""What a TARGET means: `file.py[:name]`, `package.module:name`, `backend:numpy`, the short name of a library."""

import ast
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .subject import Subject

BACKENDS = ("numpy", "cupy", "torch")


class TargetError(ValueError):
    """A target that names nothing; the message is one line: the target, what was found, what was wanted."""

    usage = True


class UnavailableError(Exception):
    """A target that exists but cannot run on this machine; the message is the reason of its skipped row."""


USAGE_ERRORS = frozenset({"EncodingError", "SubjectError", "TargetError"})  # by name: their modules may not be loaded


def is_usage(error: BaseException) -> bool:
    """Whether an error is a mistake of the person who asked, told from its type or its `usage` attribute."""
    named = USAGE_ERRORS & {cls.__name__ for cls in type(error).__mro__}
    return bool(getattr(error, "usage", False)) or bool(named)


def load(target: str, encoding: str | None = None, only: str | None = None) -> "list[Subject]":
    """The subjects that `target` names: those of `encoding` (a name, or a family by its name), `only` the one so named.

    An `encoding` that is a design file (FILE.py[:NAME]) takes the place of what the subjects say they are.

    Raises TargetError for a target that names nothing, UnavailableError where its library or device is missing, and
    whatever the target's own code raises while it is imported.
    """
    precheck(target)
    head, _, name = target.partition(":")
    if head == "backend":
        found = _backend(target, name)
    elif _is_file(target):
        found = _from_file(target)
    elif name:
        found = _pick(_module(target, head), target, name)
    else:
        found = _third_party(target)
    if only is not None and only not in [s.name for s in found]:
        raise TargetError(f"target {target!r}: no subject is named {only!r}{nearest(only, [s.name for s in found])}")
    if encoding is not None and _is_file(encoding):
        from .designs import design

        found, encoding = [replace(s, encoding=design(encoding)) for s in found], None
    return [s for s in found if only in (None, s.name) and (encoding is None or _matches(s, encoding))]


def precheck(target: str) -> None:
    """Refuses, without running any of its code, what can be seen to be no target.

    Raises TargetError: no such file, a file that does not parse, an unknown backend, a word that is neither.
    """
    head, colon, name = target.partition(":")
    if head == "backend":
        if name not in BACKENDS:
            raise TargetError(f"target {target!r}: unknown backend {name!r}{nearest(name, BACKENDS)}")
    elif _is_file(target):
        path, _ = _split_file(target)
        try:
            ast.parse(path.read_bytes(), str(path))
        except OSError as error:
            raise TargetError(f"target {target!r}: cannot read {str(path)!r}: {error.strerror or error}") from None
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            where = f", line {line}" if line else ""
            raise TargetError(
                f"target {target!r}: {path} does not parse: {getattr(error, 'msg', error)}{where}"
            ) from None
    elif colon and not (head and name):
        raise TargetError(f"target {target!r}: wanted package.module:name")
    elif not colon:
        _third_party_loader(target)


def is_third_party(target: str) -> bool:
    """Whether a target is a library of other people, known by its short name."""
    return ":" not in target and not _is_file(target)


def _is_file(target: str) -> bool:
    path, _ = _split_file(target)
    return path.suffix == ".py" or os.sep in str(path)


def _split_file(target: str) -> tuple[Path, str]:
    path, colon, name = target.rpartition(":")
    return (Path(path), name) if colon and path.endswith(".py") else (Path(target), "")


def _from_file(target: str) -> "list[Subject]":
    path, name = _split_file(target)
    path = path.resolve()
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"target {target!r}: {path} is not a Python file")
    module = module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # so that what the file defines can be pickled
    spec.loader.exec_module(module)
    return _pick(module, target, name)


def _module(target: str, name: str) -> ModuleType:
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise TargetError(f"target {target!r}: no module named {error.name!r}") from None
        raise


def _pick(module: ModuleType, target: str, name: str) -> "list[Subject]":
    held = vars(module)
    if name:
        if name not in held:
            public = [key for key, value in held.items() if not key.startswith("_") and _subjects(value)]
            raise TargetError(f"target {target!r}: no {name!r} in {module.__name__}{nearest(name, public)}")
        found = _subjects(held[name])
        if not found:
            kind = type(held[name]).__name__
            raise TargetError(f"target {target!r}: {name} must be a Subject or a sequence of them, got {kind}")
        return found
    for default in ("subject", "subjects", "design"):
        if default in held and _subjects(held[default]):
            return _subjects(held[default])
    found = [s for value in held.values() for s in _subjects(value)]
    if not found:
        raise TargetError(
            f"target {target!r}: no Subject in {module.__name__}; wanted a value named subject or subjects"
        )
    return list({id(s): s for s in found}.values())


def _subjects(value: Any) -> "list[Subject]":
    """The Subject values in `value`: itself, or all of a list or tuple that holds nothing else.

    An Encoding stands for the reference that is generated from it.
    """
    from ..spec.encoding import Encoding
    from .subject import Subject

    if isinstance(value, Encoding):
        from .generated import subject

        return [subject(value)]
    if isinstance(value, Subject):
        return [value]
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, Subject) for v in value):
        return list(value)
    return []


def _backend(target: str, name: str) -> "list[Subject]":
    from .adapters import own

    found: list[Subject] = list(own.subjects(name))
    if not found:
        raise UnavailableError(f"{target}: no subject can run on this machine")
    return found


def _third_party(target: str) -> "list[Subject]":
    return list(_third_party_loader(target)())


def _third_party_loader(target: str) -> Any:
    from .adapters import third_party

    known = third_party()
    if target not in known:
        raise TargetError(f"unknown target {target!r}{nearest(target, [*known, *(f'backend:{b}' for b in BACKENDS)])}")
    return known[target]


def _matches(subject: "Subject", encoding: str) -> bool:
    label = encoding_name(subject)
    return encoding == label or encoding == label.partition("[")[0]


def encoding_name(subject: "Subject") -> str:
    """The name of a subject's encoding, given as a name or as an Encoding."""
    return str(getattr(subject.encoding, "name", subject.encoding))


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the one that was probably meant, or all there are."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""
