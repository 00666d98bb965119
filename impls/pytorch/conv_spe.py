"""convSPE: codes are white noise over positions, filtered; P_d(τ) = Σ_p φq_p φk_{p+τ}, zero for |τ| ≥ taps.

Q̄_d(m) = Σ_p φq_{d,p} Z_d(m − p), K̄_d(n) = Σ_p φk_{d,p} Z_d(n − p), τ = n − m. Liutkus et al., ICML 2021,
arXiv 2105.08399; the released code correlates instead of convolving, and swaps the names of the two filters.
"""

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from ..philox import Seeded, check_count
from ..spe_shapes import check_noise, check_side, conv_sizes
from .attention import grouped
from .common import checked_positions, floating, working
from .gates import epsilon, shares
from .noise import normals

BLOCK = 1 << 20  # noise drawn at once, unless one position needs more


def conv_noise(
    like: Tensor, lengths: tuple[int, ...], heads: int, dim: int, taps: int, realizations: int, *, seed: int
) -> Tensor:
    """Z, (length + taps − 1 for each axis, heads, dim, R), standard normals in the dtype and on the device of `like`.

    Index i of an axis is position i − (taps − 1): what positions 0 … length − 1 reach back to.
    """
    for name, count in (("heads", heads), ("dim", dim), ("taps", taps), ("realizations", realizations)):
        check_count("conv_noise", name, count)
    sites = _box(like, [(1 - taps, length - 1) for length in lengths])
    drawn = [normals(like, sites, dim * realizations, seed=seed, kind="conv", head=head) for head in range(heads)]
    reach = [length + taps - 1 for length in lengths]
    return torch.stack(drawn, 1).reshape(*reach, heads, dim, realizations).to(like.dtype)


