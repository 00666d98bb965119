"""Philox4x32-10: random words as a pure function of a key and a counter, so that noise has addresses and no state.

Written with the operators of integer arrays alone: one source for NumPy, CuPy and PyTorch, with equal bits. Salmon et
al., Parallel random numbers: as easy as 1, 2, 3, SC 2011.
"""

from typing import Any, NamedTuple

Array = Any

_MULTIPLIERS = (0xD2511F53 - 2**32, 0xCD9E8D57 - 2**32)  # negative: products of 32-bit words then fit in int64
_STEPS = (0x9E3779B9, 0xBB67AE85)
_WORD = 0xFFFFFFFF
_ROUNDS = 10
KINDS = ("sine", "conv", "gate", "favor", "favor-norm", "flt", "flt-dof", "flt-local")


class Seeded(NamedTuple):
    """Noise that is drawn where it is needed: realizations R per code, addressed by seed and position."""

    seed: int  # 0 … 2^32 − 1
    realizations: int  # R


def stream(kind: str, head: int = 0) -> int:
    """The number of an independent stream: one for each kind of noise and head."""
    return KINDS.index(kind) + 16 * head


def check_seed(where: str, seed: int) -> int:
    """The seed, or a ValueError unless it is an integer of 32 bits."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _WORD:
        raise ValueError(f"{where}: seed must be an integer in 0 … 2^32 - 1, got {seed!r}")
    return seed


def check_count(where: str, name: str, count: int) -> int:
    """The count, or a ValueError unless it is a positive integer."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"{where}: {name} must be at least 1, got {count!r}")
    return count


def words(counter: tuple[Array, Array, Array, Array], key: tuple[int, int]) -> tuple[Array, Array, Array, Array]:
    """Four random 32-bit words, in int64 arrays, of a counter of four words (int64 arrays that broadcast) and a key."""
    a, b, c, d = counter
    first, second = key
    for _ in range(_ROUNDS):
        # nothing wraps: a compiler may take a signed product that does for one that cannot, and drop a mask
        left, right = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, c = ((right >> 32) + c) ^ b ^ first, ((left >> 32) + a) ^ d ^ second
        b, d = right & _WORD, left & _WORD
        first, second = (first + _STEPS[0]) & _WORD, (second + _STEPS[1]) & _WORD
    return a, b, c, d


def pairs(rows: list[Array], blocks: Array, key: tuple[int, int]) -> tuple[Array, Array]:
    """Two arrays (n, blocks) of 53-bit integers from one to three coordinates (n,) and block numbers (blocks,)."""
    address = [row[:, None] & _WORD for row in rows]
    address += [address[0] * 0] * (3 - len(address))
    a, b, c, d = words((blocks[None, :] & _WORD, address[0], address[1], address[2]), key)
    return (a << 21) | (b >> 11), (c << 21) | (d >> 11)
