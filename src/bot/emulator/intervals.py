"""Candles of longer intervals, made from those of the base interval."""

from datetime import UTC, datetime

from bot.domain.market import INTERVAL_MS, Candle, next_open

_FIRST_MONDAY_MS = 4 * INTERVAL_MS["1d"]


def bucket_open(time_ms: int, interval: str) -> int:
    """Give the open time of the candle that holds a moment. Weeks open on Monday, months on their first day."""
    if interval == "1M":
        day = datetime.fromtimestamp(time_ms / 1000, UTC)
        first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return int(first.timestamp() * 1000)
    offset = _FIRST_MONDAY_MS if interval == "1w" else 0
    return (time_ms - offset) // INTERVAL_MS[interval] * INTERVAL_MS[interval] + offset


def fits_into(base: str, interval: str) -> bool:
    """Say whether candles of `interval` can be made from those of `base`."""
    if base == interval:
        return True
    if base in {"1w", "1M"}:
        return False
    longer = INTERVAL_MS["1d"] if interval == "1M" else INTERVAL_MS[interval]
    return longer > INTERVAL_MS[base] and longer % INTERVAL_MS[base] == 0


def merged(whole: Candle | None, part: Candle, interval: str) -> Candle:
    """Add a candle to the one it is a part of; `whole` is None for the first part. Closed when its last part is."""
    opened = bucket_open(part.open_time, interval) if whole is None else whole.open_time
    close_time = next_open(opened, interval) - 1
    is_closed = part.is_closed and part.close_time >= close_time
    if whole is None:
        return Candle(
            part.symbol, interval, opened, part.open, part.high, part.low, part.close, part.volume,
            close_time, part.quote_volume, part.trade_count, is_closed, part.market,
        )  # fmt: skip
    return Candle(
        part.symbol, interval, opened, whole.open, max(whole.high, part.high), min(whole.low, part.low),
        part.close, whole.volume + part.volume, close_time, whole.quote_volume + part.quote_volume,
        whole.trade_count + part.trade_count, is_closed, part.market,
    )  # fmt: skip
