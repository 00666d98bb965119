"""FastRPB as a module: w learned, one parameter for each lag (or distance) and head, started as its authors do."""

import torch
from torch import Tensor, nn

from .fastrpb import fastrpb, fastrpb_extended


class FastRPB(nn.Module):
    """`module(v)` → W v, for every length up to `length`; add it to an attention's output.

    w (heads, 2 length − 1), or symmetric (heads, length). Start: 1e-5 |lag| u_h + 1e-6 n_h with u uniform in (0, 1) and
    n normal, one of each per head, from `seed`; `reset_parameters` restores it after `to_empty`. grid and channels as
    in `fastrpb`, for grids of at most `length` a side.
    """

    def __init__(
        self,
        heads: int,
        length: int,
        *,
        symmetric: bool = False,
        causal: bool = False,
        channels: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if heads < 1 or length < 1:
            raise ValueError(f"fastrpb: heads and length must be at least 1, got {heads} and {length}")
        self.heads, self.length, self.symmetric, self.causal = heads, length, symmetric, causal
        self.channels, self.seed = channels, seed
        self.w = nn.Parameter(torch.empty(heads, length if symmetric else 2 * length - 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The start values, on whatever device w is."""
        draw = torch.Generator().manual_seed(self.seed)
        slope = torch.rand(self.heads, 1, generator=draw)
        level = torch.randn(self.heads, 1, generator=draw)
        lags = torch.arange(0 if self.symmetric else 1 - self.length, self.length)
        with torch.no_grad():
            self.w.copy_(1e-5 * lags.abs() * slope + 1e-6 * level)

    def lengthened(self, length: int) -> "FastRPB":
        """A module for `length` positions with the same parameter at every lag both have, zero at new lags."""
        module = FastRPB(self.heads, length, symmetric=self.symmetric, causal=self.causal, channels=self.channels)
        module.w = nn.Parameter(fastrpb_extended(self.w.detach(), length, symmetric=self.symmetric).clone())
        return module

    def forward(
        self,
        v: Tensor,
        n_q: int | None = None,
        *,
        query_start: int | None = None,
        grid: tuple[int, int] | None = None,
    ) -> Tensor:
        """v (batch, kv_heads, n_k, d_v) → (batch, heads, n_q, d_v)."""
        return fastrpb(
            v,
            self.w,
            n_q,
            symmetric=self.symmetric,
            causal=self.causal,
            query_start=query_start,
            grid=grid,
            channels=self.channels,
        )

    def extra_repr(self) -> str:
        """The numbers, as printed in a paper."""
        return f"heads={self.heads}, length={self.length}, symmetric={self.symmetric}, causal={self.causal}"
