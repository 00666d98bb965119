"""`lagwise compare A B`: whether two subjects compute the same thing, and where and why they part."""

from collections.abc import Sequence
from json import dumps

from ..bench import AnswerError
from ..compare import CompareError, Comparison, Rung, compare, obstacle
from ..subject import Subject
from ..targets import UnavailableError, load

SAME, DIFFERENT, ERRORED = 0, 1, 3
FEW = 4  # comparisons printed in full


def run(
    a: str, b: str, encoding: str | None = None, dtype: str | None = None, seed: int = 0, json: bool = False
) -> int:
    """Compares every subject of A with every one of B that claims the same encoding, and returns the exit status.

    0: the same mathematics or better, everywhere; 1: different somewhere; 3: a subject failed. Raises TargetError or
    CompareError for what the person at the command line got wrong.
    """
    found: list[Comparison] = []
    errors: list[str] = []
    try:
        left, right = load(a, encoding), load(b, encoding)
    except UnavailableError as error:
        left, right, errors = [], [], [str(error)]
    for x, y in [] if errors else matched(left, right, dtype):
        try:
            found.append(compare(x, y, dtype, seed))
        except AnswerError as error:
            errors.append(f"{x.name} and {y.name}: {error}")
    if json:
        print(dumps({"comparisons": [c.plain() for c in found], "errors": errors}, ensure_ascii=False, indent=2))
    else:
        print("\n".join([*report(found), *(f"errored: {e}" for e in errors)]))
    return ERRORED if errors else max((status(c) for c in found), default=ERRORED)


def matched(left: Sequence[Subject], right: Sequence[Subject], dtype: str | None) -> list[tuple[Subject, Subject]]:
    """The pairs to compare: those of one encoding that can be, or the only pair there is.

    Where some have the same parameters, only those; then, where some have the same name but for what stands before the
    colon, only those. Raises CompareError with the first reason when none is left.
    """
    pairs = [(x, y) for x in left for y in right if x.record.name == y.record.name]
    pairs = [(x, y) for x, y in pairs if x.numbers == y.numbers] or pairs
    pairs = [(x, y) for x, y in pairs if x.name.partition(":")[2] == y.name.partition(":")[2] != ""] or pairs
    if not pairs and len(left) == len(right) == 1:
        pairs = [(left[0], right[0])]
    if not pairs:
        raise CompareError("compare: the two targets have no encoding in common")
    reasons = [obstacle(x, y, dtype) for x, y in pairs]
    if all(reasons):
        raise CompareError(reasons[0])
    return [pair for pair, reason in zip(pairs, reasons, strict=True) if not reason]


def report(found: Sequence[Comparison]) -> list[str]:
    """Few comparisons in full; of many one line each, and those that are different in full at the end."""
    if len(found) <= FEW:
        return ["\n\n".join(map(text, found))]
    lines = [f"{c.rung:32s} {c.equal:>7} of {c.elements:>7}  {c.a}  ~  {c.b}  ({c.dtype})" for c in found]
    return lines + ["\n" + text(c) for c in found if c.rung is Rung.DIFFERENT]


def status(found: Comparison) -> int:
    """0 for the same mathematics or better, 1 for different."""
    return DIFFERENT if found.rung is Rung.DIFFERENT else SAME


def text(found: Comparison) -> str:
    """A comparison for people: the rung, how many bits agree, where they part, recipes, what would make them agree."""
    lines = [
        f"{found.a}  ~  {found.b}   ({found.encoding}, {found.dtype}, positions up to {found.positions})",
        f"  {found.rung}: {found.equal} of {found.elements} numbers are bitwise equal",
    ]
    if found.first is not None:
        lines.append(f"  first part at {found.first}")
    if found.worst is not None and found.worst != found.first:
        lines.append(f"  worst at {found.worst}")
    lines += [f"  {name}: {said}" for name, said in found.recipes.items()]
    lines += [f"  {said}" for said in found.agree_if]
    return "\n".join(lines)
