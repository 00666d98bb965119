"""Speed of the implementations as ratios within one run: `python tests/benchmarks/speed.py [RESULT.json]`.

Each figure is the median over repeats in which the contestants take turns, so that a slow minute hits all alike.
Rotation: 128 MiB of float32 against a plain copy in the same library. Linear attention: N = 8192, d = 64, causal,
without a denominator, against naive prefix sums of the (d, d) states. Nothing here is a test.
"""

import json
import os
import platform
import sys
import tracemalloc
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from time import perf_counter
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # products of 128 × 64 gain nothing from two threads that wait

import numpy as np
from lagwise.impls import arrays

REPEATS = 9
SHAPE = (8, 16, 4096, 64)  # (batch, heads, length, dim): 128 MiB


def interleaved(contestants: dict[str, Callable[[], Any]], repeats: int = REPEATS) -> dict[str, float]:
    """Median seconds of each, one warm-up, taking turns."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(repeats + 1):
        for name, call in contestants.items():
            start = perf_counter()
            call()
            if turn:
                times[name].append(perf_counter() - start)
    return {name: median(values) for name, values in times.items()}


def ratios(seconds: dict[str, float], to: str) -> dict[str, float]:
    """Each as a multiple of one of them, and that one in milliseconds."""
    base = seconds[to]
    figures = {name: round(value / base, 3) for name, value in seconds.items() if name != to}
    return figures | {f"{to}, ms": round(1e3 * base, 3)}


def numpy_rotation() -> dict[str, float]:
    """The core with table and out=, then what else a caller may do."""
    x = np.random.default_rng(0).standard_normal(SHAPE, np.float32)
    out, positions = np.empty_like(x), np.arange(SHAPE[2])
    table = arrays.rope_table(positions, SHAPE[3])
    return ratios(
        interleaved(
            {
                "copy": lambda: np.copyto(out, x),
                "interleaved, table and out": lambda: arrays.rope(x, table=table, out=out),
                "interleaved, table": lambda: arrays.rope(x, table=table),
                "interleaved, out": lambda: arrays.rope(x, positions, out=out),
                "halves, table and out": lambda: arrays.rope(x, table=table, out=out, layout="halves"),
                "table": lambda: arrays.rope_table(positions, SHAPE[3]),
            }
        ),
        "copy",
    )


def torch_rotation() -> dict[str, float]:
    """The same in PyTorch, and with autograd (forward and backward)."""
    import torch
    from lagwise.impls import pytorch

    x = torch.randn(SHAPE)
    out, positions, wanted = torch.empty_like(x), torch.arange(SHAPE[2]), torch.randn(SHAPE)
    table = pytorch.rope_table(positions, SHAPE[3])
    leaf = x.clone().requires_grad_()
    return ratios(
        interleaved(
            {
                "copy": lambda: out.copy_(x),
                "interleaved, table and out": lambda: pytorch.rope(x, table=table, out=out),
                "interleaved, table": lambda: pytorch.rope(x, table=table),
                "interleaved, out": lambda: pytorch.rope(x, positions, out=out),
                "halves, table and out": lambda: pytorch.rope(x, table=table, out=out, layout="halves"),
                "table": lambda: pytorch.rope_table(positions, SHAPE[3]),
                "autograd": lambda: torch.autograd.grad(pytorch.rope(leaf, table=table), leaf, wanted),
            }
        ),
        "copy",
    )


def _inputs(n: int, d: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((1, 1, n, d), np.float32) for _ in range(3)]


def _error(got: Any, inputs: list[Any]) -> float:
    """The largest error in units of 2^-24 of the same computation on |x|, element by element."""
    exact, size = (
        arrays.linear_attention(*(f(x).astype(np.float64) for x in inputs), causal=True, kind="norm-linear")
        for f in (lambda x: x, np.abs)
    )
    return round(float(np.max(np.abs(got - exact) / size)) * 2**24, 2)


def numpy_linear_attention(n: int = 8192, d: int = 64) -> dict[str, float]:
    """How many times faster than prefix sums of the states, and the error."""
    q, k, v = _inputs(n, d)

    def naive() -> Any:
        sums = np.cumsum(k[..., :, None] * v[..., None, :], axis=2)
        return np.matmul(q[..., None, :], sums)[..., 0, :]

    def ours(**options: Any) -> Any:
        return arrays.linear_attention(q, k, v, causal=True, **options)

    contestants = {"naive": naive, "chunked": lambda: ours(kind="norm-linear")}
    times = interleaved(contestants | {"elu+1 and denominator": lambda: ours(feature_map="elu+1")})
    figures = {f"{name}, times faster": round(times["naive"] / t, 1) for name, t in times.items() if name != "naive"}
    return figures | {"error, 2^-24 of |x|": _error(ours(kind="norm-linear"), [q, k, v])}


def torch_linear_attention(n: int = 8192, d: int = 64) -> dict[str, float]:
    """The same in PyTorch."""
    import torch
    from lagwise.impls import pytorch

    q, k, v = (torch.from_numpy(x) for x in _inputs(n, d))

    def naive() -> Any:
        return (q[..., None, :] @ (k[..., :, None] * v[..., None, :]).cumsum(2))[..., 0, :]

    def ours(**options: Any) -> Any:
        return pytorch.linear_attention(q, k, v, causal=True, **options)

    contestants = {"naive": naive, "chunked": lambda: ours(kind="norm-linear")}
    times = interleaved(contestants | {"elu+1 and denominator": lambda: ours(feature_map="elu+1")})
    figures = {f"{name}, times faster": round(times["naive"] / t, 1) for name, t in times.items() if name != "naive"}
    return figures | {"error, 2^-24 of |x|": _error(ours(kind="norm-linear").numpy(), _inputs(n, d))}


def live_memory(n: int = 2**18, d: int = 64) -> dict[str, float]:
    """Peak MiB beyond q, k and v of one long causal run with an encoding, output included (NumPy, tracemalloc)."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 1, n, d), np.float32) for _ in range(3))
    bound = arrays.bind(arrays.lrpe, np.arange(n))
    tracemalloc.start()
    arrays.linear_attention(q, k, v, causal=True, feature_map="elu+1", encode_query=bound, encode_key=bound)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"peak beyond the inputs, MiB": round(peak / 2**20, 1), "of which out, MiB": n * d * 4 / 2**20}


def main() -> None:
    """Print every figure; write them as JSON where the first argument says."""
    figures: dict[str, Any] = {"machine": {"processor": platform.machine(), "load": os.getloadavg()[0]}}
    # NumPy first: once PyTorch's threads spin, they take the cores from under NumPy's
    for part in (numpy_linear_attention, numpy_rotation, live_memory, torch_rotation, torch_linear_attention):
        figures[part.__name__] = part()
        print(part.__name__, json.dumps(figures[part.__name__], indent=2, ensure_ascii=False))
    figures["machine"] |= {name: version(name) for name in ("numpy", "torch")}
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    main()
