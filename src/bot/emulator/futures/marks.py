"""Mark price, index and funding rate: they follow the last price, a little apart from it, the same in every run.

The index swings around the last price (the premium); the mark stands half way between the two. The funding rate is
Binance's: premium + the interest of 0.01 % as far as that is within 0.05 % of the premium. What was recorded of a
symbol holds instead.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from bot.emulator.futures.listing import phase
from bot.emulator.recorded.records import FundingPaid, MarkShown
from bot.emulator.series import Series
from bot.simulation.futures.funding import next_funding_ms

INTEREST = Decimal("0.00010000")
_SWING, _PERIOD_MS = 0.0003, 17 * 3_600_000
_NEAR = 0.0005
_EIGHT = Decimal("0.00000001")


class Mark(msgspec.Struct, frozen=True):
    """Prices of a moment and the funding rate (a fraction) that the next funding would have."""

    price: Decimal
    index: Decimal
    rate: Decimal
    next_ms: int


class RecordedMarks:
    """Mark prices and funding rates that were recorded: where there are any, they hold instead of the made-up ones."""

    def __init__(self, fundings: Mapping[str, Sequence[FundingPaid]]) -> None:
        self._fundings = fundings
        self._prices: dict[str, Decimal] = {}
        self._series: dict[str, Series] = {}

    def show(self, shown: MarkShown) -> None:
        """Take in what was recorded of a mark price."""
        self._prices[shown.symbol] = shown.price
        if (closed := shown.closed) is not None:
            series = self._series.setdefault(shown.symbol, Series(shown.symbol, closed.interval))
            series.add(closed)

    def series(self, symbol: str) -> Series | None:
        """Give the recorded candles of a mark price, or None when it was not recorded."""
        return self._series.get(symbol)

    def has_fundings(self, symbol: str) -> bool:
        """Say whether the fundings of a symbol were recorded."""
        return symbol in self._fundings

    def over(self, symbol: str, made_up: Mark, now_ms: int) -> Mark:
        """Put what was recorded in the place of what is made up. After the last recorded funding its rate stays."""
        price, rows = self._prices.get(symbol), self._fundings.get(symbol)
        mark = made_up if price is None else replace(made_up, price=price, index=price)
        if not rows:
            return mark
        place = bisect_right(rows, now_ms, key=lambda row: row.time_ms)
        if place == len(rows):
            return replace(mark, rate=rows[-1].rate)
        return replace(mark, rate=rows[place].rate, next_ms=rows[place].time_ms)


def premium(symbol: str, now_ms: int) -> float:
    """Give how far the last price stands above the index, as a fraction."""
    return _SWING * math.sin(2 * math.pi * (now_ms / _PERIOD_MS + phase(symbol)))


def share(symbol: str, now_ms: int, kind: str) -> float:
    """Give what the last price is multiplied with for the `mark` or the `index` price."""
    part = premium(symbol, now_ms)
    return 1 - part if kind == "index" else 1 - part / 2


def mark_of(symbol: str, last: float, now_ms: int) -> Mark:
    """Give the marks of a last price."""
    part = premium(symbol, now_ms)
    interest = float(INTEREST)
    rate = part + min(_NEAR, max(-_NEAR, interest - part))
    return Mark(
        _eight(last * share(symbol, now_ms, "mark")), _eight(last * share(symbol, now_ms, "index")), _eight(rate),
        next_funding_ms(now_ms),
    )  # fmt: skip


def _eight(value: float) -> Decimal:
    return Decimal(value).quantize(_EIGHT)
