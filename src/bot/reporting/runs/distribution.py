"""How round trips are spread: by result, by length, and by the hour in which they began."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bot.domain.messages import TradeClosed
from bot.history.columns import Floats

BINS = 36
_LENGTHS_MIN = (0, 5, 15, 30, 60, 120, 240, 480, 1_440, 2_880, 10_080, 43_200)
_LENGTH_NAMES = ("< 5 min", "< 15 min", "< 30 min", "< 1 h", "< 2 h", "< 4 h", "< 8 h", "< 1 d", "< 2 d", "< 1 w",
                 "< 30 d", "longer")  # fmt: skip


def of_trades(trades: Sequence[TradeClosed]) -> dict[str, Any]:
    """Count round trips by net return on what was put in, by length, and by UTC hour; P&L (quote) for the last two."""
    if not trades:
        return {}
    pnl = np.array([float(trade.pnl) for trade in trades])
    put_in = np.array([float(trade.quantity * trade.entry_price) for trade in trades])
    minutes = np.array([(trade.closed_ms - trade.opened_ms) / 60_000 for trade in trades])
    hours = np.array([trade.opened_ms // 3_600_000 % 24 for trade in trades])
    edges, counts = _histogram(pnl / put_in)
    places = np.searchsorted(np.array(_LENGTHS_MIN), minutes, side="right") - 1
    lengths = [
        {"name": _LENGTH_NAMES[at], "count": int((places == at).sum()), "pnl": float(pnl[places == at].sum())}
        for at in range(len(_LENGTHS_MIN))
    ]
    filled = [at for at, each in enumerate(lengths) if each["count"]]
    return {
        "edges": edges,
        "counts": counts,
        "lengths": lengths[filled[0] : filled[-1] + 1],
        "hours": [
            {"name": f"{hour:02}", "count": int((hours == hour).sum()), "pnl": float(pnl[hours == hour].sum())}
            for hour in range(24)
        ],
    }


def _histogram(returns: Floats) -> tuple[list[float], list[int]]:
    """Count returns in equal bins with an edge at 0; the outermost hold all beyond percentiles 1 and 99."""
    low, high = (float(each) for each in np.percentile(returns, [1, 99]))
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-9:
        low, high = low - 0.001, high + 0.001
    width = (high - low) / BINS
    first, last = int(np.floor(low / width)), int(np.ceil(high / width))
    edges = np.arange(first, last + 1) * width
    inside = np.clip(returns, edges[0], np.nextafter(edges[-1], edges[0]))
    counts, _ = np.histogram(inside, edges)
    return edges.tolist(), counts.tolist()
