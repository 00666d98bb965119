"""The checks of kernels: the same claims as for maps of q and k, measured through bias, mask, adapt, mix and attend."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..bench import Bench
from ..finding import Check, Measurement
from ..subject import Subject
from .kernel_flow import differentiable, gradient, impulse
from .kernel_rows import arbitrary, claimed, decode, lag, length
from .kernel_state import contract, history, twice
from .kernel_values import attend, values
from .kernels import SUMS, TABLES, doors, is_kernel


def _promised(item: str) -> Callable[[Subject], str | None]:
    return lambda subject: None if item in subject.supports else f"not promised: {item} is not in supports"


def _has(*names: str) -> Callable[[Subject], str | None]:
    return lambda subject: None if doors(subject, names) else f"no such door: {' or '.join(names)}"


EXTENDED: dict[str, tuple[Callable[[Bench], Iterable[Measurement]], Callable[[Subject], str | None]]] = {
    "contract": (contract, lambda subject: None),
    "matches-the-definition": (values, _has(*TABLES, "mix")),
    "attention-matches": (attend, _has("attend")),
    "lag-invariant": (lag, claimed),
    "length-independent": (length, lambda subject: None),
    "offset-equals-full": (decode, _promised("offset")),
    "arbitrary-positions": (
        arbitrary,
        lambda subject: _has(*TABLES)(subject) or _promised("arbitrary-positions")(subject),
    ),
    "history-independent": (history, lambda subject: None),
    "deterministic": (twice, lambda subject: None),
    "gradient-is-adjoint": (gradient, differentiable),
    "causal": (impulse, _has("adapt", *SUMS)),
}


def extended(check: Check) -> Check:
    """The check, which on a kernel measures the same claim through the kernel's doors, or is not asked."""
    found = EXTENDED.get(check.name)

    def applies(subject: Subject) -> str | None:
        if not is_kernel(subject):
            return check.applies(subject)
        return "no such door: maps of q and k" if found is None else found[1](subject)

    def measured(bench: Bench) -> Iterable[Measurement]:
        return found[0](bench) if found is not None and is_kernel(bench.subject) else check.run(bench)

    return replace(check, applies=applies, run=measured)
