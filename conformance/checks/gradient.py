"""The gradient of a linear map is its adjoint: finite, not zero, and <A x, w> = <x, Aᴴ w> (read through torch)."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..finding import Check, Measurement
from ..subject import Subject
from .shared import dot, holds, judge, promised, ruler, summed

ROWS = 6


def _run(bench: Bench) -> Iterable[Measurement]:
    n = min(ROWS, bench.limit)
    at = bench.at(list(range(n)))
    rng = bench.rng("gradient")
    x = {side: bench.draw(rng, 1, 2, n, bench.dim) for side in ("q", "k")}
    native = {side: bench.native(values).requires_grad_() for side, values in x.items()}
    outputs = bench.encode_native(native["q"], native["k"], at)
    w = [bench.draw(rng, 1, 2, n, len(bench.writing)) for _ in outputs]
    weights = [bench.library.array(_placed(bench, values), bench.dtype, bench.device) for values in w]
    try:
        sum((y * c).sum() for y, c in zip(outputs, weights, strict=True)).backward()  # type: ignore[union-attr]
    except RuntimeError as error:
        raise AnswerError(f"backward raised RuntimeError: {' '.join(str(error).split())[:200]}") from error
    for i, (side, values) in enumerate(x.items()):
        yield from _side(bench, side, values, native[side].grad, bench.exact(outputs[i]), w[i], at)
    yield from _learned(bench)


def _placed(bench: Bench, values: Any) -> Any:
    placed = np.empty_like(values)
    placed[..., bench.writing] = values
    return placed.swapaxes(1, 2) if bench.subject.axes == "blhd" else placed


def _side(bench: Bench, side: str, x: Any, grad: Any, y: Any, w: Any, at: list[Any]) -> Iterator[Measurement]:
    if grad is None:
        yield holds(side, False, "a gradient", f"no gradient reached {side}")
        return
    g = bench.exact(grad, encoded=False)[..., bench.reading]
    bad = int(np.sum(~np.isfinite(g)))
    yield holds(
        f"{side} finite", bad == 0, "finite gradients", f"{bad} elements of the gradient of {side} are not finite"
    )
    yield holds(f"{side} nonzero", bool(np.any(g)), "a gradient that is not zero", f"the gradient of {side} is zero")
    if bench.subject.record.affine or bad:
        return
    measure, norm = ruler(bench), np.linalg.norm
    sizes = norm(y, axis=-1) * norm(w, axis=-1) + norm(x, axis=-1) * norm(g, axis=-1)
    yield judge(
        f"{side} adjoint",
        np.abs(dot(y, w) - dot(x, g)).astype(np.float64),
        (2 * measure.spread(at) + summed(y.shape[-1])) * sizes + measure.budget.tiny * np.sum(np.abs(w), axis=-1) * 2,
        sizes * measure.budget.u,
        "u of |Ax||w|",
        expected="<A x, w> = <x, Aᴴ w>",
        where=lambda batch, head, row: {"position": at[row], "head": head},
        budget=f"forward and backward, the latter with as many roundings and a sum: 2e each, e = {measure.budget}",
        what="the gradient",
    )


def _learned(bench: Bench) -> Iterator[Measurement]:
    names = bench.subject.learnable
    found = bench.call("read") if names and bench.subject.read else {}
    for name in names:
        value = found.get(name)
        source = value if getattr(value, "grad", None) is not None else getattr(bench.state, name, None)
        grad = getattr(source, "grad", None)
        if grad is None:
            yield holds(name, False, f"{name} receives a gradient", f"no gradient reached {name}")
            continue
        values = bench.library.numpy(grad)
        ok = bool(np.all(np.isfinite(values)) and np.any(values))
        reason = f"the gradient of {name} is {'zero' if not np.any(values) else 'not finite'}"
        yield holds(name, ok, f"a finite gradient of {name} that is not zero", reason)


def _applies(subject: Subject) -> str | None:
    if subject.library != "torch":
        return "no such door: gradients are read through torch"
    return promised("gradient")(subject)


CHECKS = (
    Check(
        "gradient-is-adjoint",
        "gradients are finite, not zero, and the adjoint of the encoding",
        "an operation that cuts the graph, an in-place write, or a backward pass with another sign",
        _run,
        applies=_applies,
    ),
)
