"""Statistics of the last hours of a symbol, kept up as candles come: nothing is summed over again."""

from collections import deque

from bot.domain.market import Candle


class Rolling:
    """The candles of a window of market time, as one. `length_ms` is the window."""

    def __init__(self, length_ms: int) -> None:
        self._length = length_ms
        self._rows: deque[Candle] = deque()
        self._highs: deque[Candle] = deque()
        self._lows: deque[Candle] = deque()
        self._volume = self._quote = 0.0
        self._count = 0

    def add(self, candle: Candle) -> None:
        """Take a closed candle, and let go of those that opened before the window."""
        self._rows.append(candle)
        self._volume += candle.volume
        self._quote += candle.quote_volume
        self._count += candle.trade_count
        while self._highs and self._highs[-1].high <= candle.high:
            self._highs.pop()
        self._highs.append(candle)
        while self._lows and self._lows[-1].low >= candle.low:
            self._lows.pop()
        self._lows.append(candle)
        start = candle.close_time + 1 - self._length
        while self._rows[0].open_time < start and len(self._rows) > 1:
            self._let_go(self._rows.popleft())

    def _let_go(self, old: Candle) -> None:
        self._volume -= old.volume
        self._quote -= old.quote_volume
        self._count -= old.trade_count
        for line in (self._highs, self._lows):
            if line and line[0] is old:
                line.popleft()

    def shown(self, forming: Candle | None, symbol: str, last: float, now_ms: int) -> Candle:
        """Give the window as one candle, with the one that still forms."""
        start = now_ms - self._length
        parts = [*([self._rows[0]] if self._rows else []), *([forming] if forming else [])]
        if not parts:
            return Candle(symbol, "1d", start, last, last, last, last, 0.0, now_ms)
        high = max(one.high for one in (*list(self._highs)[:1], *([forming] if forming else [])))
        low = min(one.low for one in (*list(self._lows)[:1], *([forming] if forming else [])))
        more = forming or Candle(symbol, "1d", 0, last, last, last, last, 0.0, 0)
        return Candle(
            symbol, "1d", start, parts[0].open, high, low, last, max(0.0, self._volume + more.volume), now_ms,
            max(0.0, self._quote + more.quote_volume), self._count + more.trade_count,
        )  # fmt: skip
