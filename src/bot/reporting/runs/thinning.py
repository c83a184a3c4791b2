"""Fewer points that show the same: candles put together, curves with every peak and trough kept."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from bot.domain.market import INTERVAL_MS
from bot.history.columns import Columns, Floats, Ints

CANDLES_MOST = 5_000
POINTS_MOST = 2_400


def coarser(columns: Columns, most: int = CANDLES_MOST) -> tuple[str, dict[str, list[Any]]]:
    """Put candles together until there are at most `most`: gives interval and columns; `time` (s) is the open."""
    span = int(columns.open_time[-1] - columns.open_time[0])
    own = INTERVAL_MS[columns.interval]
    chosen = columns.interval
    if len(columns) > most:
        fits = [name for name, length in INTERVAL_MS.items() if length > own and span // length + 2 <= most]
        chosen = fits[0] if fits else "1M"
    starts = _starts(columns.open_time, chosen) if chosen != columns.interval else np.arange(len(columns))
    ends = np.append(starts[1:], len(columns)) - 1
    digits = _digits(columns.close)
    return chosen, {
        "time": (_floor(columns.open_time[starts], chosen) // 1000).tolist(),
        "open": _short(columns.open[starts], digits),
        "high": _short(np.maximum.reduceat(columns.high, starts), digits),
        "low": _short(np.minimum.reduceat(columns.low, starts), digits),
        "close": _short(columns.close[ends], digits),
    }


def kept_rows(values: Floats, most: int = POINTS_MOST) -> Ints:
    """Choose at most `most` rows of a curve: first and last, of each stretch the highest, the lowest and the end."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most // 3 + 1).astype(np.int64)[:-1]
    chosen = [0, count - 1]
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), count], strict=True):
        part = values[first:last]
        chosen += [first + int(part.argmax()), first + int(part.argmin())]
    chosen += (edges[1:] - 1).tolist()
    return np.unique(np.array(chosen, np.int64))


def rounded(values: Iterable[float], digits: int) -> list[float]:
    """Round for the page: what nobody can see is not sent."""
    return [round(float(value), digits) for value in values]


def _starts(times: Ints, interval: str) -> Ints:
    stretch = _floor(times, interval)
    return np.flatnonzero(np.diff(stretch, prepend=stretch[0] - 1)).astype(np.int64)


def _floor(times: Ints, interval: str) -> Ints:
    if interval == "1M":
        return times.astype("datetime64[ms]").astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)
    length = INTERVAL_MS[interval]
    # Weeks begin on Mondays, and 1970 began on a Thursday.
    shift = 4 * INTERVAL_MS["1d"] if interval == "1w" else 0
    return (times - shift) // length * length + shift


def _digits(prices: Floats) -> int:
    """Tell how many decimals prices have, from some of them."""
    shown = (Decimal(str(price)).normalize().as_tuple().exponent for price in prices[:: max(1, len(prices) // 500)])
    return min(8, max(0, *(-int(exponent) for exponent in shown)))


def _short(prices: Floats, digits: int) -> list[float]:
    short: list[float] = np.round(prices, digits).tolist()
    return short
