"""What the lag encodings of every backend share, in integers and Python floats: FFT lengths, slopes, thresholds."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

WORK = 64 * 2**20  # bytes of one chunk of an FFT product, its temporaries included


def fast_length(least: int) -> int:
    """The smallest 2^a 3^b 5^c that is at least `least`: FFT libraries have kernels for these factors."""
    best = 1 << max(least - 1, 0).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            quotient = -(-least // three)
            best = min(best, three << max(quotient - 1, 0).bit_length())
            three *= 3
        five *= 5
    return best


def lines_at_once(lengths: Sequence[int], itemsize: int, batch: int) -> int:
    """How many columns per batch entry go through the FFT together: input, spectrum, product and output fit in WORK."""
    return max(1, WORK // (4 * itemsize * max(1, batch) * prod(lengths)))


def window(where: str, held: int, rows: int, keys: int, start: int, causal: bool) -> tuple[int, int, int]:
    """(first, stop, future): parameters of the lags −(rows − 1) − start … keys − 1 − start among `held` = 2M − 1.

    Parameter M − 1 + τ is that of lag τ at every M. With causal the `future` lags above 0 are not read: they are zero.
    ValueError when a lag that is read is not held.
    """
    if held % 2 == 0:
        raise ValueError(f"{where}: w must hold the lags -(M - 1) … M - 1, an odd number, got {held}")
    reach, first, last = held // 2, -(rows - 1) - start, keys - 1 - start
    read = max(min(last, 0), first - 1) if causal else last
    if rows and keys and read >= first and (first < -reach or read > reach):
        raise ValueError(f"{where}: w must hold the lags {first} … {read}, got {-reach} … {reach}")
    return first + reach, read + reach + 1, last - read


def starting_row(where: str, rows: int, keys: int, start: int | None, causal: bool) -> int:
    """Where the first query stands on the keys' axis: given, else 0, or the last rows when causal."""
    if start is not None or not causal:
        return start or 0
    if keys < rows:
        raise ValueError(f"{where}: causal needs at least as many keys as queries, got {keys} and {rows}")
    return keys - rows


def alibi_slopes(heads: int) -> tuple[float, ...]:
    """Slopes 2^(−8h/H), h = 1 … H, for a power of two; else those of the power P below, then every second one of 2P.

    Press, Smith and Lewis, arXiv 2108.12409, and its released code. Raises ValueError for heads < 1.
    """
    if heads < 1:
        raise ValueError(f"alibi: heads must be at least 1, got {heads}")
    below = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8 * h / below) for h in range(1, below + 1)]
    between = [2.0 ** (-8 * h / (2 * below)) for h in range(1, 2 * below + 1, 2)]
    return tuple(slopes + between[: heads - below])


def t5_side(causal: bool, num_buckets: int, max_distance: int) -> int:
    """The number of buckets of one side; ValueError for numbers that do not make a T5 table."""
    side = num_buckets if causal else num_buckets // 2
    if side < 2 or (not causal and num_buckets % 2):
        least = 2 if causal else 4
        kind = "at least" if causal else "even and at least"
        raise ValueError(f"t5: num_buckets must be {kind} {least}, got {num_buckets}")
    if max_distance <= side // 2:
        raise ValueError(f"t5: max_distance must be more than {side // 2}, got {max_distance}")
    return side


@lru_cache(maxsize=64)
def t5_starts(causal: bool, num_buckets: int = 32, max_distance: int = 128) -> tuple[int, ...]:
    """The first distance of each bucket of one side: bucket b holds n with starts[b] ≤ n < starts[b + 1].

    b < E is the distance itself; else b ≤ E + ln(n/E)/ln(D/E)·(B − E), that is n^(B−E) ≥ D^(b−E) E^(B−b), decided in
    integers. Raffel et al., arXiv 1910.10683.
    """
    side = t5_side(causal, num_buckets, max_distance)
    exact = side // 2
    starts = list(range(exact + 1))
    for bucket in range(exact + 1, side):
        bound = max_distance ** (bucket - exact) * exact ** (side - bucket)
        starts.append(_least_root(bound, side - exact, max_distance))
    return tuple(starts)


@lru_cache(maxsize=64)
def t5_table(causal: bool, num_buckets: int = 32, max_distance: int = 128) -> tuple[int, ...]:
    """Bucket of the distances 0 … D, one side; every larger distance has the last one."""
    starts = t5_starts(causal, num_buckets, max_distance)
    table, bucket = [], 0
    for distance in range(max_distance + 1):
        while bucket + 1 < len(starts) and starts[bucket + 1] <= distance:
            bucket += 1
        table.append(bucket)
    return tuple(table)


def _least_root(bound: int, power: int, above: int) -> int:
    low, high = 0, above
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**power < bound else (low, middle)
    return low


def sandwich_scales(heads: int) -> tuple[float, ...]:
    """H/(8h), h = 1 … H: the compression ratios of the released code."""
    if heads < 1:
        raise ValueError(f"sandwich: heads must be at least 1, got {heads}")
    return tuple(heads / (8 * h) for h in range(1, heads + 1))


def sandwich_frequencies(dim: int, base: float) -> tuple[float, ...]:
    """base^(−2p/dim), p = 1 … dim/2: the sum starts at 1, not 0."""
    if dim < 2 or dim % 2:
        raise ValueError(f"sandwich: dim must be even and at least 2, got {dim}")
    if not base > 0:
        raise ValueError(f"sandwich: base must be more than 0, got {base}")
    return tuple(base ** (-2 * p / dim) for p in range(1, dim // 2 + 1))


def named_positive(where: str, name: str, values: Sequence[float], zero: bool = False) -> None:
    """ValueError for the first value that is not positive (or not at least 0)."""
    for value in values:
        if not (value >= 0 if zero else value > 0):
            raise ValueError(f"{where}: {name} must be {'at least' if zero else 'more than'} 0, got {value}")