def conv_spe(
    x: Tensor,
    positions: Tensor,
    side: str,
    *,
    query_filter: Tensor,
    key_filter: Tensor,
    noise: Tensor | Seeded,
    gate: Tensor | None = None,
    gate_noise: Tensor | Seeded | None = None,
) -> Tensor:
    """x̂ (batch, heads, length, R) in the dtype of x: x̂_r = R^(-1/2) Σ_d x_d Q̄_d(position, r); E q̂·k̂ = Σ_d q_d P_d k_d.

    x (batch, heads, length, dim); positions (length,) or (batch, length) integers, with a trailing axis when the
    filters, (heads, dim, taps[, taps[, taps]]), have more axes than one. noise: Z of `conv_noise`, or Seeded(seed, R),
    which draws it block by block around the positions, any integers. gate, gate_noise as in `sine_spe`. Codes exist
    for one block of rows and one head at a time. Raises ValueError and TypeError, one line each.
    """
    where = "conv_spe"
    floating(where, x)
    sizes, axes = conv_sizes(where, tuple(x.shape), tuple(query_filter.shape), tuple(key_filter.shape))
    own = query_filter if check_side(where, side) == "query" else key_filter
    if positions.dtype.is_floating_point:
        raise TypeError(f"{where}: positions must be integers, got {str(positions.dtype).removeprefix('torch.')}")
    placed, dtype = checked_positions(where, x, positions, axes), working(x.dtype)
    source = _source(where, noise, (sizes.heads, x.shape[-1]), axes, sizes.terms)
    run = _Run(own.to(dtype), source, dtype)
    parts = None if gate is None else shares(where, gate, (sizes.heads, x.shape[-1]), dtype)
    white = None if parts is None else epsilon(where, x, gate_noise, noise, (sizes.heads, x.shape[-1], source.draws))
    batches = []
    for batch, places in _batches(x, placed):
        made = [x.new_zeros(batch.stop - batch.start, sizes.heads, x.shape[1] // sizes.heads, 0, source.draws)]
        for start, stop in _blocks(places, sizes.terms, x.shape[-1] * source.draws):
            rows = grouped(x[batch, :, start:stop].to(dtype), sizes.heads)
            moved = rows if parts is None else rows * parts[0]
            block = torch.stack([_head(run, moved, places[start:stop], head) for head in range(sizes.heads)], 1)
            if parts is not None and white is not None:
                block = block + (rows * parts[1]) @ white.to(dtype)[:, None]
            made.append((block * source.draws**-0.5).to(x.dtype))
        batches.append(torch.cat(made, -2))
    return torch.cat(batches).flatten(1, 2)


class _Source(NamedTuple):
    """Z at sites: drawn from a seed, or looked up in a tensor."""

    where: str
    noise: Tensor | Seeded
    draws: int
    taps: int
    dim: int

    def at(self, sites: Tensor, head: int) -> Tensor:
        """(sites, dim, R) for integer sites (sites, axes)."""
        if isinstance(self.noise, Seeded):
            drawn = normals(sites, sites, self.dim * self.draws, seed=self.noise.seed, kind="conv", head=head)
            return drawn.reshape(-1, self.dim, self.draws)
        index, sizes = sites[:, 0] * 0, self.noise.shape[: sites.shape[1]]
        for axis, size in enumerate(sizes):
            place = sites[:, axis] + (self.taps - 1)
            if bool(((place < 0) | (place >= size)).any()):
                raise ValueError(f"{self.where}: noise reaches positions 0 … {size - self.taps} in axis {axis} only")
            index = index * size + place
        return self.noise.flatten(0, len(sizes) - 1)[index, head]


class _Run(NamedTuple):
    filters: Tensor
    source: _Source
    dtype: torch.dtype


def _source(where: str, noise: Tensor | Seeded, sizes: tuple[int, int], axes: int, taps: int) -> _Source:
    if isinstance(noise, Seeded):
        return _Source(where, noise, check_count(where, "realizations", noise.realizations), taps, sizes[1])
    if noise.ndim != axes + 3 or min(noise.shape[:axes]) < taps:
        raise ValueError(
            f"{where}: noise must be (at least {taps} for each of {axes} axes, heads, dim, R), got {tuple(noise.shape)}"
        )
    return _Source(where, noise, check_noise(where, "noise", tuple(noise.shape[axes:]), sizes), taps, sizes[1])


def _batches(x: Tensor, placed: Tensor) -> Iterator[tuple[slice, Tensor]]:
    if placed.ndim == 2 or placed.shape[0] == 1:
        yield slice(0, x.shape[0]), placed.reshape(placed.shape[-2:])
        return
    for row in range(x.shape[0]):
        yield slice(row, row + 1), placed[row]


def _blocks(places: Tensor, taps: int, width: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows whose positions lie in a box small enough to draw: halves of halves, down to single rows."""
    waiting = [(0, places.shape[0])] if places.shape[0] else []
    while waiting:
        start, stop = waiting.pop()
        sites = prod(high - low + 1 for low, high in _span(places[start:stop], taps))
        if stop - start == 1 or sites * width <= BLOCK:
            yield start, stop
            continue
        middle = (start + stop) // 2
        waiting += [(middle, stop), (start, middle)]


def _span(places: Tensor, taps: int) -> list[tuple[int, int]]:
    low, high = places.amin(0).tolist(), places.amax(0).tolist()
    return [(first - (taps - 1), last) for first, last in zip(low, high, strict=True)]


def _box(like: Tensor, span: list[tuple[int, int]]) -> Tensor:
    """All integer sites of a box, (sites, axes), the last axis fastest."""
    axes = [torch.arange(low, high + 1, device=like.device) for low, high in span]
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")], -1)


def _head(run: _Run, rows: Tensor, places: Tensor, head: int) -> Tensor:
    """(batch, group, rows, R) of one head: the codes of these rows by banded matrices, then the sum over dim."""
    taps = run.source.taps
    sites = _box(places, _span(places, taps))
    back = places.to(torch.int64)[:, None] - sites
    tap, within = back[..., 0] * 0, ((back >= 0) & (back < taps)).all(-1)
    for axis in range(back.shape[-1]):
        tap = tap * taps + back[..., axis]
    flat = run.filters[head].flatten(1)
    band = flat[:, torch.where(within, tap, 0)] * within.to(run.dtype)
    codes = (band @ run.source.at(sites, head).to(run.dtype).transpose(0, 1)).transpose(0, 1)  # (rows, dim, R)
    mine = rows[:, head].permute(2, 0, 1, 3)  # (rows, batch, group, dim)
    mixed = torch.matmul(mine.flatten(1, 2), codes)
    return mixed.reshape(*mine.shape[:3], mixed.shape[-1]).permute(1, 2, 0, 3)
