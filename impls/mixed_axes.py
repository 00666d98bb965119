"""Which axis turns which pair of M-RoPE: what both backends share."""

from functools import lru_cache

SECTIONS = 3  # time, height, width


@lru_cache(maxsize=64)
def section_axes(pairs: int, sections: tuple[int, ...], order: str) -> tuple[int, ...]:
    """The axis (0 time, 1 height, 2 width) of each pair. Raises ValueError when the sections are not the pairs."""
    if len(sections) != SECTIONS or sum(sections) != pairs or min(sections) < 0:
        raise ValueError(f"m_rope: sections must be {SECTIONS} numbers of pairs with sum {pairs}, got {sections}")
    if order == "sections":
        return (0,) * sections[0] + (1,) * sections[1] + (2,) * sections[2]
    if order != "interleaved":
        raise ValueError(f"m_rope: order must be sections or interleaved, got {order}")
    return tuple(p % 3 if p % 3 and p < 3 * sections[p % 3] else 0 for p in range(pairs))
