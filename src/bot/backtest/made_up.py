"""Made-up candles, the same for the same seed: for a check when no others are at hand. They are no market."""

import numpy as np

from bot.domain.market import INTERVAL_MS, Market
from bot.history.columns import Columns, made

_START_MS = 1_735_689_600_000
_REGIME = 240
"""Candles for which one drift and one width last."""


def made_up(
    market: Market, symbol: str, interval: str, rows: int, *, seed: int = 1, price: float = 60_000.0
) -> Columns:
    """Give candles of a seeded walk with trends, calm and storms, in cents."""
    draw = np.random.default_rng(seed)
    regimes = rows // _REGIME + 1
    drift = np.repeat(draw.normal(0, 1.5e-4, regimes), _REGIME)[:rows]
    width = np.repeat(draw.choice([3e-4, 1e-3, 3e-3], regimes), _REGIME)[:rows]
    close = np.round(price * np.exp(np.cumsum(draw.normal(0, 1, rows) * width + drift - width**2 / 2)), 2)
    opened = np.concatenate(([price], close[:-1]))
    above, below = np.abs(draw.normal(0, 0.5, (2, rows))) * width * close
    step = INTERVAL_MS[interval]
    arrays = {
        "open_time": _START_MS // step * step + step * np.arange(rows),
        "open": opened,
        "high": np.round(np.maximum(opened, close) + above, 2),
        "low": np.round(np.minimum(opened, close) - below, 2),
        "close": close,
        "volume": np.round(draw.lognormal(2, 1, rows), 5),
    }
    return made(market, symbol, interval, arrays)
