"""Candles made of recorded trades, one for each interval and symbol, also where nothing was traded."""

from collections.abc import Iterator

from msgspec.structs import replace

from bot.domain.market import Candle, next_open
from bot.emulator.intervals import bucket_open
from bot.emulator.recorded.records import Trade


class Tape:
    """The candle under way of each symbol. A candle without trades stays at the price before it."""

    def __init__(self, interval: str) -> None:
        self.interval = interval
        self._forming: dict[str, Candle] = {}

    def end_after(self, time_ms: int) -> int:
        """Give the time at which the candle that holds a moment ends."""
        return next_open(bucket_open(time_ms, self.interval), self.interval)

    def price(self, symbol: str) -> float:
        """Give the last price of a symbol; 0 before the first."""
        return self._forming[symbol].close if symbol in self._forming else 0.0

    def add(self, trade: Trade) -> Candle:
        """Take in a trade; give the candle as it stands then."""
        quantity = float(trade.quantity)
        return self._add(
            trade.symbol, trade.time_ms, float(trade.price), quantity, float(trade.price * trade.quantity),
            trade.last_id - trade.first_id + 1,
        )  # fmt: skip

    def move(self, symbol: str, price: float, now_ms: int) -> Candle:
        """Take in a price at which nobody is known to have traded."""
        return self._add(symbol, now_ms, price, 0.0, 0.0, 0)

    def end(self, now_ms: int) -> Iterator[Candle]:
        """Close the candles that end by now, and begin the next ones; give those that were closed."""
        for symbol, candle in self._forming.items():
            if candle.close_time < now_ms:
                yield replace(candle, is_closed=True)
                self._forming[symbol] = self._flat(symbol, now_ms, candle.close)

    def _add(self, symbol: str, now_ms: int, price: float, quantity: float, worth: float, trades: int) -> Candle:
        candle = self._forming.get(symbol)
        if candle is None or (trades and not candle.trade_count):
            # The first trade of a candle is its open, whatever the price before it.
            candle = self._flat(symbol, now_ms if candle is None else candle.open_time, price)
        candle = self._forming[symbol] = replace(
            candle, high=max(candle.high, price), low=min(candle.low, price), close=price,
            volume=round(candle.volume + quantity, 8), quote_volume=round(candle.quote_volume + worth, 8),
            trade_count=candle.trade_count + trades,
        )  # fmt: skip
        return candle

    def _flat(self, symbol: str, now_ms: int, price: float) -> Candle:
        opened = bucket_open(now_ms, self.interval)
        ends = next_open(opened, self.interval) - 1
        return Candle(symbol, self.interval, opened, price, price, price, price, 0.0, ends, is_closed=False)
