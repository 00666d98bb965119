"""The biases whose numbers are learned, as modules: `module(query_positions, key_positions)` → (heads, n_q, n_k)."""

import torch
from torch import Tensor, nn

from .biases import fire, kerple, t5
from .mask_tails import looked_at

LEAST = 0.01  # KERPLE's released code keeps r1 and r2 above it at every call


class T5Bias(nn.Module):
    """T5's table (num_buckets, heads), started at N(0, 1) from `seed` as an embedding."""

    def __init__(
        self, heads: int, *, causal: bool, num_buckets: int = 32, max_distance: int = 128, seed: int = 0
    ) -> None:
        super().__init__()
        self.causal, self.max_distance, self.seed = causal, max_distance, seed
        self.weight = nn.Parameter(torch.empty(num_buckets, heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The start values, on whatever device the table is."""
        with torch.no_grad():
            self.weight.copy_(torch.randn(self.weight.shape, generator=torch.Generator().manual_seed(self.seed)))

    def forward(self, query_positions: Tensor, key_positions: Tensor) -> Tensor:
        """In the dtype of the table."""
        return t5(query_positions, key_positions, self.weight, causal=self.causal, max_distance=self.max_distance)


class Kerple(nn.Module):
    """KERPLE with learned r1, r2 (heads,), started uniformly in (0, 2) and (0, 1) (power: (0, 2)) from `seed`.

    They are clamped to at least 0.01 at every call, r2 of "power" to at most 2, as released.
    """

    def __init__(self, heads: int, *, kind: str = "log", causal: bool = True, seed: int = 0) -> None:
        super().__init__()
        if kind not in ("log", "power"):
            raise ValueError(f"kerple: kind must be log or power, got {kind}")
        self.kind, self.causal, self.seed = kind, causal, seed
        self.r1, self.r2 = nn.Parameter(torch.empty(heads)), nn.Parameter(torch.empty(heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The start values, on whatever device the parameters are."""
        draw = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            self.r1.copy_(2 * torch.rand(self.r1.shape, generator=draw))
            self.r2.copy_((2 if self.kind == "power" else 1) * torch.rand(self.r2.shape, generator=draw))

    def forward(self, query_positions: Tensor, key_positions: Tensor) -> Tensor:
        """In the dtype of r1."""
        r1, r2 = self.r1.clamp(min=LEAST), self.r2.clamp(min=LEAST, max=2.0 if self.kind == "power" else None)
        return kerple(query_positions, key_positions, r1, r2, kind=self.kind, causal=self.causal, dtype=self.r1.dtype)


class Fire(nn.Module):
    """FIRE with learned c (start 0.1), L = |multiplier · start| (multiplier starts at 1) and MLP 1 → width → heads.

    The MLP starts as PyTorch's Linear does, from `seed`. slope 0.01 is the one inside DAPE.
    """

    def __init__(
        self,
        heads: int,
        *,
        width: int = 32,
        c: float = 0.1,
        threshold: float = 512.0,
        slope: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not c > 0:
            raise ValueError(f"fire: c must be more than 0, got {c}")
        self.start_c, self.threshold, self.slope, self.seed = c, threshold, slope, seed
        self.c, self.multiplier = nn.Parameter(torch.empty(())), nn.Parameter(torch.empty(()))
        self.w1, self.b1 = nn.Parameter(torch.empty(width, 1)), nn.Parameter(torch.empty(width))
        self.w2, self.b2 = nn.Parameter(torch.empty(heads, width)), nn.Parameter(torch.empty(heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The start values, on whatever device the parameters are."""
        draw = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            self.c.fill_(self.start_c)
            self.multiplier.fill_(1.0)
            start_linear(self.w1, self.b1, draw)
            start_linear(self.w2, self.b2, draw)

    def forward(self, query_positions: Tensor, key_positions: Tensor) -> Tensor:
        """In the dtype of c; query positions count from 0."""
        if looked_at(self.c) and float(self.c.detach()) == 0:
            raise ValueError("fire: c must not be 0, got 0.0")
        return fire(
            query_positions,
            key_positions,
            w1=self.w1,
            b1=self.b1,
            w2=self.w2,
            b2=self.b2,
            c=self.c,
            threshold=self.multiplier * self.threshold,
            slope=self.slope,
            dtype=self.c.dtype,
        )


def start_linear(weight: Tensor, bias: Tensor, draw: torch.Generator) -> None:
    """Uniform in ±1/√(inputs) for both, the default of `nn.Linear` and `nn.Conv2d`."""
    bound = weight[0].numel() ** -0.5
    weight.copy_((2 * torch.rand(weight.shape, generator=draw) - 1) * bound)
    bias.copy_((2 * torch.rand(bias.shape, generator=draw) - 1) * bound)
