"""Phases ⟨f, position⟩ of frequencies in cycles per position, reduced modulo one turn without losing the position."""

from math import pi

import torch
from torch import Tensor

from .turns import _product_error


def cosines(frequencies: Tensor, positions: Tensor, offset: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(cos, sin) of 2π ⟨f, p⟩ + offset in float64; frequencies and positions broadcast, both with trailing (axes,).

    Each product is kept as high + low (Dekker, exact), so that whole turns drop out exactly: the error stays near
    1e-15 rad at every position below 2^53, for frequencies exactly as stored. The gradient is that of the plain phase.
    """
    left, right = frequencies.to(torch.float64), positions.to(torch.float64)
    high = left * right
    with torch.no_grad():
        low = _product_error(left, right, high)
    turns = ((high - high.detach().round()) + low).sum(-1)
    phase = (2 * pi) * (turns - turns.detach().round())
    phase = phase if offset is None else phase + offset.to(torch.float64)
    return torch.cos(phase), torch.sin(phase)
