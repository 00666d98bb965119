"""Does the adapter work at all? A subject that cannot answer one tiny call is not judged: its adapter is."""

from collections.abc import Iterable
from typing import Any

from ..bench import AnswerError, Bench
from ..finding import Check, Level, Measurement
from .kernels import causal_modes, doors, is_kernel, made, places, run
from .shared import holds


def tiny(bench: Bench) -> None:
    """One call of every door with 3 rows at positions 0, 1, 2; AnswerError when a door does not answer."""
    if is_kernel(bench.subject):
        for door in doors(bench.subject):
            at = places(bench, 3)
            run(bench, made(bench, door, at, at, causal_modes(bench, door)[-1], "smoke"))
        return
    rng = bench.rng("smoke")
    q, k, v = (bench.draw(rng, 1, 2, 3, bench.dim) for _ in range(3))
    at = bench.at([0, 1, 2])
    if bench.subject.encode and bench.subject.record.kind == "bilinear":
        bench.encode(q, k, at)
    elif bench.subject.encode:
        _pair(bench, bench.encode_native(bench.native(q), bench.native(k), at))
    here = bench.positions(at)
    given: dict[str, Any] = {"positions": here, "query_positions": here, "key_positions": here, "length": 3}
    given |= {"q": bench.native(q), "k": bench.native(k), "v": bench.library.array(v, bench.dtype, bench.device)}
    if callable(bench.subject.tables):
        found = bench.call("tables", **given)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise AnswerError(f"tables returned {type(found).__name__}, wanted the pair (cos, sin)")
    if bench.subject.score:
        found = bench.call("score", **given)
        if tuple(getattr(found, "shape", ())) != (1, 2, 3, 3):
            raise AnswerError(f"score returned shape {tuple(getattr(found, 'shape', ()))}, wanted (1, 2, 3, 3)")


def _pair(bench: Bench, found: tuple[Any, Any]) -> None:
    """Features of any width, the same for both sides."""
    shapes = [tuple(x.shape) for x in found]
    if shapes[0] != shapes[1] or shapes[0][:-1] != (1, 2, 3):
        raise AnswerError(f"encode returned shapes {shapes[0]} and {shapes[1]}, wanted (1, 2, 3, features) twice")


def _run(bench: Bench) -> Iterable[Measurement]:
    tiny(bench)
    yield holds("tiny", True, "every door answers one tiny call", "")


CHECK = Check(
    "smoke",
    "every door answers one call with 3 rows and returns arrays of its library and shape",
    "the adapter is wrong, not the implementation: nothing else was run",
    _run,
    level=Level.SMOKE,
)
