"""convSPE: codes are white noise over positions, filtered; P_d(τ) = Σ_p φq_p φk_{p+τ}, zero for |τ| ≥ taps.

Q̄_d(m) = Σ_p φq_{d,p} Z_d(m − p), K̄_d(n) = Σ_p φk_{d,p} Z_d(n − p), τ = n − m. Liutkus et al., ICML 2021,
arXiv 2105.08399; the released code correlates instead of convolving, and swaps the names of the two filters.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import array_api_compat

from ..philox import Seeded, check_count
from ..spe_shapes import check_noise, check_side, conv_sizes
from .attention import grouped
from .common import Array, checked_positions, namespace, working
from .gates import epsilon, shares
from .noise import normals

BLOCK = 1 << 20  # noise drawn at once, unless one position needs more


def conv_noise(
    like: Array, lengths: tuple[int, ...], heads: int, dim: int, taps: int, realizations: int, *, seed: int
) -> Array:
    """Z, (length + taps − 1 for each axis, heads, dim, R), standard normals in the dtype and on the device of `like`.

    Index i of an axis is position i − (taps − 1): what positions 0 … length − 1 reach back to.
    """
    xp = array_api_compat.array_namespace(like)
    for name, count in (("heads", heads), ("dim", dim), ("taps", taps), ("realizations", realizations)):
        check_count("conv_noise", name, count)
    reach = [length + taps - 1 for length in lengths]
    sites = _box(xp, like, [(1 - taps, length - 1) for length in lengths])
    drawn = [normals(like, sites, dim * realizations, seed=seed, kind="conv", head=head) for head in range(heads)]
    shape = (*reach, heads, dim, realizations)
    return xp.astype(xp.reshape(xp.stack(drawn, axis=1), shape), like.dtype, copy=False)


def conv_spe(
    x: Array,
    positions: Array,
    side: str,
    *,
    query_filter: Array,
    key_filter: Array,
    noise: Array | Seeded,
    gate: Array | None = None,
    gate_noise: Array | Seeded | None = None,
) -> Array:
    """x̂ (batch, heads, length, R) in the dtype of x: x̂_r = R^(-1/2) Σ_d x_d Q̄_d(position, r); E q̂·k̂ = Σ_d q_d P_d k_d.

    x (batch, heads, length, dim); positions (length,) or (batch, length) integers, with a trailing axis when the
    filters, (heads, dim, taps[, taps[, taps]]), have more axes than one. noise: Z of `conv_noise`, or Seeded(seed, R),
    which draws it block by block around the positions, any integers. gate, gate_noise as in `sine_spe`. Codes exist
    for one block of rows and one head at a time. Raises ValueError and TypeError, one line each.
    """
    where = "conv_spe"
    xp = namespace(where, x, positions, query_filter, key_filter, gate)
    shapes = (tuple(array.shape) for array in (x, query_filter, key_filter))
    sizes, axes = conv_sizes(where, *shapes)
    own = query_filter if check_side(where, side) == "query" else key_filter
    if not xp.isdtype(positions.dtype, "integral"):
        raise TypeError(f"{where}: positions must be integers, got {positions.dtype}")
    placed, dtype = checked_positions(where, xp, x, positions, axes), working(xp, x.dtype)
    source = _source(where, xp, x, noise, (sizes.heads, x.shape[-1]), axes, sizes.terms)
    parts = None if gate is None else shares(where, xp, gate, (sizes.heads, x.shape[-1]), dtype)
    white = None if parts is None else epsilon(where, x, gate_noise, noise, (sizes.heads, x.shape[-1], source.draws))
    run, made = _Run(xp, xp.astype(own, dtype, copy=False), source, dtype), []
    for batch, places in _batches(x, placed):
        blocks = []
        for start, stop in _blocks(xp, places, sizes.terms, x.shape[-1] * source.draws):
            rows = grouped(xp, xp.astype(x[batch, :, start:stop, :], dtype, copy=False), sizes.heads)
            moved = rows if parts is None else rows * parts[0]
            block = xp.stack([_head(run, moved, places[start:stop, :], head) for head in range(sizes.heads)], axis=1)
            if parts is not None and white is not None:
                block = block + xp.matmul(rows * parts[1], xp.astype(white, dtype, copy=False)[:, None, :, :])
            blocks.append(xp.astype(block * source.draws**-0.5, x.dtype, copy=False))
        made.append(xp.concat(blocks, axis=-2) if blocks else x[batch, :, :, :0])
    return xp.reshape(xp.concat(made, axis=0), (*x.shape[:-1], source.draws))


class _Source(NamedTuple):
    """Z at sites: drawn from a seed, or looked up in an array."""

    where: str
    noise: Any
    draws: int
    taps: int
    dim: int

    def at(self, xp: Any, sites: Array, head: int) -> Array:
        """(sites, dim, R) for integer sites (sites, axes)."""
        if isinstance(self.noise, Seeded):
            drawn = normals(sites, sites, self.dim * self.draws, seed=self.noise.seed, kind="conv", head=head)
            return xp.reshape(drawn, (-1, self.dim, self.draws))
        index, sizes = sites[:, 0] * 0, tuple(self.noise.shape[: sites.shape[1]])
        for axis, size in enumerate(sizes):
            place = sites[:, axis] + (self.taps - 1)
            if bool(xp.any((place < 0) | (place >= size))):
                raise ValueError(f"{self.where}: noise reaches positions 0 … {size - self.taps} in axis {axis} only")
            index = index * size + place
        table = xp.reshape(self.noise, (prod(sizes), *self.noise.shape[len(sizes) :]))
        return xp.take(table[:, head, :, :], index, axis=0)


class _Run(NamedTuple):
    xp: Any
    filters: Array
    source: _Source
    dtype: Any


def _source(where: str, xp: Any, x: Array, noise: Any, sizes: tuple[int, int], axes: int, taps: int) -> _Source:
    if isinstance(noise, Seeded):
        return _Source(where, noise, check_count(where, "realizations", noise.realizations), taps, sizes[1])
    array_api_compat.array_namespace(x, noise)
    if noise.ndim != axes + 3 or min(noise.shape[:axes]) < taps:
        raise ValueError(
            f"{where}: noise must be (at least {taps} for each of {axes} axes, heads, dim, R), got {tuple(noise.shape)}"
        )
    return _Source(where, noise, check_noise(where, "noise", tuple(noise.shape[axes:]), sizes), taps, sizes[1])


def _batches(x: Array, placed: Array) -> Iterator[tuple[slice, Array]]:
    if placed.ndim == 2 or placed.shape[0] == 1:
        yield slice(0, x.shape[0]), placed if placed.ndim == 2 else placed[0, ...]
        return
    for row in range(x.shape[0]):
        yield slice(row, row + 1), placed[row, ...]


def _blocks(xp: Any, places: Array, taps: int, width: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows whose positions lie in a box small enough to draw: halves of halves, down to single rows."""
    waiting = [(0, places.shape[0])] if places.shape[0] else []
    while waiting:
        start, stop = waiting.pop()
        sites = prod(high - low + 1 for low, high in _span(xp, places[start:stop, :], taps))
        if stop - start == 1 or sites * width <= BLOCK:
            yield start, stop
            continue
        middle = (start + stop) // 2
        waiting += [(middle, stop), (start, middle)]


