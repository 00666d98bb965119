"""What reaches what: nothing from later keys into a row, gradients into every input and parameter."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..finding import Measurement
from ..libraries import Array
from ..subject import Subject
from .kernel_state import probe
from .kernel_values import unit
from .kernels import (
    SUMS,
    Case,
    allowed,
    answer,
    causal_modes,
    doors,
    made,
    native,
    places,
    run,
)
from .shared import holds, judge


def impulse(bench: Bench) -> Iterable[Measurement]:
    """Other contents from the middle on: nothing before it changes."""
    for door in doors(bench.subject, ("adapt", *SUMS)):
        if door in SUMS and not causal_modes(bench, door)[-1]:
            continue
        at = places(bench, 13)
        cut = max(len(at) // 2, 1)
        case = made(bench, door, at, at, True, "impulse")
        other = made(bench, door, at, at, True, "other")
        changed = {}
        for name, x in case.data.items():
            axis = -1 if name in ("scores", "prior") else -2
            mixed = np.array(x)
            if name != "q":
                late: list[Any] = [slice(None)] * x.ndim
                late[axis] = slice(cut, None)
                mixed[tuple(late)] = other.data[name][tuple(late)]
            changed[name] = mixed
        touched = replace(case, data=changed)
        first, second = run(bench, case)[:, :cut], run(bench, touched)[:, :cut]
        if door == "adapt":
            first, second = first[..., :cut], second[..., :cut]
        bound = _loudest(bench, case, touched, cut)
        yield _quiet(f"{door} impulse", case, first, second, bound, unit(bench))


def _loudest(bench: Bench, case: Case, touched: Case, cut: int) -> Array:
    bounds = [allowed(bench, c, run(bench, c))[0][:, :cut] for c in (case, touched)]
    return bounds[0] + bounds[1] if case.door in SUMS else (bounds[0] + bounds[1])[..., :cut]


def _quiet(label: str, case: Case, first: Array, second: Array, bound: Array, u: float) -> Measurement:
    return judge(
        label, np.abs(first - second), np.broadcast_to(bound, first.shape), np.maximum(np.abs(first), u) * u,
        "u of the output",
        expected="rows before the change are the same", what="a row before the change",
        where=lambda head, row, column: {"query_position": case.s[row], "head": head, "column": column},
        budget="each of the two runs within its own budget",
    )  # fmt: skip


def gradient(bench: Bench) -> Iterable[Measurement]:
    """A random functional of each door, differentiated: finite and not zero in every input and declared parameter."""
    for door in doors(bench.subject):
        case = probe(bench, door, "gradient")
        given = native(bench, case)
        inputs = {name: given[name].requires_grad_() for name in case.data if name != "prior"}
        try:
            found = answer(bench, case, given)
            weights = bench.library.array(
                bench.rng("kernel", "weights").standard_normal(found.shape), "float64", bench.device
            )
            visible = bench.library.xp.where(bench.library.xp.isfinite(found), found, 0.0)
            (visible.double() * weights).sum().backward()
        except RuntimeError as error:
            raise AnswerError(f"backward raised RuntimeError: {' '.join(str(error).split())[:200]}") from error
        for name, x in inputs.items():
            yield _finite(bench, f"{door} {name}", name, x.grad)
        yield from _learned(bench, door)


def _learned(bench: Bench, door: str) -> Iterator[Measurement]:
    if not bench.subject.learnable or not bench.subject.read:
        return
    found = bench.call("read")
    for name in bench.subject.learnable:
        held = getattr(bench.state, name, found.get(name))
        grad = held.grad if getattr(held, "is_leaf", False) else None
        yield _finite(bench, f"{door} {name}", name, grad)


def _finite(bench: Bench, label: str, name: str, grad: Any) -> Measurement:
    if grad is None:
        return holds(label, False, f"{name} receives a gradient", f"no gradient reached {name}")
    values = bench.library.numpy(grad)
    ok = bool(np.all(np.isfinite(values)) and np.any(values))
    reason = f"the gradient of {name} is {'zero' if not np.any(values) else 'not finite'}"
    return holds(label, ok, f"a finite gradient of {name} that is not zero", reason)


def differentiable(subject: Subject) -> str | None:
    """Skips what does not promise gradients, or has nothing to differentiate by."""
    if subject.library != "torch":
        return "no such door: gradients are read through torch"
    if not subject.learnable and not doors(subject, ("adapt", *SUMS)):
        return "no such door: it takes positions only, and declares nothing learnable"
    return None if "gradient" in subject.supports else "not promised: gradient is not in supports"
