"""The figures of a trial: what a set of settings earned, and how evenly.

Money is exact. Ratios are statistics, float64, of equity at the ends of equal periods: days where there are enough of
them, else hours, else candles.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bot.domain.figures import profit_factor, win_rate
from bot.domain.money import EXACT, ZERO
from bot.history.columns import Floats, Ints

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
YEAR_MS = 365 * DAY_MS
ENOUGH = 30
"""So many periods at least, else shorter ones are taken."""


class Played(NamedTuple):
    """What came of playing one set of settings on one stretch of candles.

    `equity` in quote at each close (`time_ms`, ms UTC), open positions at that close; `results` of closed round trips.
    """

    time_ms: Ints
    equity: Floats
    results: Sequence[Decimal]
    fees: Decimal
    capital: float
    interval_ms: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial is judged by. Fractions are plain fractions; None where there is nothing to divide by."""

    bars: int
    trades: int
    net_pnl: Decimal
    """Of closed round trips, fees taken off, in quote."""
    fees: Decimal
    """In quote."""
    unrealised: float
    """What equity has beyond that: open positions at the last close, in quote."""
    total_return: float
    """Of equity, open positions with it, on the capital."""
    max_drawdown: float
    """Deepest fall of equity from its peak, as a fraction of that peak."""
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    """Quote a round trip."""
    sharpe: float | None
    """Mean over deviation of returns, a year of 365 days."""
    sortino: float | None
    calmar: float | None
    """Return a year over the deepest fall."""
    period_ms: int
    """Of what `periods`, `period_sharpe`, `skew` and `kurtosis` count."""
    periods: int
    period_sharpe: float | None
    """Sharpe ratio of a period, not of a year."""
    skew: float
    kurtosis: float
    """3 where returns are normal."""


NUMBERS = tuple(name for name in Figures.__struct_fields__ if name not in {"period_ms", "periods", "bars"})
"""The figures that a study may aim at or set bounds to."""


def figures(stretches: Sequence[Played]) -> Figures:
    """Judge what came of one or several stretches, played one after the other; each began with the whole capital."""
    results = [result for each in stretches for result in each.results]
    total = fees = ZERO
    for result in results:
        total = EXACT.add(total, result)
    for each in stretches:
        fees = EXACT.add(fees, each.fees)
    capital = stretches[0].capital
    gain = sum(float(each.equity[-1]) - each.capital for each in stretches if len(each.equity))
    returns, period_ms = _returns(stretches)
    ratio = _ratio(returns)
    a_year = YEAR_MS / period_ms
    fall = deepest(joined(stretches))
    won, factor = win_rate(sum(result > 0 for result in results), len(results)), profit_factor(results)
    years = sum(len(each.equity) * each.interval_ms for each in stretches) / YEAR_MS
    skew, kurtosis = _moments(returns)
    return Figures(
        bars=sum(len(each.equity) for each in stretches),
        trades=len(results),
        net_pnl=total,
        fees=fees,
        unrealised=gain - float(total),
        total_return=gain / capital,
        max_drawdown=fall,
        win_rate=None if won is None else float(won),
        profit_factor=None if factor is None else float(factor),
        expectancy=float(total) / len(results) if results else None,
        sharpe=None if ratio is None else ratio * math.sqrt(a_year),
        sortino=_sortino(returns, a_year),
        calmar=gain / capital / years / fall if fall and years else None,
        period_ms=period_ms,
        periods=len(returns),
        period_sharpe=ratio,
        skew=skew,
        kurtosis=kurtosis,
    )


def joined(stretches: Sequence[Played]) -> Floats:
    """Put the equity of stretches end to end: each goes on from what the ones before left."""
    parts, won = [], 0.0
    for each in stretches:
        parts.append(each.equity + won)
        won += float(each.equity[-1]) - each.capital if len(each.equity) else 0.0
    return np.concatenate(([stretches[0].capital], *parts))


def deepest(equity: Floats) -> float:
    """Give the deepest fall from a peak as a fraction of that peak; 1 is everything, and more is never lost."""
    peak = np.maximum.accumulate(equity)
    return min(1.0, float(np.max((peak - equity) / peak)))


def returns_of(played: Played, period_ms: int) -> Floats:
    """Give the return of each period on the capital, in which equity is taken at the last close of each."""
    if not len(played.equity):
        return np.zeros(0)
    ends = np.flatnonzero(np.diff(played.time_ms // period_ms, append=-1))
    return np.diff(played.equity[ends], prepend=played.capital) / played.capital


def to_json(found: Figures) -> dict[str, Any]:
    """Give figures as plain values, money as text."""
    told: dict[str, Any] = msgspec.to_builtins(found, str_keys=True)
    return told


def from_json(told: dict[str, Any]) -> Figures:
    """Read figures that `to_json` wrote."""
    return msgspec.convert(told, Figures, strict=False)


def _returns(stretches: Sequence[Played]) -> tuple[Floats, int]:
    interval_ms = stretches[0].interval_ms
    span = sum(len(each.equity) for each in stretches) * interval_ms
    period_ms = next((each for each in (DAY_MS, HOUR_MS) if each >= interval_ms and span >= ENOUGH * each), interval_ms)
    return np.concatenate([returns_of(each, period_ms) for each in stretches]), period_ms


def _ratio(returns: Floats) -> float | None:
    if len(returns) < 2:
        return None
    spread = float(np.std(returns, ddof=1))
    return float(np.mean(returns)) / spread if spread > 1e-15 else None


def _sortino(returns: Floats, a_year: float) -> float | None:
    below = math.sqrt(float(np.mean(np.minimum(returns, 0) ** 2))) if len(returns) else 0.0
    return float(np.mean(returns)) / below * math.sqrt(a_year) if below > 1e-15 else None


def _moments(returns: Floats) -> tuple[float, float]:
    """Give skewness and kurtosis; those of a normal distribution where returns do not vary."""
    spread = float(np.std(returns)) if len(returns) else 0.0
    if spread <= 1e-15:
        return 0.0, 3.0
    scaled = (returns - np.mean(returns)) / spread
    return float(np.mean(scaled**3)), float(np.mean(scaled**4))
