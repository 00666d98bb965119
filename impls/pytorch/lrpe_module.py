"""LRPE as a module: numbers in the constructor, learned θ and v as parameters, nothing else stored."""

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import torch
from torch import Tensor, nn

from ..schedules import Schedule, cycles, geometric, lrpe_schedule, positive
from .lrpe import CORES, encode


class LRPE(nn.Module):
    """`lrpe` with its numbers: `module(x, positions)` → x̂ of width dim, or 2 dim for core=unitary or p=dft.

    theta: "a", "b", "c" (b and c need length), or "learned": a parameter of dim / (axes · 1 or 2) angles that starts at
    base^(-2k·axes/dim). v (p=householder): numbers, or None for a parameter drawn from `seed`. permutation: numbers, or
    None for one drawn from `seed`. Tables are made from the numbers at every call: casts and moves cannot spoil them;
    after `to_empty`, `reset_parameters` restores the parameters. Raises ValueError for numbers that do not fit.
    """

    def __init__(
        self,
        dim: int,
        core: str = "orthogonal",
        p: str = "identity",
        *,
        theta: str = "a",
        base: float = 10000.0,
        length: int | None = None,
        v: Sequence[float] | None = None,
        permutation: Sequence[int] | None = None,
        axes: int = 1,
        seed: int = 0,
        accurate: bool = False,
    ) -> None:
        super().__init__()
        if core not in CORES:
            raise ValueError(f"lrpe: core must be unitary, orthogonal or permutation, got {core}")
        self.dim, self.core, self.p, self.axes, self.accurate = dim, core, p, axes, accurate
        draw = Random(seed)
        self.permutation = tuple(draw.sample(range(dim), dim) if permutation is None else permutation)
        self._cycles = cycles("lrpe", self.permutation, dim) if core == "permutation" else None
        self._v = None if v is None else tuple(float(value) for value in v)
        self._start_v = tuple(draw.gauss(0.0, 1.0) for _ in range(dim))
        self._schedule = None if core == "permutation" else _schedule(dim, core, theta, base, length, axes)
        learned = self._schedule if theta == "learned" else None
        self.theta = None if learned is None else nn.Parameter(torch.empty(len(learned.angles)))
        self.v = nn.Parameter(torch.empty(dim)) if p == "householder" and v is None else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the learned parameters to their start values, on whatever device they are."""
        with torch.no_grad():
            if self.theta is not None and self._schedule is not None:
                self.theta.copy_(torch.tensor(self._schedule.angles, dtype=torch.float64, device=self.theta.device))
            if self.v is not None:
                self.v.copy_(torch.tensor(self._start_v, dtype=torch.float64, device=self.v.device))

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """x (..., length, dim) at positions, as `lrpe`."""
        if x.shape[-1] != self.dim:
            raise ValueError(f"lrpe: x must end in dim = {self.dim}, got shape {tuple(x.shape)}")
        turns = self._schedule if self.theta is None else self.theta
        v = self._v if self.v is None else self.v
        return encode(x, positions, self.core, self.p, turns, v, self._cycles, self.axes, self.accurate)

    def extra_repr(self) -> str:
        """The numbers, as printed in a paper."""
        return f"dim={self.dim}, core={self.core}, p={self.p}, axes={self.axes}"


def _schedule(dim: int, core: str, theta: str, base: float, length: int | None, axes: int) -> Schedule:
    if theta != "learned":
        return lrpe_schedule(dim, core, theta, base, length, axes)
    # the learned start has dim, not the covered coordinates, in its exponent
    width = 1 if core == "unitary" else 2
    return geometric(positive("lrpe", "base", base), Fraction(2 * axes, dim), dim // (axes * width))
