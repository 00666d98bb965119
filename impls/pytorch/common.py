"""What every function here needs: working dtype, positions checked against x, tables set beside the heads."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..schedules import Schedule


def compiled_once(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of numbers; torch.compile takes its tuple as a constant instead of tracing `decimal`."""
    constant: Any = torch.compiler.assume_constant_result  # untyped in PyTorch
    numbers = constant(lambda *arguments: tuple(make(*arguments)))
    return lambda *arguments: numbers(*arguments)


def schedule_once(make: Callable[..., Schedule]) -> Callable[..., Schedule]:
    """`compiled_once` for a function that returns a Schedule."""
    numbers = compiled_once(make)
    return lambda *arguments: Schedule(*numbers(*arguments))


def floating(where: str, x: Tensor) -> None:
    """TypeError unless x is real floating."""
    if not x.dtype.is_floating_point:
        raise TypeError(f"{where}: x must be real floating, got {str(x.dtype).removeprefix('torch.')}")


def working(dtype: torch.dtype, accurate: bool = False) -> torch.dtype:
    """The dtype of the arithmetic: float64 for float64 and when accurate, else float32; never a narrow one."""
    return torch.float64 if accurate or dtype == torch.float64 else torch.float32


def checked_positions(where: str, x: Tensor, positions: Tensor, axes: int) -> Tensor:
    """Positions with trailing axis `axes` (also when it is 1), or one line that says which shapes fit."""
    if positions.dtype.is_complex or positions.dtype == torch.bool:
        name = str(positions.dtype).removeprefix("torch.")
        raise TypeError(f"{where}: positions must be integers or real numbers, got {name}")
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


def beside_heads(x: Tensor, values: Tensor) -> Tensor:
    """(batch, n, m) → (batch, 1, …, 1, n, m) so that it broadcasts over the heads of x; (n, m) stays."""
    if values.ndim < 3 or x.ndim <= values.ndim:
        return values
    return values.reshape(values.shape[0], *(1,) * (x.ndim - values.ndim), *values.shape[1:])
