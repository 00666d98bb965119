"""DAPE as a module: prior and MLP (or convolutions) learned, one for a layer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .adaptive import TILE, dape_attention
from .bias_modules import Fire, Kerple, start_linear
from .biases import alibi
from .dape import EDGES, FORMS, SLOPE, dape, dape_v2

PRIORS = ("alibi", "kerple", "fire", "none")


class DAPE(nn.Module):
    """`module(scores, query_positions, key_positions)` → adapted scores; `module.attend(q, k, v)` → tiled attention.

    prior: "alibi" (fixed slopes), "kerple" (log) or "fire" (LeakyReLU, `threshold`), learned, or "none". kernel None is
    version 1 with `form`, an odd number version 2 with `edge`. The layers start as PyTorch's do, from `seed`;
    `reset_parameters` restores them, and the prior's numbers, after `to_empty`.
    """

    def __init__(
        self,
        heads: int,
        *,
        width: int = 32,
        prior: str = "kerple",
        form: str = "residual",
        kernel: int | None = None,
        edge: str = "released",
        threshold: float = 512.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, known in (("prior", prior, PRIORS), ("form", form, FORMS), ("edge", edge, EDGES)):
            if value not in known:
                raise ValueError(f"dape: {name} must be {' or '.join(known)}, got {value}")
        if kernel is not None and (kernel < 1 or kernel % 2 == 0):
            raise ValueError(f"dape: kernel must be odd, got {kernel}")
        self.heads, self.width, self.form, self.kernel, self.edge, self.seed = heads, width, form, kernel, edge, seed
        self.kind = prior
        self.learned: Kerple | Fire | None = None
        if prior == "kerple":
            self.learned = Kerple(heads, seed=seed)
        elif prior == "fire":
            self.learned = Fire(heads, threshold=threshold, slope=SLOPE, seed=seed)
        taps = () if kernel is None else (kernel,)
        self.w1 = nn.Parameter(torch.empty(width, heads if prior == "none" else 2 * heads, *taps))
        self.w2 = nn.Parameter(torch.empty(heads, width, *taps))
        self.b1, self.b2 = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The start values, on whatever device the parameters are."""
        draw = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            start_linear(self.w1, self.b1, draw)
            start_linear(self.w2, self.b2, draw)
        if self.learned is not None:
            self.learned.reset_parameters()

    @property
    def weights(self) -> dict[str, Any]:
        """w1, b1, w2, b2, as `dape` and `dape_v2` take them."""
        return {"w1": self.w1, "b1": self.b1, "w2": self.w2, "b2": self.b2}

    @property
    def prior(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """(query_positions, key_positions) → (heads, n_q, n_k), causal; None for none."""
        if self.kind == "none":
            return None
        return partial(alibi, heads=self.heads, dtype=self.w1.dtype) if self.learned is None else self.learned

    def forward(self, scores: Tensor, query_positions: Tensor, key_positions: Tensor) -> Tensor:
        """Scaled scores (batch, heads, n_q, n_k) → the same, adapted; keys after the query are still to be hidden."""
        function = self.prior
        prior = None if function is None else function(query_positions, key_positions)
        if self.kernel is None:
            return dape(scores, prior, **self.weights, form=self.form)
        visible = query_positions[:, None] >= key_positions
        return dape_v2(scores, prior, **self.weights, visible=visible, edge=self.edge)

    def attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        query_positions: Tensor | None = None,
        key_positions: Tensor | None = None,
        *,
        scale: float | None = None,
        tile: tuple[int, int] | None = TILE,
    ) -> Tensor:
        """Causal `dape_attention` with these numbers."""
        return dape_attention(
            q,
            k,
            v,
            self.prior,
            **self.weights,
            form=self.form,
            edge=self.edge,
            scale=scale,
            query_positions=query_positions,
            key_positions=key_positions,
            tile=tile,
        )

    def extra_repr(self) -> str:
        """The numbers, as printed in a paper."""
        return f"heads={self.heads}, width={self.width}, prior={self.kind}, form={self.form}, kernel={self.kernel}"
