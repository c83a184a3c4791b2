"""Figures of merit of a run: of its equity, and of its round trips. Statistics, hence floats; None is not measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bot.domain.figures import profit_factor, win_rate
from bot.domain.messages import TradeClosed
from bot.history.columns import Floats, Ints

DAY_MS = 86_400_000
YEAR_DAYS = 365.25
YEARLY_DAYS_MIN = 30
"""Below, a return is not put on a year: a good week is no good year."""
RATIO_DAYS_MIN = 7

type Figures = dict[str, Any]


def of_equity(times: Ints, equity: Floats, capital: float) -> Figures:
    """Measure an equity curve that began with `capital` (before the first of `times`, ms UTC)."""
    days = float(times[-1] - times[0]) / DAY_MS
    gained = float(equity[-1] - capital) / capital
    yearly = None
    if days >= YEARLY_DAYS_MIN and gained > -1:
        yearly = _finite((1 + gained) ** (YEAR_DAYS / days) - 1)
    worst = fall(times, equity, capital)
    return {
        "result": float(equity[-1] - capital),
        "return": gained,
        "cagr": yearly,
        **_ratios(_daily(times, equity, capital)),
        "calmar": yearly / worst["max_drawdown"] if yearly is not None and worst["max_drawdown"] > 0 else None,
        **worst,
        "days": days,
    }


def fall(times: Ints, equity: Floats, capital: float) -> Figures:
    """Find the deepest fall from a peak (as a fraction of it, and in quote), and the longest time below one (ms)."""
    whole = np.concatenate([[capital], equity])
    when = np.concatenate([times[:1], times])
    peaks = np.maximum.accumulate(whole)
    depth = (peaks - whole) / peaks
    bottom = int(depth.argmax())
    peak = int(np.flatnonzero(whole[: bottom + 1] == peaks[bottom])[-1])
    recovered = np.flatnonzero(whole[bottom:] >= peaks[bottom])
    end = bottom + int(recovered[0]) if len(recovered) else None
    at_peak = np.flatnonzero(whole >= peaks)
    spells = np.diff(np.concatenate([when[at_peak], when[-1:]]))
    return {
        "max_drawdown": float(depth[bottom]),
        "max_drawdown_quote": float((peaks - whole).max()),
        "drawdown_from_ms": int(when[peak]),
        "drawdown_bottom_ms": int(when[bottom]),
        "drawdown_until_ms": int(when[end]) if end is not None else None,
        "drawdown_ms": int(when[end if end is not None else -1] - when[peak]) if depth[bottom] > 0 else 0,
        "longest_drawdown_ms": int(spells.max()),
    }


def of_trades(trades: Sequence[TradeClosed]) -> Figures:
    """Measure round trips. Amounts are quote, times ms; `loss_streak` is the most losers in a row."""
    results = [trade.pnl for trade in trades]
    pnl = np.array(results, np.float64)
    lengths = np.array([trade.closed_ms - trade.opened_ms for trade in trades], np.float64)
    won = win_rate(int((pnl > 0).sum()), len(trades))
    factor = profit_factor(results)
    return {
        "trades": len(trades),
        "net_pnl": float(sum(results)),
        "win_rate": None if won is None else float(won),
        "profit_factor": None if factor is None else float(factor),
        "expectancy": _mean(pnl),
        "average_win": _mean(pnl[pnl > 0]),
        "average_loss": _mean(pnl[pnl <= 0]),
        "best_trade": float(pnl.max()) if len(pnl) else None,
        "worst_trade": float(pnl.min()) if len(pnl) else None,
        "loss_streak": _longest(pnl <= 0),
        "average_duration_ms": _mean(lengths),
        "longest_duration_ms": float(lengths.max()) if len(lengths) else None,
    }


def exposure(spells: Sequence[tuple[int, int]], first_ms: int, last_ms: int) -> float:
    """Give the fraction of the time in which something was held, from spells (ms) that may lie over one another."""
    held, until = 0, first_ms
    for begin, end in sorted(spells):
        held += max(0, end - max(begin, until))
        until = max(until, end)
    return held / (last_ms - first_ms) if last_ms > first_ms else 0.0


def months(times: Ints, equity: Floats, capital: float) -> list[dict[str, Any]]:
    """Give each month's result (quote) and return on the equity at its begin; None where that was not positive."""
    numbers = times.astype("datetime64[ms]").astype("datetime64[M]")
    ends = np.flatnonzero(np.append(np.diff(numbers.astype(np.int64)) != 0, True))
    rows, before = [], capital
    for end in ends.tolist():
        after = float(equity[end])
        gained = (after - before) / before if before > 0 else None
        rows.append({"month": str(numbers[end]), "result": after - before, "return": gained})
        before = after
    return rows


def _daily(times: Ints, equity: Floats, capital: float) -> Floats | None:
    """Give the return of each UTC day; None when the equity was ever not positive."""
    days = times // DAY_MS
    ends = np.flatnonzero(np.append(np.diff(days) != 0, True))
    closes = np.concatenate([[capital], equity[ends]])
    if (closes <= 0).any():
        return None
    returns: Floats = np.diff(closes) / closes[:-1]
    return returns


def _ratios(returns: Floats | None) -> Figures:
    """Give Sharpe, Sortino and volatility on a year of 365 trading days, without a riskless rate."""
    if returns is None or len(returns) < RATIO_DAYS_MIN:
        return {"sharpe": None, "sortino": None, "volatility": None}
    spread, below = float(returns.std(ddof=1)), float(np.sqrt((np.minimum(returns, 0) ** 2).mean()))
    year = float(np.sqrt(365))
    mean = float(returns.mean())
    return {
        "sharpe": mean / spread * year if spread > 0 else None,
        "sortino": mean / below * year if below > 0 else None,
        "volatility": spread * year,
    }


def _longest(flags: Any) -> int:
    longest = now = 0
    for flag in flags.tolist():
        now = now + 1 if flag else 0
        longest = max(longest, now)
    return longest


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
