"""A learnable Gaussian-mixture FLT mask as a module: weights, means and log σ learned, frequencies from a seed."""

import torch
from torch import Tensor, nn

from ..fourier_densities import GaussianMixture, Normal
from ..philox import check_count
from .flt import flt_features, flt_frequencies, flt_ratios
from .noise import by_head


class FLT(nn.Module):
    """g = Σ_t w_t exp(−|ξ − μ_t|² / 2σ_t²), estimated by r frequencies: `module(points, side)` → (heads, n, 2 r).

    Parameters weights (heads, terms), means (heads, terms, axes), log_sigmas (heads, terms); (2 + axes) terms a head.
    They start at w = 1/terms, μ drawn N(0, 1/4) from the seed, σ = 1/2: where the gradient of every one is not zero.
    Frequencies are drawn from N(0, scale² I) at each call, always the same, so that no cast or move can spoil them. A
    σ that grows to √2 scale or beyond raises ValueError: the variance would be infinite.
    """

    def __init__(self, heads: int, r: int, axes: int = 1, terms: int = 8, *, seed: int = 0, scale: float = 1.0) -> None:
        super().__init__()
        self.heads, self.r, self.axes, self.seed = heads, check_count("flt", "r", r), axes, seed
        self.proposal = Normal(scale)
        self.weights = nn.Parameter(torch.empty(heads, terms))
        self.means = nn.Parameter(torch.empty(heads, terms, axes))
        self.log_sigmas = nn.Parameter(torch.empty(heads, terms))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the parameters to their start values, on whatever device they are."""
        with torch.no_grad():
            heads, terms, axes = self.means.shape
            drawn = by_head("flt", self.means, "flt-dof", (heads, terms, 1, axes), self.seed)[:, :, 0]
            self.weights.fill_(1 / terms)
            self.means.copy_(drawn / 2)
            self.log_sigmas.fill_(-0.6931471805599453)

    @property
    def spectrum(self) -> GaussianMixture:
        """The mixture as the functions take it, in float64, with its gradient."""
        wide = (tensor.to(torch.float64) for tensor in (self.weights, self.means, self.log_sigmas))
        weights, means, log_sigmas = wide
        return GaussianMixture(weights, means, torch.exp(log_sigmas))

    def ratios(self) -> tuple[Tensor, Tensor]:
        """(frequencies (heads, r, axes), ρ (heads, r)): what `flt_exp` and `flt_mask` take."""
        spectrum = self.spectrum
        found = flt_frequencies(
            self.weights, spectrum, self.heads, self.r, self.axes, seed=self.seed, proposal=self.proposal
        )
        return found, flt_ratios(spectrum, found, proposal=self.proposal)

    def forward(self, points: Tensor, side: str, split: str = "symmetric") -> Tensor:
        """Features of points (n,), (n, axes) or (batch, n, axes), as `flt_features`."""
        return flt_features(points, *self.ratios(), side, split=split)

    def extra_repr(self) -> str:
        """The numbers."""
        return f"heads={self.heads}, r={self.r}, axes={self.axes}, terms={self.weights.shape[1]}"
