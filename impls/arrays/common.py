"""What every array function here needs: namespace, working dtype, and positions checked against x."""

from typing import Any

import array_api_compat

Array = Any


def namespace(where: str, x: Array, *others: Array) -> Any:
    """The array namespace of x and the others; x must be real floating."""
    xp = array_api_compat.array_namespace(x, *(other for other in others if other is not None))
    if not xp.isdtype(x.dtype, "real floating"):
        raise TypeError(f"{where}: x must be real floating, got {x.dtype}")
    return xp


def working(xp: Any, dtype: Any, accurate: bool = False) -> Any:
    """The dtype of the arithmetic: float64 for float64 and when accurate, else float32; never a narrow one."""
    return xp.float64 if accurate or xp.finfo(dtype).bits == 64 else xp.float32


def constant(xp: Any, values: Any, dtype: Any, like: Array) -> Array:
    """A new array from Python numbers, on the device of `like`."""
    return xp.asarray(values, dtype=dtype, device=array_api_compat.device(like))


def checked_positions(where: str, xp: Any, x: Array, positions: Array, axes: int) -> Array:
    """Positions with trailing axis `axes` (also when it is 1), or one line that says which shapes fit."""
    if not xp.isdtype(positions.dtype, ("integral", "real floating")):
        raise TypeError(f"{where}: positions must be integers or real numbers, got {positions.dtype}")
    if x.ndim < 2:
        raise ValueError(f"{where}: x must be (..., length, dim), got shape {tuple(x.shape)}")
    length, batch = x.shape[-2], x.shape[0]
    tail = () if axes == 1 else (axes,)
    fits = [(length, *tail)] + ([(batch, length, *tail), (1, length, *tail)] if x.ndim > 2 else [])
    shape = tuple(positions.shape)
    if shape not in fits:
        wanted = " or ".join(str(fit) for fit in fits[:2])
        raise ValueError(f"{where}: positions must have shape {wanted}, got {shape}")
    return positions[..., None] if axes == 1 else positions


def beside_heads(xp: Any, x: Array, values: Array) -> Array:
    """(batch, n, m) → (batch, 1, …, 1, n, m) so that it broadcasts over the heads of x; (n, m) stays."""
    if values.ndim < 3 or x.ndim <= values.ndim:
        return values
    return xp.reshape(values, (values.shape[0], *(1,) * (x.ndim - values.ndim), *values.shape[1:]))
