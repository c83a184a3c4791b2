"""The moving market: it plays candles as trades, lets the exchange feel each price, and shows it on the streams.

Two clocks. **Market time** is that of the candles: it starts where the history ends, runs at `speed` times real time,
and stamps everything that the market does (candles, trades, orders, fills). **Wall time** is the real one: `serverTime`
and the check of a request's timestamp use it, since a client measures its clock offset once and would drift away from a
clock that runs sixty times faster. Market time lies in the past, so REST klines hold closed candles only: a client that
tells an open candle by its close time could not tell one here.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from msgspec.structs import replace

from bot.domain.instrument import Instrument
from bot.domain.market import INTERVAL_MS, Candle, PublicTrade, Quote
from bot.domain.money import exact
from bot.emulator import wire
from bot.emulator.hub import Hub
from bot.emulator.series import Series
from bot.emulator.sources import Slot, Source
from bot.simulation.exchange import Exchange, RestingOrder
from bot.simulation.market import path

OnTouched = Callable[[list[RestingOrder]], None]


class Board:
    """What one symbol shows: its last trades, best prices, and the ids they carry."""

    def __init__(self, instrument: Instrument, base: str) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.stream = instrument.symbol.lower()
        self.series = Series(instrument.symbol, base)
        self.trades: deque[tuple[PublicTrade, int, int]] = deque(maxlen=1_000)
        """Public trades, each with the first and last id of the single trades it stands for."""
        self.update_id = 1
        self.last_trade_id = 0
        self._agg_id = 0
        self.last = 0.0
        self._depth = 1.0
        self._tick = float(instrument.price.tick) or 1e-8

    def take(self, candle: Candle, price: float, quantity: float, trades: int, now_ms: int) -> None:
        """Move to a price; `trades` single trades of `quantity` in all happened at it."""
        self.update_id += 1
        self._depth = max(candle.volume / 10, float(self.instrument.lot.step))
        if trades:
            first = self.last_trade_id + 1
            self.last_trade_id += trades
            self._agg_id += 1
            trade = PublicTrade(candle.symbol, self._agg_id, price, quantity, now_ms, price < self.last)
            self.trades.append((trade, first, self.last_trade_id))
        self.last = price

    def levels(self, count: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Give made-up bids and asks around the last price: one a tick, growing with the distance."""
        bids = [(self._away(-step), self._size(step)) for step in range(count)]
        asks = [(self._away(step + 1), self._size(step)) for step in range(count)]
        return [level for level in bids if level[0] > 0], asks

    def quote(self, now_ms: int) -> Quote:
        """Give the best bid and ask: the last price, and one tick above it."""
        size = self._size(0)
        return Quote(self.instrument.symbol, self.last, size, self._away(1), size, now_ms)

    def day(self, now_ms: int) -> Candle:
        """Give the last 24 hours as one candle."""
        start = now_ms - INTERVAL_MS["1d"]
        candles = self.series.klines(self.series.base, start, None, 100_000) or list(self.series.closed)[-1:]
        last = self.last
        if not candles:
            return Candle(self.instrument.symbol, "1d", start, last, last, last, last, 0.0, now_ms)
        return Candle(
            self.instrument.symbol, "1d", start, candles[0].open, max(one.high for one in candles),
            min(one.low for one in candles), self.last, sum(one.volume for one in candles), now_ms,
            sum(one.quote_volume for one in candles), sum(one.trade_count for one in candles),
        )  # fmt: skip

    def _away(self, steps: int) -> float:
        return round(self.last + steps * self._tick, 8)

    def _size(self, step: int) -> float:
        return round(self._depth * (1 + step / 4), 8)


