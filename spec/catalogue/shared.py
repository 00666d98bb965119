"""Symbols and blocks that several catalogue files use."""

from typing import Any

import sympy as sp

theta = sp.Symbol("theta", positive=True)
base = sp.Symbol("base", positive=True)


def rotation(angle: Any) -> sp.ImmutableMatrix:
    """R(a) = [[cos a, -sin a], [sin a, cos a]], acting on the coordinates (2p, 2p + 1)."""
    return sp.ImmutableMatrix([[sp.cos(angle), -sp.sin(angle)], [sp.sin(angle), sp.cos(angle)]])
