"""The gate of SPE, P ← δ + (1 − δ) P, and its noise: δ = 1 is content only, δ = 0 leaves P.

Coordinate d of a code becomes √(1 − δ_d) Q̄_d + √δ_d ε_d, with one ε for queries and keys and for all positions.
Liutkus et al., ICML 2021, arXiv 2105.08399.
"""

from typing import Any

from ..philox import Seeded
from ..spe_shapes import check_gate, check_noise
from .common import Array
from .noise import by_head


def gate_noise(like: Array, heads: int, dim: int, realizations: int, *, seed: int) -> Array:
    """ε, (heads, dim, R) standard normals in the dtype and on the device of `like`; another stream than the codes'."""
    return by_head("gate_noise", like, "gate", (heads, dim, 1, realizations), seed)[:, :, 0, :]


def shares(where: str, xp: Any, gate: Array, wanted: tuple[int, int], dtype: Any) -> tuple[Array, Array]:
    """√(1 − δ) and √δ, each (heads, 1, 1, dim), of a gate (heads, dim) in [0, 1]."""
    check_gate(where, tuple(gate.shape), wanted)
    if not bool(xp.all((gate >= 0) & (gate <= 1))):
        raise ValueError(f"{where}: gate must lie in [0, 1], got {float(xp.min(gate)):g} to {float(xp.max(gate)):g}")
    gate = xp.astype(gate, dtype, copy=False)[:, None, None, :]
    return xp.sqrt(1 - gate), xp.sqrt(gate)


def epsilon(where: str, like: Array, noise: Any, codes: Any, sizes: tuple[int, int, int]) -> Array:
    """ε of these sizes (heads, dim, R), as given or from the seed that also draws the codes."""
    source = codes if noise is None and isinstance(codes, Seeded) else noise
    if source is None:
        raise ValueError(f"{where}: a gate needs gate_noise when noise is an array")
    if isinstance(source, Seeded):
        return gate_noise(like, *sizes, seed=source.seed)
    if check_noise(where, "gate_noise", tuple(source.shape), sizes[:2]) != sizes[2]:
        raise ValueError(f"{where}: gate_noise must have R = {sizes[2]}, got {source.shape[-1]}")
    return source
