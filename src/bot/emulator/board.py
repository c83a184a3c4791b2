"""What one symbol shows on one face: last trades, best prices, its book level by level, and the ids they carry."""

from collections import deque
from collections.abc import Iterable, Mapping

from bot.domain.instrument import Instrument
from bot.domain.market import INTERVAL_MS, Candle, PublicTrade, Quote
from bot.emulator.player import Tick
from bot.emulator.rolling import Rolling
from bot.emulator.series import Series

Levels = dict[float, float]
"""Quantity by price."""
WINDOWS: Mapping[str, int] = {"1h": 3_600_000, "4h": 14_400_000, "1d": INTERVAL_MS["1d"]}


class Change:
    """What became different in a book, between two update ids: quantities are absolute, 0 is gone."""

    __slots__ = ("asks", "bids", "first", "last", "previous")

    def __init__(self, first: int, last: int, previous: int, bids: Levels, asks: Levels) -> None:
        self.first, self.last, self.previous, self.bids, self.asks = first, last, previous, bids, asks


class Board:
    """The market of one symbol as it can be seen. `depth` is how many made-up levels its book has on each side.

    With `spread_ticks` the best bid is the last price and the best ask so many ticks higher. Without, takers trade at
    the last price and the book shows one tick to either side of it, so that whoever posts there is never a taker.
    """

    def __init__(
        self, instrument: Instrument, base: str, *, depth: int = 20, spread_ticks: int = 0, kept_trades: int = 1_000
    ) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.stream = instrument.symbol.lower()
        self.series = Series(instrument.symbol, base)
        self.trades: deque[tuple[PublicTrade, int, int]] = deque(maxlen=kept_trades)
        """Public trades, each with the first and last id of the single trades it stands for."""
        self.update_id = 1
        self.last_trade_id = 0
        self.last = 0.0
        self.bids: Levels = {}
        self.asks: Levels = {}
        self._told_id = 0
        self._windows = {name: Rolling(length) for name, length in WINDOWS.items()}
        self._forming: Candle | None = None
        self._agg_id = 0
        self._depth = depth
        self._bid_step, self._ask_step = (0, spread_ticks) if spread_ticks else (1, 1)
        self._size = 1.0
        self._tick = float(instrument.price.tick) or 1e-8
        self._decimals = max(0, -instrument.price.tick.normalize().as_tuple().exponent) if instrument.price.tick else 8  # type: ignore[operator]

    def remember(self, candle: Candle) -> None:
        """Take a candle that was before anybody looked."""
        self._trade(candle, candle.close, candle.volume, max(candle.trade_count, 1), candle.close_time)
        self._close(candle)
        self.series.add(candle)

    def take(self, tick: Tick) -> None:
        """Move to the price of a tick. The candle reaches the series by `series.add_and_show`."""
        self._trade(tick.candle, tick.price, tick.quantity, tick.trades, tick.now_ms)
        self._forming = None if tick.shown.is_closed else tick.shown
        if tick.shown.is_closed:
            self._close(tick.shown)

    def quote(self, now_ms: int) -> Quote:
        """Give the best bid and ask of the outside."""
        bid, ask = self._away(-self._bid_step), self._away(self._ask_step)
        return Quote(self.symbol, bid, self._quantity(bid), ask, self._quantity(ask), now_ms)

    def statistics(self, window: str, now_ms: int) -> Candle:
        """Give a window of WINDOWS as one candle."""
        return self._windows[window].shown(self._forming, self.symbol, self.last, now_ms)

    def day(self, now_ms: int) -> Candle:
        """Give the last 24 hours as one candle."""
        return self.statistics("1d", now_ms)

    def refresh(self, client_bids: Iterable[tuple[float, float]], client_asks: Iterable[tuple[float, float]]) -> Change:
        """Lay the book out anew, clients and outside together; give what changed since the last time."""
        bids, asks = self._outside(-1), self._outside(1)
        for price, quantity in client_bids:
            bids[price] = round(bids.get(price, 0.0) + quantity, 8)
        for price, quantity in client_asks:
            asks[price] = round(asks.get(price, 0.0) + quantity, 8)
        self.update_id += 1
        change = Change(
            self._told_id + 1, self.update_id, self._told_id, _difference(self.bids, bids),
            _difference(self.asks, asks),
        )  # fmt: skip
        self.bids, self.asks = bids, asks
        if change.bids or change.asks:
            # A change that is none is not sent, so that the next one begins where the last one sent ended.
            self._told_id = self.update_id
        return change

    def levels(self, count: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Give the best levels of the book as it was last laid out: bids and asks, best first."""
        return sorted(self.bids.items(), reverse=True)[:count], sorted(self.asks.items())[:count]

    def _trade(self, candle: Candle, price: float, quantity: float, trades: int, now_ms: int) -> None:
        self.update_id += 1
        self._size = max(candle.volume / 10, float(self.instrument.lot.step))
        if trades:
            first = self.last_trade_id + 1
            self.last_trade_id += trades
            self._agg_id += 1
            trade = PublicTrade(candle.symbol, self._agg_id, price, quantity, now_ms, price < self.last)
            self.trades.append((trade, first, self.last_trade_id))
        self.last = price

    def _close(self, candle: Candle) -> None:
        for window in self._windows.values():
            window.add(candle)

    def _outside(self, way: int) -> Levels:
        """Give made-up levels: one a tick, the best of them where `quote` says."""
        first = self._bid_step if way < 0 else self._ask_step
        prices = [self._away(way * step) for step in range(first, first + self._depth)]
        return {price: self._quantity(price) for price in prices if price > 0}

    def _away(self, steps: int) -> float:
        return round(self.last + steps * self._tick, self._decimals)

    def _quantity(self, price: float) -> float:
        """Give the size of a made-up level: for one price always the same share, so that levels stay as prices move."""
        return round(self._size * (1 + round(price / self._tick) % 7 / 4), 8)


def _difference(before: Levels, after: Levels) -> Levels:
    changed = {price: quantity for price, quantity in after.items() if before.get(price) != quantity}
    return changed | {price: 0.0 for price in before if price not in after}
