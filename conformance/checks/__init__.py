"""The checks, one family in a file; `findings` runs them on a subject, one row at a time."""

from collections.abc import Generator, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ..finding import Check, Finding, Level, Measurement, Outcome

if TYPE_CHECKING:
    from ..bench import Bench
    from ..subject import Subject

FAMILIES = (
    "contract", "accuracy", "invariance", "group", "rows", "history", "modes", "causality", "gradient",
    "stochastic", "noise",
)  # fmt: skip
ASKED = ("encode", "tables", "score", "attend")  # the doors that checks of maps go through
ASKED_OF_KERNELS = ("bias", "mask", "adapt", "mix", "attend")
TESTED = {"offset", "arbitrary-positions", "batched-positions", "fractional", "grouped-heads", "in-place", "gradient"}
NUMBERS = ("horizon",)  # how far from the definition: no promise, nothing allowed or forbidden
ORDER = (Level.SMOKE, Level.STANDARD, Level.CERTIFIED)


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check after the smoke step, in the order in which they run."""
    from .kernel_checks import extended

    found: list[Check] = []
    for family in FAMILIES:
        module = import_module(f".{family}", __name__)
        found.extend(getattr(module, "CHECKS", None) or (module.CHECK,))
    found.append(import_module("..horizon", __name__).CHECK)
    return tuple(map(extended, found))


def findings(
    subject: "Subject",
    *,
    level: Level | str = Level.STANDARD,
    dtypes: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
    seed: int = 0,
    checks: Sequence[str | Check] | None = None,
) -> Iterator[Finding]:
    """Runs the checks on a subject, lazily: one finding at a time, whatever the subject raises.

    `checks` are those to run, or their names (all by default); ValueError for an unknown name. Each bench starts with
    the smoke step; when that does not answer, one errored row says so and nothing else is run there.
    """
    from ..bench import Bench

    wanted = Level(level)
    chosen = _chosen(checks)
    yield from _unknown_exemptions(subject)
    yield from _untested(subject)
    for device in devices or subject.devices:
        for dtype in coarsest_first(dtypes or subject.dtypes):
            bench = Bench(subject, dtype, device, wanted, seed)
            broken = yield from _smoke(bench)
            if not broken:
                for check in chosen:
                    yield from run(check, bench.fresh())


def coarsest_first(dtypes: Sequence[str]) -> list[str]:
    """The order in which dtypes are run: a shared cache that the coarsest filled shows when a finer one reads it."""
    from ..budget import U

    return sorted(dtypes, key=lambda name: -U.get(name, 0.0))


def _chosen(checks: Sequence[str | Check] | None) -> list[Check]:
    if checks is None:
        return list(all_checks())
    known = {c.name: c for c in all_checks()}
    for name in checks:
        if isinstance(name, str) and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise ValueError(f"unknown check {name!r}; {hint}")
    return [c if isinstance(c, Check) else known[c] for c in checks]


def _smoke(bench: "Bench") -> Generator[Finding, None, bool]:
    from .smoke import CHECK

    broken = False
    for finding in run(CHECK, bench):
        broken = finding.outcome is Outcome.ERRORED
        yield finding
    return broken


def run(check: Check, bench: "Bench") -> Iterator[Finding]:
    """The findings of one check on one bench, with exemptions and promises taken into account."""
    subject = bench.subject
    if ORDER.index(check.level) > ORDER.index(bench.level):
        return
    if check.dtypes is not None and bench.dtype not in check.dtypes:
        return
    skipped = check.applies(subject)
    exempted = subject.exempt.get(check.name)
    if skipped is not None and skipped.startswith("not promised"):
        yield _quietly(check, bench, skipped)
    elif skipped is not None and skipped.startswith("no such door"):
        return  # nothing was promised, so there is nothing to skip
    elif skipped is not None:
        yield skip(check, bench, skipped)
    elif exempted is not None and bench.level is not Level.CERTIFIED:
        yield _exempted(check, bench, exempted)
    else:
        yield from _rows(check, bench)


def _rows(check: Check, bench: "Bench") -> Iterator[Finding]:
    from ..bench import AnswerError

    try:
        for measurement in check.run(bench):
            yield finding(check, bench, measurement)
    except AnswerError as error:
        reason = f"adapter: {error}" if check.name == "smoke" else str(error)
        yield _errored(check, bench, reason)
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        yield _errored(check, bench, f"the check itself raised {type(error).__name__}: {text}")


def finding(check: Check, bench: "Bench", found: Measurement) -> Finding:
    """The row for one measurement."""
    subject = bench.subject
    failed = found.verdict is Outcome.FAILED
    return Finding(
        subject=subject.name,
        encoding=subject.record.name,
        check=check.name,
        case=found.case,
        outcome=found.verdict,
        dtype=bench.dtype,
        device=bench.device,
        subject_version=subject.version,
        expected=found.expected,
        measured=found.measured,
        allowed=None if check.name in NUMBERS else found.allowed,
        unit=found.unit,
        where=found.where,
        reason=found.reason,
        likely_cause=found.likely_cause or (check.failure_means if failed else ""),
        repro=_repro(check, bench) if failed or found.verdict is Outcome.ERRORED else "",
        budget=found.budget,
        basis="definition" if check.name in NUMBERS else "promise",
    )


def skip(check: Check, bench: "Bench", reason: str) -> Finding:
    """The row for a check that was not run, with its reason."""
    return finding(check, bench, Measurement("all", 0.0, 0.0, "", check.clause, reason=reason, outcome=Outcome.SKIPPED))


def _errored(check: Check, bench: "Bench", reason: str) -> Finding:
    nan = float("nan")
    return finding(
        check, bench, Measurement("raised", nan, 0.0, "", check.clause, reason=reason, outcome=Outcome.ERRORED)
    )


def _quietly(check: Check, bench: "Bench", reason: str) -> Finding:
    rows = list(_rows(check, bench))
    works = bool(rows) and all(row.outcome is Outcome.PASSED for row in rows)
    return skip(check, bench, f"works, {reason}" if works else reason)


def _exempted(check: Check, bench: "Bench", reason: str) -> Finding:
    rows = list(_rows(check, bench))
    stale = bool(rows) and all(row.outcome is Outcome.PASSED for row in rows)
    return skip(check, bench, f"stale exemption, the check passes: {reason}" if stale else f"exempt: {reason}")


def _repro(check: Check, bench: "Bench") -> str:
    return f"check={check.name} dtype={bench.dtype} device={bench.device} seed={bench.seed}"


def _untested(subject: "Subject") -> Iterator[Finding]:
    from .kernels import is_kernel

    missing = {item: f"{item} is in supports, and no check tests it yet" for item in set(subject.supports) - TESTED}
    asked = ASKED_OF_KERNELS if is_kernel(subject) else ASKED
    missing |= {door: f"no check tests the {door} door yet" for door in subject.doors if door not in asked}
    for item, reason in sorted(missing.items()):
        yield Finding(
            subject.name, subject.record.name, "supports", item, Outcome.SKIPPED, reason=reason,
            subject_version=subject.version,
        )  # fmt: skip


def _unknown_exemptions(subject: "Subject") -> Iterator[Finding]:
    known = [c.name for c in all_checks()]
    for name in subject.exempt:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            reason = f"{subject.name}: exempt names the unknown check {name!r}; {hint}"
            yield Finding(
                subject.name, subject.record.name, "exemptions", name, Outcome.ERRORED, reason=reason,
                subject_version=subject.version,
            )  # fmt: skip
