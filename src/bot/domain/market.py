"""What the market shows: intervals, candles, quotes and trades.

Candles are float64: a signal is an opinion. Times are int milliseconds UTC.
"""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec


class Market(StrEnum):
    """Which exchange of Binance's: spot, or USD-M futures."""

    SPOT = "spot"
    FUTURES = "futures"


INTERVAL_MS: dict[str, int] = {
    "1s": 1_000,
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
    "3d": 259_200_000,
    "1w": 604_800_000,
    "1M": 2_592_000_000,
}
"""Binance's intervals and their length. A month (`1M`) is a calendar month: its entry is nominal, use `next_open`."""


def next_open(open_time: int, interval: str) -> int:
    """Give the open time of the candle after the one that opens at `open_time` (ms)."""
    if interval != "1M":
        return open_time + INTERVAL_MS[interval]
    day = datetime.fromtimestamp(open_time / 1000, UTC)
    later = day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
    return int(later.timestamp() * 1000)


class Stream(msgspec.Struct, frozen=True, gc=False):
    """The address of one candle series."""

    market: Market
    symbol: str
    interval: str


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One candle. `is_closed` is False while it still forms (the wire's `x`).

    `volume` is in base, `quote_volume` in quote.
    """

    symbol: str
    interval: str
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_time: int
    quote_volume: float = 0.0
    trade_count: int = 0
    is_closed: bool = True
    market: Market = Market.SPOT


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask of a symbol."""

    symbol: str
    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    time_ms: int
    market: Market = Market.SPOT


class PublicTrade(msgspec.Struct, frozen=True, gc=False):
    """Somebody's trade, as the market shows it. `is_buyer_maker` True means that the seller was the taker."""

    symbol: str
    trade_id: int
    price: float
    quantity: float
    time_ms: int
    is_buyer_maker: bool
    market: Market = Market.SPOT
