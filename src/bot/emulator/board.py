"""What one symbol shows on one face: last trades, best prices, its book level by level, and the ids they carry."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from bot.domain.instrument import Instrument
from bot.domain.market import INTERVAL_MS, Candle, PublicTrade, Quote, next_open
from bot.emulator.intervals import bucket_open
from bot.emulator.player import Tick
from bot.emulator.recorded.book import BookMoved, RecordedBook
from bot.emulator.recorded.records import Trade
from bot.emulator.rolling import Rolling
from bot.emulator.series import KEPT, Series

Levels = dict[float, float]
"""Quantity by price."""
Level = tuple[float, float]
"""Price and quantity."""
WINDOWS: Mapping[str, int] = {"1h": 3_600_000, "4h": 14_400_000, "1d": INTERVAL_MS["1d"]}


class Change(msgspec.Struct, frozen=True):
    """What became different in a book, between two update ids: quantities are absolute, 0 is gone."""

    first: int
    last: int
    previous: int
    bids: Levels
    asks: Levels


class Board:
    """The market of one symbol as it can be seen. `depth` is how many made-up levels its book has on each side.

    With `spread_ticks` the best bid is the last price and the best ask so many ticks higher. Without, takers trade at
    the last price and the book shows one tick to either side of it, so that whoever posts there is never a taker.
    Without `counts_clients` candles stay those of the source, whatever clients trade.
    """

    def __init__(
        self,
        instrument: Instrument,
        base: str,
        *,
        depth: int = 20,
        spread_ticks: int = 0,
        counts_clients: bool = True,
        kept_trades: int = 1_000,
        kept_candles: int = KEPT,
    ) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.stream = instrument.symbol.lower()
        self.series = Series(instrument.symbol, base, kept_candles)
        self.trades: deque[tuple[PublicTrade, int, int]] = deque(maxlen=kept_trades)
        """Public trades, each with the first and last id of the single trades it stands for."""
        self.update_id = 1
        """The number of the last change of the book: it stands still as long as the book does."""
        self.last_trade_id = 0
        self.last = 0.0
        """The last price of the outside, around which its book is laid out."""
        self.newest = 0.0
        """The price of the newest trade, be it of the outside or of clients."""
        self.bids: Levels = {}
        self.asks: Levels = {}
        self.shown_quote: tuple[float, float, float, float] | None = None
        """Best prices and quantities that were last shown because clients changed them."""
        self._change = Change(1, 1, 0, {}, {})
        self.recorded: RecordedBook | None = None
        """The book that was recorded of this symbol, which stands in for the made-up one."""
        self.has_printed = False
        """True when the last tick put a trade on the tape."""
        self._met = 0.0
        """How much of the recorded trade that is under way clients who rested have had."""
        self._due_id = 0
        """The recorded number of the change that is laid out next."""
        self._windows = {name: Rolling(length) for name, length in WINDOWS.items()}
        self.under_way: Candle | None = None
        """The candle that forms, as it can be seen."""
        self._by_clients: Candle | None = None
        """What clients traded in the candle under way, beyond what the source says of it."""
        self._agg_id = 0
        self._depth = depth
        self._bid_step, self._ask_step = (0, spread_ticks) if spread_ticks else (1, 1)
        self._counts_clients = counts_clients
        self._size = 1.0
        self._tick = float(instrument.price.tick) or 1e-8
        self._decimals = max(0, -instrument.price.tick.normalize().as_tuple().exponent) if instrument.price.tick else 8  # type: ignore[operator]

    def remember(self, candle: Candle) -> None:
        """Take a candle that was before anybody looked."""
        self._trade(candle, candle.close, candle.volume, max(candle.trade_count, 1), candle.close_time)
        self._close(candle)
        self.series.add(candle)

    def take(self, tick: Tick) -> Candle:
        """Move to the price of a tick; give what can be seen of its candle, with what clients traded in it.

        The candle reaches the series by `series.add_and_show`.
        """
        if tick.is_recorded:
            self._take_recorded(tick)
        else:
            self._trade(tick.candle, tick.price, tick.quantity, tick.trades, tick.now_ms)
        shown = tick.shown if self._by_clients is None else _together(tick.shown, self._by_clients)
        self.under_way = None if shown.is_closed else shown
        if shown.is_closed:
            self._by_clients = None
            self._close(shown)
        return shown

    def klines(
        self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, *, has_open: bool
    ) -> list[Candle]:
        """Give the rows of REST klines; with `has_open` the newest is the candle that still forms."""
        if has_open:
            return self.series.klines_to_now(interval, start_ms, end_ms, limit, self.under_way)
        return self.series.klines(interval, start_ms, end_ms, limit)

    def next_trade_id(self) -> int:
        """Give the id of a trade that is about to happen."""
        self.last_trade_id += 1
        return self.last_trade_id

    def show_trade(self, trade: PublicTrade, *, is_extra: bool) -> Candle | None:
        """Take in a trade of clients, under an id of `next_trade_id`; give the candle under way when it changed.

        `is_extra` says that the source knows nothing of the trade: then it moves price and candle. Who only rested, and
        was met by a move of the outside, has a part in what the source says already.
        """
        self._agg_id += 1
        row = replace(trade, trade_id=self._agg_id)
        self.trades.append((row, trade.trade_id, trade.trade_id))
        if not is_extra:
            self._met += trade.quantity
            return None
        if not self._counts_clients:
            return None
        price, base = trade.price, self.series.base
        self.newest = price
        opened = bucket_open(trade.time_ms, base)
        part = Candle(
            self.symbol, base, opened, price, price, price, price, trade.quantity, next_open(opened, base) - 1,
            price * trade.quantity, 1, is_closed=False,
        )  # fmt: skip
        self._by_clients = part if self._by_clients is None else _together(self._by_clients, part)
        self.under_way = part if self.under_way is None else replace(_together(self.under_way, part), close=price)
        return self.under_way

    def quote(self, now_ms: int, client_bid: Level | None = None, client_ask: Level | None = None) -> Quote:
        """Give the best bid and ask: of the outside, and of clients whose best levels are given."""
        if self.recorded is not None:
            bid, bid_size = _joined(client_bid, self.recorded.bids, way=1)
            ask, ask_size = _joined(client_ask, self.recorded.asks, way=-1)
            return Quote(self.symbol, bid, bid_size, ask, ask_size, now_ms)
        bid, bid_size = _best(client_bid, self._away(-self._bid_step), self._quantity, way=1)
        ask, ask_size = _best(client_ask, self._away(self._ask_step), self._quantity, way=-1)
        return Quote(self.symbol, bid, bid_size, ask, ask_size, now_ms)

    @property
    def quote_id(self) -> int:
        """Give the number that the best prices carry."""
        return self.update_id if self.recorded is None else max(self.update_id, self.recorded.update_id)

    def statistics(self, window: str, now_ms: int) -> Candle:
        """Give a window of WINDOWS as one candle."""
        return self._windows[window].shown(self.under_way, self.symbol, self.newest, now_ms)

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
        new_bids, new_asks = _difference(self.bids, bids), _difference(self.asks, asks)
        if not (new_bids or new_asks):
            # Nothing to tell: the numbers of the change before still hold, and the next one follows on it.
            return replace(self._change, bids={}, asks={})
        self.bids, self.asks = bids, asks
        before = self.update_id
        self.update_id = max(before + 1, self._due_id)
        self._change = Change(before + 1, self.update_id, before, new_bids, new_asks)
        return self._change

    def follow(self, moved: BookMoved) -> None:
        """Let a recorded book stand in for the made-up one; its ids are kept as far as clients leave them free."""
        self.recorded = moved.book
        self._due_id = moved.book.update_id

    def await_trade(self, trade: Trade) -> None:
        """Make room for a recorded trade: clients who rested may have a part of it under its id."""
        self._met = 0.0
        self.last_trade_id = max(self.last_trade_id, trade.first_id - 1)
        self._agg_id = max(self._agg_id, trade.trade_id - 1)

    def levels(self, count: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Give the best levels of the book as it was last laid out: bids and asks, best first."""
        return sorted(self.bids.items(), reverse=True)[:count], sorted(self.asks.items())[:count]

    def _trade(self, candle: Candle, price: float, quantity: float, trades: int, now_ms: int) -> None:
        self._size = max(candle.volume / 10, float(self.instrument.lot.step))
        self.has_printed = bool(trades)
        if trades:
            first = self.last_trade_id + 1
            self.last_trade_id += trades
            self._agg_id += 1
            trade = PublicTrade(candle.symbol, self._agg_id, price, quantity, now_ms, price < self.last)
            self.trades.append((trade, first, self.last_trade_id))
        self.last = self.newest = price

    def _take_recorded(self, tick: Tick) -> None:
        """Print a recorded trade, less what clients had of it, under its own id unless their trades came between."""
        self.last = self.newest = tick.price
        trade, met = tick.trade, self._met
        self._met, self.has_printed = 0.0, False
        if trade is None:
            return
        if self.recorded is None:
            self._size = max(tick.candle.volume / 10, float(self.instrument.lot.step))
        left = round(tick.quantity - met, 8)
        self.has_printed = left > 0
        if self.has_printed:
            first = max(trade.first_id, self.last_trade_id + 1)
            self.last_trade_id = first + trade.last_id - trade.first_id
            self._agg_id = max(trade.trade_id, self._agg_id + 1)
            row = PublicTrade(trade.symbol, self._agg_id, tick.price, left, trade.time_ms, trade.is_buyer_maker)
            self.trades.append((row, first, self.last_trade_id))

    def _close(self, candle: Candle) -> None:
        for window in self._windows.values():
            window.add(candle)

    def _outside(self, way: int) -> Levels:
        """Give made-up levels: one a tick, the best of them where `quote` says."""
        if self.recorded is not None:
            return dict(self.recorded.shown_bids if way < 0 else self.recorded.shown_asks)
        first = self._bid_step if way < 0 else self._ask_step
        prices = [self._away(way * step) for step in range(first, first + self._depth)]
        return {price: self._quantity(price) for price in prices if price > 0}

    def _away(self, steps: int) -> float:
        return round(self.last + steps * self._tick, self._decimals)

    def _quantity(self, price: float) -> float:
        """Give the size of a made-up level: for one price always the same share, so that levels stay as prices move."""
        return round(self._size * (1 + round(price / self._tick) % 7 / 4), 8)


