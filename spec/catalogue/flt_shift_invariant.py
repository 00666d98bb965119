"""FLT of a positive definite kernel f with f(0) = 1: p is g itself, ρ = 1, the features are random Fourier features."""

import sympy as sp

from ..encoding import Encoding
from ..flt_record import frequencies, lags, over_axes, record
from ..fourier import PAIRS, student, x
from ..fourier import xi as one

OPTIONS = {"kernel": ("gaussian", "laplace", "matern12", "matern32", "matern52"), "axes": ("1", "2", "3")}
MEMBERS = (
    *(f"flt-shift-invariant[kernel={kernel}]" for kernel in OPTIONS["kernel"]),
    "flt-shift-invariant[kernel=matern32,axes=3]",
)


def encoding(kernel: str = "gaussian", axes: str = "1") -> Encoding:
    """`flt-shift-invariant[kernel=matern32]`; gaussian and laplace are products over the axes, Matérn is radial."""
    n, pair = int(axes), PAIRS[kernel]
    xi, tau = frequencies(n), lags(n)
    if kernel.startswith("matern"):
        radius = sp.sqrt(sp.Add(*(t**2 for t in tau))) if n > 1 else sp.Abs(tau[0])
        g, f = student(int(kernel[-2]), n, sp.Add(*(k**2 for k in xi))), pair.mask.xreplace({x: radius})
    else:
        g, f = over_axes(pair.spectrum, one, xi), over_axes(pair.mask, x, tuple(sp.Abs(t) for t in tau))
    notes = {"laplace": ("e^{−rate Σ|τ_j|}, a product; for e^{−|τ|/scale} in |τ| take matern12",)}
    return record(
        f"flt-shift-invariant[kernel={kernel}" + (f",axes={axes}]" if n > 1 else "]"),
        f"random Fourier features of the {kernel} kernel of the lag",
        n, g, g, f, {"finite-variance": True}, notes.get(kernel, ()),
    )  # fmt: skip