class Market:
    """All boards, moved slot by slot."""

    def __init__(self, source: Source, exchange: Exchange, hub: Hub, *, ticks: int, on_touched: OnTouched) -> None:
        self.interval = source.interval
        self.boards = {symbol: Board(rules, source.interval) for symbol, rules in source.instruments.items()}
        self._slots = source.slots
        self._exchange, self._hub, self._ticks, self._on_touched = exchange, hub, ticks, on_touched
        self.now_ms = source.starts_ms
        self._paths: dict[str, list[float]] = {}
        self._next: Slot | None = None
        for slot in self._slots:
            if slot[0].open_time >= source.starts_ms:
                self._next = slot
                break
            self._remember(slot)

    def slots(self) -> Iterable[Slot]:
        """Give what is still to be played, slot by slot, until the source ends."""
        while self._next is not None:
            slot, self._next = self._next, None
            yield slot
            self._next = next(iter(self._slots), None)

    def tick_time(self, slot: Slot, index: int) -> int:
        """Give the market time (ms) of a tick: ticks divide the candle evenly, and the last one is its end."""
        opened, ended = slot[0].open_time, slot[0].close_time + 1
        return opened + (ended - opened) * (index + 1) // self._ticks

    def play(self, slot: Slot, index: int) -> None:
        """Let one tick of a slot happen to every symbol in it, at once: nobody can answer in between."""
        self.now_ms = self.tick_time(slot, index)
        for candle in slot:
            self._play(candle, index)

    def _play(self, candle: Candle, index: int) -> None:
        board, total = self.boards[candle.symbol], self._ticks
        prices = self._path(candle, index)
        share = candle.volume / total
        count = max(candle.trade_count, total) if candle.volume else 0
        trades = count * (index + 1) // total - count * index // total
        board.take(candle, prices[index], round(share, 8), trades, self.now_ms)
        if total == 1:
            # A whole candle at once: resting orders meet its high and low too, exactly as in a backtest.
            touched = self._exchange.on_candle(candle)
        else:
            touched = self._exchange.on_price(candle.symbol, exact(prices[index]), self.now_ms)
        if touched:
            self._on_touched(touched)
        self._show(board, self._so_far(candle, prices, index, count), trades)

    def _path(self, candle: Candle, index: int) -> list[float]:
        """Give the prices of a candle's ticks; they are laid out once, at its first tick."""
        if self._ticks == 1:
            return [candle.close]
        if index == 0:
            self._paths[candle.symbol] = path(candle, self._ticks)
        return self._paths[candle.symbol]

    def _so_far(self, candle: Candle, prices: list[float], index: int, count: int) -> Candle:
        """Give the candle as it stands after a tick: at the last one exactly the candle of the source."""
        if index == self._ticks - 1:
            return candle if candle.trade_count or not count else replace(candle, trade_count=count)
        seen = [candle.open, *prices[: index + 1]]
        part = (index + 1) / self._ticks
        return replace(
            candle, high=max(seen), low=min(seen), close=prices[index], volume=candle.volume * part,
            quote_volume=candle.quote_volume * part, trade_count=count * (index + 1) // self._ticks,
            is_closed=False,
        )  # fmt: skip

    def _show(self, board: Board, candle: Candle, trades: int) -> None:
        """Send what this tick looks like to whoever listens."""
        hub, name, now_ms = self._hub, board.stream, self.now_ms
        if trades:
            hub.publish(f"{name}@aggTrade", lambda: wire.agg_trade_event(*board.trades[-1]))
            hub.publish(f"{name}@trade", lambda: wire.trade_event(board.trades[-1][0], board.last_trade_id))
        hub.publish(f"{name}@bookTicker", lambda: wire.book_ticker_event(board.quote(now_ms), board.update_id))
        for shown in board.series.add_and_show(candle, hub.intervals(name)):
            frame = partial(wire.kline_event, shown, now_ms, board.last_trade_id)
            hub.publish(f"{name}@kline_{shown.interval}", frame)
        if candle.is_closed:
            hub.publish(f"{name}@miniTicker", lambda: wire.mini_ticker_event(board.day(now_ms), now_ms))

    def _remember(self, slot: Slot) -> None:
        """Take a slot as history: it was before anybody looked."""
        for candle in slot:
            board = self.boards[candle.symbol]
            board.take(candle, candle.close, candle.volume, max(candle.trade_count, 1), candle.close_time)
            board.series.add(candle)
            self._exchange.on_candle(candle)