def _together(whole: Candle, more: Candle) -> Candle:
    """Add what clients traded to a candle; its open and close stay."""
    return replace(
        whole, high=max(whole.high, more.high), low=min(whole.low, more.low),
        volume=round(whole.volume + more.volume, 8), quote_volume=round(whole.quote_volume + more.quote_volume, 8),
        trade_count=whole.trade_count + more.trade_count,
    )  # fmt: skip


def _best(client: Level | None, price: float, quantity: Callable[[float], float], way: int) -> Level:
    """Give the better of two levels, or both as one; `way` is 1 where the higher price is better."""
    if client is None or client[0] * way < price * way:
        return price, quantity(price)
    return client if client[0] != price else (price, round(quantity(price) + client[1], 8))


def _joined(client: Level | None, recorded: list[tuple[Decimal, Decimal]], way: int) -> Level:
    """Give the better of a client's level and the best recorded one, which may be missing."""
    if not recorded:
        return client or (0.0, 0.0)
    price, quantity = float(recorded[0][0]), float(recorded[0][1])
    return _best(client, price, lambda _: quantity, way)


def _difference(before: Levels, after: Levels) -> Levels:
    changed = {price: quantity for price, quantity in after.items() if before.get(price) != quantity}
    return changed | {price: 0.0 for price in before if price not in after}
