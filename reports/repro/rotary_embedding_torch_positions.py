"""rotary-embedding-torch 0.9.1: rotate_queries_or_keys counts positions in the dtype of its input."""

import torch
from rotary_embedding_torch import RotaryEmbedding

x = torch.ones(1, 1, 4096, 64)
exact = RotaryEmbedding(64).rotate_queries_or_keys(x)
for dtype in (torch.bfloat16, torch.float16):
    error = (RotaryEmbedding(64).rotate_queries_or_keys(x.to(dtype)).float() - exact).abs().amax(dim=(0, 1, 3))
    print(dtype, {position: round(error[position].item(), 4) for position in (255, 256, 257, 2047, 2048, 2049, 4095)})
far = RotaryEmbedding(64).rotate_queries_or_keys(x[:, :, :8].half(), offset=65528)
print("float16 at offset 65528, finite:", bool(torch.isfinite(far).all()))
shared = RotaryEmbedding(64)
shared.rotate_queries_or_keys(x.bfloat16())  # fills the cache with angles of bfloat16 positions
print("float32 after bfloat16 in one instance, off by", (shared.rotate_queries_or_keys(x) - exact).abs().max().item())
