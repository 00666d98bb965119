"""What sums with a kernel in them may be off by: direct or through the FFT, softmax and linear, as bounds on |x| runs.

FFT products: each of the three transforms is off by ε in the 2-norm, ε = 7u log₂(4n), so that an element is within
ε(2‖κ‖‖x‖ + ‖κ∗x‖), 2-norms over lags and keys. Direct sums of n products: (n + 2)u Σ|κ||x|. A quotient top/z is within
(err(top) + |out| err(z)) / (|z| − err(z)).
"""

from typing import Any

import numpy as np

from ..bench import Bench
from ..budget import U
from ..libraries import Array
from ..propagation import Rounded, fft_error
from .kernels import Case, propagation, working

RANDOM = "positive-random"


def options(bench: Bench) -> dict[str, Any]:
    """What the subject says that `attend` computes, for the oracle."""
    said, kind = bench.subject.options, bench.subject.record.kind
    attention = str(said.get("attention", "linear" if kind == "mask" else "softmax"))
    scale = float(said.get("scale", bench.dim**-0.5 if attention == "softmax" else 1.0))
    return {"attention": attention, "feature_map": said.get("feature_map"), "scale": scale}


def seen(case: Case) -> Array:
    """(rows, keys): 1 where a query may see a key; causal goes by index."""
    rows, keys = len(case.s), len(case.t)
    return np.tril(np.ones((rows, keys)), keys - rows) if case.causal else np.ones((rows, keys))


def of_product(bench: Bench, case: Case) -> tuple[Array, Array, str]:
    """W v, (heads, rows, columns): (bound, |x| run, sentence)."""
    W, v = propagation(bench).kernel(case.s, case.t), np.abs(case.data["v"][0])
    size = np.abs(W.value) @ v
    bound = (
        W.error @ v + _transforms(bench, case, W.value, case.data["v"][0]) + (len(case.t) + 2) * working(bench) * size
    )
    return bound, size, "FFT ε(2‖w‖‖v‖ + ‖Wv‖) or a direct sum (n + 2)u Σ|w||v|; u|out|"


def _transforms(bench: Bench, case: Case, W: Array, v: Array) -> Array:
    """ε(2‖κ‖‖x‖ + ‖κ∗x‖) for every head and column, (heads, 1, columns); x (heads, keys, columns)."""
    axes, (n, steps) = bench.subject.record.axes, (len(case.t), working(bench))
    first = np.unique(_lags(case).reshape(-1, axes), axis=0, return_index=True)[1]
    kernel = W.reshape(len(W), -1)[:, first]  # by rising lag
    if axes == 1:
        points = kernel.shape[1] + n
        spectra = np.fft.rfft(kernel, points)[:, :, None] * np.fft.rfft(v, points, axis=1)
        whole = np.linalg.norm(np.fft.irfft(spectra, points, axis=1), axis=1)
    else:  # no entry of the product is above the largest row of Σ|κ||x|
        whole = np.max(np.abs(W) @ np.abs(v), axis=1) * np.sqrt(4 * n)
    norms = np.linalg.norm(kernel, axis=1)[:, None] * np.linalg.norm(v, axis=1)
    return np.asarray((fft_error(n, steps) * (2 * norms + whole))[:, None, :])


def _lags(case: Case) -> Array:
    s, t = (np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in (case.s, case.t))
    return t[None, :, :] - s[:, None, :]


def of_attention(bench: Bench, case: Case) -> tuple[Array, Array, str]:
    """Attention outputs, (heads, rows, columns): (bound, |x| run, sentence)."""
    said, kind = options(bench), bench.subject.record.kind
    if said["attention"] == "softmax":
        bound, size, text = _softmax(bench, case, said["scale"])
    else:
        bound, size, text = _linear(bench, case, said["feature_map"] or "identity")
    if kind != "output":
        return bound, size, text
    added, more, words = of_product(bench, case)
    parts = U[bench.dtype] * (size + more)  # each part may be rounded to the dtype before they are added
    return bound + added + parts, size + more, f"{text}; W v: {words}; u of each part"