def _span(xp: Any, places: Array, taps: int) -> list[tuple[int, int]]:
    low, high = xp.min(places, axis=0), xp.max(places, axis=0)
    return [(int(low[axis]) - (taps - 1), int(high[axis])) for axis in range(places.shape[1])]


def _box(xp: Any, like: Array, span: list[tuple[int, int]]) -> Array:
    """All integer sites of a box, (sites, axes), the last axis fastest."""
    device = array_api_compat.device(like)
    axes = [xp.arange(low, high + 1, dtype=xp.int64, device=device) for low, high in span]
    grid = xp.meshgrid(*axes, indexing="ij")
    return xp.stack([xp.reshape(axis, (-1,)) for axis in grid], axis=-1)


def _head(run: _Run, rows: Array, places: Array, head: int) -> Array:
    """(batch, group, rows, R) of one head: the codes of these rows by banded matrices, then the sum over dim."""
    xp, taps = run.xp, run.source.taps
    sites = _box(xp, places, _span(xp, places, taps))
    back = xp.astype(places, xp.int64)[:, None, :] - sites[None, :, :]
    tap, within = back[..., 0] * 0, xp.all((back >= 0) & (back < taps), axis=-1)
    for axis in range(back.shape[-1]):
        tap = tap * taps + back[..., axis]
    flat = xp.reshape(run.filters[head, ...], (run.source.dim, -1))
    tap = xp.reshape(xp.where(within, tap, xp.zeros_like(tap)), (-1,))
    band = xp.reshape(xp.take(flat, tap, axis=1), (-1, *within.shape)) * xp.astype(within, run.dtype)
    noise = xp.permute_dims(xp.astype(run.source.at(xp, sites, head), run.dtype, copy=False), (1, 0, 2))
    codes = xp.permute_dims(xp.matmul(band, noise), (1, 0, 2))  # (rows, dim, R)
    mine = xp.permute_dims(rows[:, head, ...], (2, 0, 1, 3))  # (rows, batch, group, dim)
    mixed = xp.matmul(xp.reshape(mine, (mine.shape[0], -1, mine.shape[-1])), codes)
    mixed = xp.reshape(mixed, (*mine.shape[:-1], mixed.shape[-1]))
    return xp.permute_dims(mixed, (1, 2, 0, 3))
