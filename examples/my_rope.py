"""An implementation of one's own, as a subject. Try: lagwise run examples/my_rope.py"""

import torch
from lagwise.conformance import Subject


class MyRotary:
    """The usual rotary module: float32 angles, tables and products in the dtype of q, pairs (p, p + dim/2)."""

    def __init__(self, dim: int, base: float) -> None:
        self.frequencies = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)

    def __call__(self, q: torch.Tensor, k: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        angles = positions.float()[:, None] * self.frequencies.float()
        cos = torch.cat((angles, angles), dim=-1).cos().to(q.dtype)
        sin = torch.cat((angles, angles), dim=-1).sin().to(q.dtype)
        return q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin


def rotate_half(x: torch.Tensor) -> torch.Tensor:
    """(-second half, first half)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


subject = Subject(
    name="my-rope",
    encoding="rope",
    library="torch",
    build=lambda parameters, dtype, device: MyRotary(parameters["dim"], parameters["base"]),
    encode=lambda state, q, k, positions: state(q, k, positions),
    parameters={"dim": 64, "base": 10000.0},
    layout="halves",
    dtypes=("float32", "bfloat16"),
    max_position=131072,
    angles="float32",
    tables="input",
    arithmetic="input",
    supports={"offset", "arbitrary-positions", "grouped-heads"},
)