def _softmax(bench: Bench, case: Case, scale: float) -> tuple[Array, Array, str]:
    q, k, v = (case.data[name][0] for name in "qkv")
    u, kind = working(bench), bench.subject.record.kind
    plain = scale * q @ k.swapaxes(1, 2)
    score = Rounded(plain, (bench.dim + 2) * u * abs(scale) * np.abs(q) @ np.abs(k).swapaxes(1, 2))
    logits = score
    if kind == "bias":
        b = propagation(bench).kernel(case.s, case.t)
        logits = Rounded(plain + b.value, score.error + b.error + u * (np.abs(plain) + np.abs(b.value)))
    if kind == "adaptive":
        logits = propagation(bench).adapt(score, case.s, case.t, None)
    hidden = np.where(seen(case) > 0, logits.value, -np.inf)
    off = np.max(np.where(seen(case) > 0, logits.error + 2 * u * np.abs(logits.value), 0.0), axis=2, keepdims=True)
    weights = np.exp(hidden - hidden.max(axis=2, keepdims=True))
    run = weights / weights.sum(axis=2, keepdims=True) @ np.abs(v)
    bound = run * (np.expm1(2 * off) + (len(case.t) + 10) * u)
    return bound, run, "(e^(2δ) - 1 + (n + 10)u) Σ w|v|, δ the largest error of a logit in the row; u|out|"


def _linear(bench: Bench, case: Case, name: str) -> tuple[Array, Array, str]:
    """Σ κ (φ_i·φ_j) v / Σ κ (φ_i·φ_j): a product of T(κ) for every feature, or direct."""
    u, v = working(bench), case.data["v"][0]
    phi = [_features(bench, case.data[side][0], name) for side in "qk"]
    kappa = propagation(bench).kernel(case.s, case.t) if bench.subject.record.kind == "mask" else None
    K = np.ones((len(v), len(case.s), len(case.t))) if kappa is None else kappa.value
    K = K * seen(case)
    off_K = np.zeros_like(K) if kappa is None else kappa.error * seen(case)
    tops = [_summed(bench, case, phi, K, off_K, x, kappa is not None) for x in (v, np.ones((*v.shape[:2], 1)))]
    (top, size, value), (low, _, z) = tops
    left = np.abs(z) - low
    with np.errstate(divide="ignore"):
        bound = np.where(left > 0, (top + np.abs(value / z) * low) / np.maximum(left, 0), np.inf) + 2 * u * np.abs(
            value / z
        )
    return (
        bound,
        size / np.abs(z),
        "(err(top) + |out| err(z)) / (|z| - err(z)); each FFT ε(2‖κ‖‖x‖ + ‖κ∗x‖) or (n + m)u Σ|x|",
    )


def _summed(bench: Bench, case: Case, phi: list[Rounded], K: Array, off: Array, x: Array, fast: bool) -> Any:
    """(error, |x| run, value) of Σ_j κ_ij (φ_i·φ_j) x_j, (heads, rows, columns)."""
    u, (q, k) = working(bench), phi
    sizes, errors = (np.abs(p.value) for p in phi), [p.error for p in phi]
    a, b = sizes
    products = a @ b.swapaxes(1, 2)
    wrong = errors[0] @ b.swapaxes(1, 2) + a @ errors[1].swapaxes(1, 2)
    run = (np.abs(K) * products) @ np.abs(x)
    error = (np.abs(K) * wrong + off * products) @ np.abs(x) + (len(case.t) + a.shape[-1] + 6) * u * run
    if fast:
        for c in range(a.shape[-1]):
            error = error + a[:, :, c : c + 1] * _transforms(bench, case, K, k.value[:, :, c : c + 1] * x)
    return error, run, (K * (q.value @ k.value.swapaxes(1, 2))) @ x


def _features(bench: Bench, x: Array, name: str) -> Rounded:
    """φ(x) and how far it may be off, (heads, rows, features)."""
    from .attended import FEATURES, _feature

    u = working(bench)
    if name != RANDOM:
        value = _feature(name, x)
        return Rounded(value, FEATURES[name] * u * np.abs(value))
    w = np.array([[int(y.p) / int(y.q) for y in row] for row in bench.kernels.given["projection"]])
    unit = x / np.linalg.norm(x, axis=-1, keepdims=True)
    value = np.exp(unit @ w.T - 0.5) / len(w) ** 0.5
    turned = (2 * bench.dim + 8) * u * (np.abs(unit) @ np.abs(w).T + 1.0)
    return Rounded(value, value * (np.expm1(turned) + 6 * u))
