"""How far a kernel may be off when it is computed as it is written: a first-order error analysis of the expression.

Each operation is rounded once, u relative to its result, and hands on the errors of its arguments: sums add them, a
product a·b has |a|e_b + |b|e_a, ln x has e/|x|, elementary functions are within 2u. A table's values are only moved; an
MLP has (inputs + 2)u of Σ|w||x| for each layer. Conditions and floors are exact: a wrong bucket is no rounding error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from ..spec.encoding import key_position, lag, prior, query_position, score
from ..spec.kernel_functions import is_lag
from .libraries import Array

if TYPE_CHECKING:
    from ..spec.kernel_oracle import KernelOracle

RULES = "each operation rounded once, elementary functions within 2u, sums and MLPs by Σ|w||x|"


@dataclass(frozen=True)
class Rounded:
    """Values in float64 and how far a computation in the working precision may be from them; (heads, n_q, n_k)."""

    value: Array
    error: Array


class Propagation:
    """The error analysis of one record at one set of numbers; `work` is the unit roundoff of the arithmetic."""

    def __init__(self, oracle: "KernelOracle", work: float) -> None:
        self.oracle, self.work = oracle, work

    def kernel(self, s: Sequence[Any], t: Sequence[Any]) -> Rounded:
        """Bias, mask or output at every pair of positions; of an adaptive record its prior."""
        record = self.oracle.encoding
        form = record.parameters[prior] if record.kind == "adaptive" else getattr(record, record.form)
        return self._shaped(self._node(sp.sympify(form), self._places(s, t)), s, t)

    def adapt(self, scores: Rounded, s: Sequence[Any], t: Sequence[Any], priors: Rounded | None) -> Rounded:
        """Adapted scores of scores with their own errors."""
        env = {**self._places(s, t), score: scores}
        if self.oracle.takes_prior:
            env[prior] = self.kernel(s, t) if priors is None else priors
        return self._shaped(self._node(self.oracle.encoding.adapt, env), s, t)

    def _places(self, s: Sequence[Any], t: Sequence[Any]) -> dict[sp.Symbol, Rounded]:
        rows, columns = (np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in (s, t))
        lags = columns[None, :, :] - rows[:, None, :]
        axes = self.oracle.encoding.coordinates if self.oracle.encoding.axes > 1 else (lag,)
        found = {x: self._whole(lags[None, :, :, j]) for j, x in enumerate(axes)}
        if len(axes) == 1:
            found |= {
                query_position: self._whole(rows[None, :, :1]),
                key_position: self._whole(columns[None, None, :, 0]),
            }
        return found

    def _whole(self, values: Array) -> Rounded:
        """Positions and lags: exact while the working precision holds every integer."""
        return Rounded(values, np.where(np.abs(values) * self.work <= 1, 0.0, self.work * np.abs(values)))

    def _shaped(self, found: Rounded, s: Sequence[Any], t: Sequence[Any]) -> Rounded:
        shape = (self.oracle.heads, len(s), len(t))
        return Rounded(np.broadcast_to(found.value, shape), np.broadcast_to(found.error, shape))

    def _made(self, value: Array, error: Array, roundings: float = 1.0) -> Rounded:
        return Rounded(value, error + roundings * self.work * np.abs(value))

    def _node(self, e: Any, env: Mapping[sp.Symbol, Rounded]) -> Rounded:
        if e in env:
            return env[e]
        if e.is_number:
            value = np.array(float(e))
            return Rounded(value, np.array(0.0 if e.is_Integer else self.work * abs(float(e))))
        if isinstance(e, sp.Symbol):
            return self._parameter(e)
        if isinstance(e, AppliedUndef):
            return self._call(e, env)
        if isinstance(e, sp.Piecewise):
            return self._piecewise(e, env)
        arguments = [self._node(a, env) for a in e.args]
        with np.errstate(all="ignore"):
            return self._operation(e, arguments)

    def _operation(self, e: Any, a: list[Rounded]) -> Rounded:
        if e.func is sp.Add:
            size = sum(np.abs(x.value) for x in a)
            return Rounded(sum(x.value for x in a), sum(x.error for x in a) + (len(a) - 1) * self.work * size)  # type: ignore[arg-type]
        if e.func is sp.Mul:
            return self._product(a)
        if e.func is sp.Pow:
            return self._power(*a)
        if e.func in (sp.Max, sp.Min):
            choose = np.maximum if e.func is sp.Max else np.minimum
            value, error = a[0].value, a[0].error
            for x in a[1:]:
                value, error = choose(value, x.value), np.maximum(error, x.error)
            return Rounded(value, error)
        x = a[0]
        if e.func is sp.Abs:
            return Rounded(np.abs(x.value), x.error)
        if e.func in (sp.floor, sp.ceiling, sp.sign):
            return Rounded(
                getattr(np, {"ceiling": "ceil"}.get(e.func.__name__, e.func.__name__))(x.value), 0.0 * x.error
            )
        slopes: dict[Any, Callable[[Array], Any]] = {
            sp.log: lambda v: 1 / np.abs(v), sp.exp: np.exp,
            **dict.fromkeys((sp.cos, sp.sin, sp.tanh), np.ones_like),
        }  # fmt: skip
        if e.func not in slopes:
            raise ValueError(f"no error analysis of {e.func.__name__}")
        value = getattr(np, e.func.__name__)(x.value)
        slope = np.where(x.error == 0, 0.0, slopes[e.func](x.value) * (1.0 + 4 * self.work))
        extra = self.work if e.func in (sp.cos, sp.sin) else 0.0  # the reduction of the angle, absolute
        return self._made(value, slope * x.error + extra, 2.0)

    def _product(self, a: list[Rounded]) -> Rounded:
        value, error = a[0].value, a[0].error
        for x in a[1:]:
            error = np.abs(value) * x.error + np.abs(x.value) * error + error * x.error
            value = value * x.value
        signs = sum(bool(np.all(np.abs(x.value) == 1)) and not np.any(x.error) for x in a)
        return self._made(value, error, max(len(a) - 1 - signs, 0))

    def _power(self, base: Rounded, exponent: Rounded) -> Rounded:
        value = base.value**exponent.value
        slope = np.where(base.error == 0, 0.0, np.abs(exponent.value * base.value ** (exponent.value - 1)) * base.error)
        turn = np.where(
            exponent.error == 0, 0.0, np.abs(value * np.log(np.maximum(base.value, 1e-300))) * exponent.error
        )
        return self._made(value, slope + turn, 2.0)

    def _piecewise(self, e: Any, env: Mapping[sp.Symbol, Rounded]) -> Rounded:
        cases = [(self._node(v, env), self._truth(c, env)) for v, c in e.args]
        holds = np.broadcast_arrays(*(c for _, c in cases))
        values = np.broadcast_arrays(*(v.value for v, _ in cases), holds[0])[:-1]
        errors = np.broadcast_arrays(*(v.error for v, _ in cases), holds[0])[:-1]
        shape = np.broadcast_shapes(values[0].shape, holds[0].shape)
        when = [np.broadcast_to(h, shape) for h in holds]
        pick = [[np.broadcast_to(x, shape) for x in many] for many in (values, errors)]
        return Rounded(np.select(when, pick[0], np.nan), np.select(when, pick[1], 0.0))

    def _truth(self, c: Any, env: Mapping[sp.Symbol, Rounded]) -> Array:
        if c in (sp.true, sp.false):
            return np.array(bool(c))
        if c.func in (sp.And, sp.Or):
            parts = [self._truth(x, env) for x in c.args]
            found = parts[0]
            for x in parts[1:]:
                found = found & x if c.func is sp.And else found | x
            return found
        left, right = (self._node(x, env).value for x in c.args)
        compare = {
            "<": np.less,
            "<=": np.less_equal,
            ">": np.greater,
            ">=": np.greater_equal,
            "==": np.equal,
            "!=": np.not_equal,
        }
        return np.asarray(compare[c.rel_op](left, right))

    def _parameter(self, symbol: sp.Symbol) -> Rounded:
        """As given or stored: rounded once where the working precision does not hold it; else four roundings."""
        value = np.array([float(_ball(self.oracle.value(symbol, h)).mid()) for h in range(self.oracle.heads)])
        value = value if self.oracle.by_head(symbol) else value[:1]
        given = symbol.name in self.oracle.given
        roundings = np.where(_held(value, self.work), 0.0, 1.0) if given else np.full(value.shape, 4.0)
        value, roundings = value[:, None, None], roundings[:, None, None]
        return Rounded(value, roundings * self.work * np.abs(value))

    def _call(self, e: Any, env: Mapping[sp.Symbol, Rounded]) -> Rounded:
        name, arguments = type(e).__name__, [self._node(a, env) for a in e.args]
        if f"{name}.w1" in self.oracle.given:
            return self._perceptron(name, arguments)
        table = np.array(self.oracle.given[name], dtype=object)
        table = np.array([float(_number(x)) for x in table.ravel()]).reshape(table.shape)
        if table.ndim == len(arguments):
            table = table[None]
        places = []
        for axis, (argument, found) in enumerate(zip(e.args, arguments, strict=True), 1):
            middle = table.shape[axis] // 2 if is_lag(argument) else 0
            places.append(np.clip(found.value + middle, 0, table.shape[axis] - 1).astype(np.int64))
        heads = np.arange(table.shape[0])[:, None, None]
        value = table[(heads, *places)]
        return Rounded(value, np.zeros_like(value))

    def _perceptron(self, name: str, arguments: list[Rounded]) -> Rounded:
        given = self.oracle.given
        w1, b1, w2, b2 = (_floats(given[f"{name}.{part}"]) for part in ("w1", "b1", "w2", "b2"))
        w1 = w1.reshape(len(b1), -1)
        rows = [np.broadcast_arrays(a.value, a.error) for a in arguments]
        shape = np.broadcast_shapes(*(v.shape[1:] for v, _ in rows))
        u, e = (np.concatenate([np.broadcast_to(r[i], (len(r[i]), *shape)) for r in rows]) for i in (0, 1))
        hidden, off = self._layer(w1, b1, u, e)
        slope = float(_number(given.get(f"{name}.slope", self._slope(name))))
        value, error = self._layer(
            w2, b2, np.where(hidden > 0, hidden, slope * hidden), max(1.0, abs(slope)) * off * (1 + 2 * self.work)
        )
        return Rounded(value, error)

    def _slope(self, name: str) -> Any:
        return sp.sympify(self.oracle.encoding.parameters.get(sp.Symbol(f"{name}.slope"), 0))

    def _layer(self, w: Array, b: Array, x: Array, e: Array) -> tuple[Array, Array]:
        flat, off = x.reshape(len(x), -1), e.reshape(len(e), -1)
        value, size = w @ flat + b[:, None], np.abs(w) @ np.abs(flat) + np.abs(b)[:, None]
        error = np.abs(w) @ off + (w.shape[1] + 3) * self.work * size
        return value.reshape(-1, *x.shape[1:]), error.reshape(-1, *x.shape[1:])


def _held(values: Array, work: float) -> Array:
    """Which numbers the working precision holds."""
    from .budget import U
    from .rounding import exact

    names = [name for name, u in U.items() if u == work]
    return exact(values, names[0]) == values if names else np.zeros(values.shape, dtype=bool)


def _number(x: Any) -> Any:
    return (
        x if isinstance(x, (int, float, sp.Basic)) else int(x.p) / int(x.q) if not hasattr(x, "mid") else float(x.mid())
    )


def _ball(value: Any) -> Any:
    from ..spec.balls import ball

    return ball(value)


def _floats(table: Any) -> Array:
    found = np.array(table, dtype=object)
    return np.array([float(_number(x)) for x in found.ravel()]).reshape(found.shape)


def fft_error(n: int, work: float) -> float:
    """ε of one FFT of at most 4n points: ‖fl(Fx) − Fx‖₂ ≤ ε‖x‖₂, ε = 7u log₂(4n) (Higham, Accuracy, section 24.1)."""
    return 7.0 * work * float(np.log2(4 * max(n, 1)))
