"""Which files and which requests a stretch of candles is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.market import INTERVAL_MS, Market, Stream, next_open

DAY_MS = INTERVAL_MS["1d"]
PAGE_ROWS = 1_000
"""What fits into one page of REST klines comes from there."""
_LATE_MS = 45 * DAY_MS
"""A month that ended longer ago has its file, if it has candles at all; before, its days are tried."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Candles that open from `first_ms` on and before `after_ms`. `path` is the public file that has them, if any.

    `days` are tried when that file is not there.
    """

    first_ms: int
    after_ms: int
    path: str = ""
    days: "tuple[Piece, ...]" = ()


def pieces(stream: Stream, since_ms: int, until_ms: int, now_ms: int) -> Iterator[Piece]:
    """Cut a stretch into months, days and what only REST has, in the order of time."""
    length = INTERVAL_MS[stream.interval]
    if (until_ms - since_ms) // length <= PAGE_ROWS or length > DAY_MS:
        yield Piece(since_ms, until_ms)
        return
    month = datetime.fromtimestamp(since_ms / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (begin := int(month.timestamp() * 1000)) < until_ms:
        end = next_open(begin, "1M")
        first, after = max(begin, since_ms), min(end, until_ms)
        days = tuple(_days(stream, begin, first, after, now_ms))
        if end <= now_ms:
            path = path_of(stream, "monthly", f"{month:%Y-%m}")
            yield Piece(first, after, path, days if now_ms - end < _LATE_MS else ())
        else:
            yield from days
        month = datetime.fromtimestamp(end / 1000, UTC)


def _days(stream: Stream, month_ms: int, first_ms: int, after_ms: int, now_ms: int) -> Iterator[Piece]:
    for begin in range(month_ms, after_ms, DAY_MS):
        end = begin + DAY_MS
        if end > first_ms:
            day = f"{datetime.fromtimestamp(begin / 1000, UTC):%Y-%m-%d}"
            path = path_of(stream, "daily", day) if end <= now_ms else ""
            yield Piece(max(begin, first_ms), min(end, after_ms), path)


def path_of(stream: Stream, span: str, date: str) -> str:
    """Give the path of a public file of candles."""
    product = "spot" if stream.market is Market.SPOT else "futures/um"
    interval = {"1M": "1mo"}.get(stream.interval, stream.interval)
    return f"/data/{product}/{span}/klines/{stream.symbol}/{interval}/{stream.symbol}-{interval}-{date}.zip"
