"""The bridge from a scalar expression to its stored tree: both are enclosed at random points and must meet."""

from fractions import Fraction
from random import Random

import sympy as sp

from ..encoding import Encoding
from ..recheck import Definition, RejectedError, tree_value
from .bridge import BridgeError, _ball, _draw
from .definition import Stored
from .tree_witness import free_functions, value_at
from .trees import TreeBuilder, with_functions


def check(record: Encoding, e: sp.Expr, stored: Stored, builder: TreeBuilder) -> int:
    """Compares the stored tree with the expression by Arb at random points; returns how many could be compared."""
    from flint import arb, ctx

    d, random, count = Definition(stored), Random(record.name), 0
    assert d.tree is not None
    if builder.translator.atoms:  # functions of symbols as symbols of their own have no rational value
        return 0
    for free in free_functions(e):
        concrete = with_functions(e, free)
        for _ in range(4):
            point = {s: _draw(s, record, random) for s in sorted(builder.symbols, key=str)}
            spot = {x: Fraction(random.randint(0, 9)) for x in builder.rename}
            named = {builder.translator.names[s]: v for s, v in point.items()}
            named |= {builder.rename[x]: v for x, v in spot.items()}
            theirs = value_at(concrete, {s: v for s, v in (point | spot).items() if s in concrete.free_symbols})
            try:
                lo, hi = tree_value(d, d.tree, named, free)
            except (RejectedError, ValueError, KeyError):
                continue
            if theirs is None or not isinstance(theirs, arb):
                continue
            with ctx.workprec(128):
                ours = _ball(lo, hi)
                apart = abs(ours - theirs) > arb("1e-25") * (1 + abs(theirs))
            if apart:
                raise BridgeError(f"{record.name}: the stored tree gives {ours}, the record gives {theirs}")
            count += 1
    return count
