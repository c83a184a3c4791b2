"""The candles of one symbol, in its base interval and in every longer one that somebody asked for."""

from bisect import bisect_left, bisect_right
from collections import deque
from itertools import islice

from msgspec.structs import replace

from bot.domain.market import Candle
from bot.emulator.intervals import bucket_open, fits_into, merged

KEPT = 5_000
"""Closed candles remembered per series beyond its history: small enough for days of accelerated market."""


class Series:
    """What REST klines are read from and kline frames are made of."""

    def __init__(self, symbol: str, base: str, kept: int = KEPT) -> None:
        self.symbol = symbol
        self.base = base
        self.closed: deque[Candle] = deque(maxlen=kept)
        self._rolled: dict[str, _Rolled] = {}

    def add(self, candle: Candle) -> None:
        """Take a closed candle of the base interval that nobody watches: history."""
        self.closed.append(candle)
        for rolled in self._rolled.values():
            rolled.add(candle)

    def add_and_show(self, candle: Candle, intervals: list[str]) -> list[Candle]:
        """Take a candle of the base interval, closed or forming; give what streams of these intervals show then."""
        shown = []
        for interval in intervals:
            if interval == self.base:
                shown.append(candle)
            elif fits_into(self.base, interval):
                shown += self._roll(interval).show(candle)
        if candle.is_closed:
            self.add(candle)
        return shown

    def klines(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Candle]:
        """Give closed candles, oldest first: from `start_ms` on when given, else the newest `limit` up to `end_ms`."""
        if interval == self.base:
            candles = self.closed
        elif fits_into(self.base, interval):
            candles = self._roll(interval).closed
        else:
            return []
        first = 0 if start_ms is None else bisect_left(candles, start_ms, key=_opened)
        last = len(candles) if end_ms is None else bisect_right(candles, end_ms, key=_opened)
        if start_ms is None:
            first = max(first, last - limit)
        return list(islice(candles, first, min(last, first + limit)))

    def klines_to_now(
        self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, under_way: Candle | None
    ) -> list[Candle]:
        """Give candles like `klines`, the one that still forms among them; `under_way` is that of the base interval."""
        if interval == self.base:
            closed, newest = self.closed, [] if under_way is None else [under_way]
        elif fits_into(self.base, interval):
            rolled = self._roll(interval)
            closed, newest = rolled.closed, rolled.unfinished(under_way)
        else:
            return []
        # A trade between two candles still bears the time of the one that closed.
        least_ms = max(start_ms or 0, closed[-1].open_time + 1 if closed else 0)
        wanted = [one for one in newest if least_ms <= one.open_time and (end_ms is None or one.open_time <= end_ms)]
        rows = [*self.klines(interval, start_ms, end_ms, limit), *wanted]
        return rows[-limit:] if start_ms is None else rows[:limit]

    def _roll(self, interval: str) -> "_Rolled":
        """Find or start the series of a longer interval."""
        rolled = self._rolled.get(interval)
        if rolled is None:
            rolled = self._rolled[interval] = _Rolled(interval, self.closed.maxlen)
            for candle in self.closed:
                rolled.add(candle)
        return rolled


class _Rolled:
    """One longer interval: its closed candles and the parts of the one that still forms."""

    def __init__(self, interval: str, kept: int | None) -> None:
        self.interval = interval
        self.closed: deque[Candle] = deque(maxlen=kept)
        self._parts: Candle | None = None

    def add(self, candle: Candle) -> None:
        """Take a closed part."""
        self._end_before(candle)
        whole = merged(self._parts, candle, self.interval)
        if whole.is_closed:
            self.closed.append(whole)
        self._parts = None if whole.is_closed else whole

    def show(self, candle: Candle) -> list[Candle]:
        """Give what a stream shows at this part, before it is added."""
        ended = self._end_before(candle)
        return [*ended, merged(self._parts, candle, self.interval)]

    def unfinished(self, under_way: Candle | None) -> list[Candle]:
        """Give what did not close yet, with a part that still forms; that part may begin the next candle."""
        parts = self._parts
        if under_way is None:
            return [] if parts is None else [parts]
        if parts is None or parts.open_time == bucket_open(under_way.open_time, self.interval):
            return [merged(parts, under_way, self.interval)]
        return [replace(parts, is_closed=True), merged(None, under_way, self.interval)]

    def _end_before(self, candle: Candle) -> list[Candle]:
        """Close a candle whose last parts never came: the source has a hole there."""
        parts = self._parts
        if parts is None or parts.open_time == bucket_open(candle.open_time, self.interval):
            return []
        ended = replace(parts, is_closed=True)
        self.closed.append(ended)
        self._parts = None
        return [ended]


def _opened(candle: Candle) -> int:
    return candle.open_time
