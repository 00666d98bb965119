"""How the five systems grow with N: `python tests/benchmarks/growth.py [RESULT.json]`, NumPy, float32, one head.

Each row: the median seconds and the peak of live bytes beyond q, k and v (tracemalloc) at each N, the slope of the
logarithm of either against log N, and the peak at N = 2^18 where that takes minutes at most. d = d_v = R = r = 64.
Nothing here is a test; counted complexity is another thing.
"""

import json
import math
import os
import sys
import tracemalloc
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from lagwise.impls import arrays
from lagwise.impls.fourier_densities import GaussianMixture

D, LONG = 64, 2**18
Call = Callable[[Any, Any, Any], Any]


def lrpe(n: int) -> Call:
    """Linear attention, causal in chunks, with the Householder member of the orthogonal family."""
    v0 = np.linspace(-1, 1, D)
    encode = arrays.bind(lambda x, s: arrays.lrpe(x, s, core="orthogonal", p="householder", v=v0), np.arange(n))
    form = {"kind": "norm-linear", "feature_map": "elu+1", "encode_query": encode, "encode_key": encode}
    return lambda q, k, v: arrays.linear_attention(q, k, v, causal=True, **form)


def spe(n: int) -> Call:
    """sineSPE features drawn chunk by chunk, ReLU, causal."""
    rng = np.random.default_rng(0)
    shapes = {"frequencies": rng.random((1, D, 4)) / 2, "phases": rng.random((1, D, 4)), "gains": np.ones((1, D, 4))}
    noise = arrays.Seeded(0, D)

    def side(name: str) -> Any:
        return arrays.bind(lambda x, s: arrays.sine_spe(x, s, name, **shapes, noise=noise), np.arange(n))

    maps = {"encode_query": side("query"), "encode_key": side("key"), "feature_map": "relu", "epsilon": 1e-6}
    return lambda q, k, v: arrays.feature_attention(q, k, v, causal=True, **maps)


def flt(n: int) -> Call:
    """Gaussian-mixture FLT inside the exponential, through positive random features, bidirectional."""
    spectrum = GaussianMixture(np.array([[1.0, -0.3]]), np.array([[[0.0], [0.2]]]), np.array([[0.5, 0.3]]))
    points = np.arange(n)[:, None] / n
    frequencies = arrays.flt_frequencies(points, spectrum, 1, D, 1, seed=0)
    ratios = arrays.flt_ratios(spectrum, frequencies)
    projection = arrays.favor_projection(points, 1, D, D + 2 * D, seed=0)

    def side(name: str) -> Any:
        given = {"frequencies": frequencies, "ratios": ratios, "projection": projection}
        return arrays.bind(lambda x, s: arrays.flt_exp(x, s, name, **given), points, axes=1 if points.ndim == 1 else 2)

    return lambda q, k, v: arrays.feature_attention(q, k, v, encode_query=side("query"), encode_key=side("key"))


def fastrpb(n: int) -> Call:
    """Linear attention plus the Toeplitz product W v."""
    w = np.random.default_rng(0).standard_normal((1, 2 * n - 1)).astype(np.float32) / n
    return lambda q, k, v: arrays.fastrpb_attention(q, k, v, w, kind="linear", feature_map="elu+1")


def dape(n: int) -> Call:
    """Softmax attention with the tiled MLP of scores and ALiBi, causal: quadratic time, tiles in memory."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.standard_normal((32, 2)),
        "b1": np.zeros(32),
        "w2": rng.standard_normal((1, 32)),
        "b2": np.zeros(1),
    }
    held = {name: value.astype(np.float32) for name, value in weights.items()}
    prior = lambda s, t: arrays.alibi(s, t, heads=1)  # noqa: E731
    return lambda q, k, v: arrays.dape_attention(q, k, v, prior, causal=True, **held)


SYSTEMS = {
    "LRPE": (lrpe, (12, 14, 16), True),
    "SPE": (spe, (11, 13, 15), True),
    "FLT": (flt, (12, 14, 16), True),
    "FastRPB": (fastrpb, (12, 14, 16), True),
    "DAPE": (dape, (8, 9, 10, 11), False),
}


def measure(make: Callable[[int], Call], n: int, repeats: int) -> tuple[float, int]:
    """(median seconds, peak bytes beyond the inputs) of one call at length n."""
    rng = np.random.default_rng(1)
    q, k, v = (rng.standard_normal((1, 1, n, D), np.float32) for _ in range(3))
    call = make(n)
    call(q, k, v)
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        call(q, k, v)
        seconds.append(perf_counter() - start)
    tracemalloc.start()
    call(q, k, v)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return median(seconds), peak


def slope(sizes: list[int], values: list[float]) -> float:
    """The least-squares slope of log value against log size."""
    x, y = np.log(sizes), np.log(values)
    return round(float(np.polyfit(x, y, 1)[0]), 2)


def main() -> None:
    """Prints the rows and writes them where asked."""
    rows: dict[str, Any] = {}
    for name, (make, powers, long) in SYSTEMS.items():
        sizes = [2**p for p in powers]
        found = [measure(make, n, 3) for n in sizes]
        rows[name] = {
            "what": " ".join((make.__doc__ or "").split()),
            "sizes": sizes,
            "seconds": [round(s, 4) for s, _ in found],
            "peak MiB": [math.ceil(b / 2**20) for _, b in found],
            "time grows as N to the": slope(sizes, [s for s, _ in found]),
            "memory grows as N to the": slope(sizes, [b for _, b in found]),
        }
        if long:
            rows[name]["peak MiB at N = 2^18, out included"] = math.ceil(measure(make, LONG, 1)[1] / 2**20)
        print(name, json.dumps(rows[name]), flush=True)
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
