"""What both forms of SPE check about shapes, from shapes alone: one line for the first thing that does not fit."""

from typing import NamedTuple

Shape = tuple[int, ...]


class Sizes(NamedTuple):
    """Sizes of SPE's parameters: heads that carry them, sines K or taps P, realizations R."""

    heads: int
    terms: int
    realizations: int


def check_side(where: str, side: str) -> str:
    """The side, or a ValueError unless it is query or key."""
    if side not in ("query", "key"):
        raise ValueError(f"{where}: side must be query or key, got {side}")
    return side


def check_heads(where: str, x: Shape, heads: int) -> None:
    """ValueError unless x is (batch, heads, length, dim) and the heads of the parameters divide its heads."""
    if len(x) != 4:
        raise ValueError(f"{where}: x must be (batch, heads, length, dim), got shape {x}")
    if heads < 1 or x[1] % heads:
        raise ValueError(f"{where}: the parameters' heads must divide heads = {x[1]}, got {heads}")


def sine_sizes(where: str, x: Shape, frequencies: Shape, phases: Shape, gains: Shape) -> tuple[Sizes, int]:
    """Sizes (R not known yet, 0) and the number of axes, from (heads, dim, K), or (heads, dim, K, axes)."""
    if len(frequencies) not in (3, 4) or 0 in frequencies:
        raise ValueError(f"{where}: frequencies must be (heads, dim, sines) or (…, axes), got shape {frequencies}")
    check_heads(where, x, frequencies[0])
    if frequencies[1] != x[3]:
        raise ValueError(f"{where}: frequencies must have dim = {x[3]} in axis 1, got shape {frequencies}")
    for name, shape in (("phases", phases), ("gains", gains)):
        if shape != frequencies[:3]:
            raise ValueError(f"{where}: {name} must have shape {frequencies[:3]}, got {shape}")
    return Sizes(frequencies[0], frequencies[2], 0), 1 if len(frequencies) == 3 else frequencies[3]


def conv_sizes(where: str, x: Shape, query: Shape, key: Shape) -> tuple[Sizes, int]:
    """Sizes (R not known yet, 0) and the number of axes, from two filters (heads, dim, taps, …), as many as axes."""
    axes = len(query) - 2
    if axes not in (1, 2, 3) or 0 in query or len(set(query[2:])) != 1:
        raise ValueError(f"{where}: a filter must be (heads, dim, taps) or (…, taps, taps[, taps]), got shape {query}")
    if key != query:
        raise ValueError(f"{where}: both filters must have one shape, got {query} and {key}")
    check_heads(where, x, query[0])
    if query[1] != x[3]:
        raise ValueError(f"{where}: filters must have dim = {x[3]} in axis 1, got shape {query}")
    return Sizes(query[0], query[2], 0), axes


def check_noise(where: str, name: str, shape: Shape, wanted: Shape) -> int:
    """R of a noise of the wanted shape, whose last axis is free but not empty."""
    if len(shape) != len(wanted) + 1 or shape[:-1] != wanted:
        raise ValueError(f"{where}: {name} must have shape {(*wanted, 'R')}, got {shape}".replace("'", ""))
    if shape[-1] < 1:
        raise ValueError(f"{where}: realizations must be at least 1, got 0")
    return shape[-1]


def check_gate(where: str, gate: Shape, wanted: Shape) -> None:
    """ValueError unless the gate has one number for each head and coordinate."""
    if gate != wanted:
        raise ValueError(f"{where}: gate must have shape {wanted}, got {gate}")
