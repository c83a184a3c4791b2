"""The player: it turns the candles of the source into ticks, and gives each tick to every face.

Two clocks. **Market time** is that of the candles: it starts where the history ends, runs at `speed` times real time,
and stamps everything that the market does (candles, trades, orders, fills). **Server time** (see `clock`) is the real
one: `serverTime` and the check of a request's timestamp use it, since a client measures its clock offset once and would
drift away from a clock that runs sixty times faster. Market time lies in the past, so REST klines hold closed candles
only: a client that tells an open candle by its close time could not tell one here.

A recording is played beside the candles, moment by moment, at the times that it says.
"""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, groupby
from operator import attrgetter
from typing import Protocol

import msgspec
from msgspec.structs import replace

from bot.domain.market import Candle
from bot.emulator.recorded.book import BookMoved, RecordedBook
from bot.emulator.recorded.records import BestShown, BookShown, FundingPaid, MarkShown, Record, Trade
from bot.emulator.recorded.tape import Tape
from bot.emulator.sources import Slot, Source
from bot.simulation.market import path


class Tick(msgspec.Struct, frozen=True):
    """One price of one symbol: `trades` single trades of `quantity` in all happened at it.

    `candle` is the source's whole candle, `shown` what can be seen of it by now. `is_whole` when the candle happens
    in this one tick. With `is_recorded` it comes from a recording: then `trade` is all that was traded, if anything.
    """

    candle: Candle
    shown: Candle
    price: float
    quantity: float
    trades: int
    now_ms: int
    is_whole: bool
    is_recorded: bool = False
    trade: Trade | None = None


class Moment(msgspec.Struct, frozen=True):
    """What happens at one market time: one tick of a slot, or some records, or the end of recorded candles."""

    time_ms: int
    slot: Slot | None = None
    index: int = 0
    records: tuple[Record, ...] = ()


class Audience(Protocol):
    """A face, as the player sees it."""

    def on_history(self, candle: Candle) -> None:
        """Take a candle that was before anybody looked."""
        ...

    def on_tick(self, tick: Tick) -> None:
        """Let a price happen."""
        ...

    def on_book(self, moved: BookMoved) -> None:
        """Let a recorded book move."""
        ...

    def on_mark(self, shown: MarkShown) -> None:
        """Let a recorded mark price stand from now on."""
        ...

    def on_funding(self, paid: FundingPaid) -> None:
        """Let a recorded funding happen."""
        ...

    def after_ticks(self, now_ms: int) -> None:
        """Show what belongs to the moment, not to one symbol: every symbol has ticked."""
        ...


class Player:
    """Candles, slot by slot. Faces join before `begin`."""

    def __init__(self, source: Source, *, ticks: int) -> None:
        self.interval = source.interval
        self.now_ms = source.starts_ms
        self._source, self._ticks = source, ticks
        self._faces: list[Audience] = []
        self._paths: dict[str, list[float]] = {}
        self._next: Slot | None = None
        self._records = source.records
        self._tape = Tape(source.interval)
        self._books: dict[str, RecordedBook] = {}

    @property
    def traded(self) -> frozenset[str]:
        """Give the symbols whose trades were recorded."""
        return self._source.traded

    def join(self, face: Audience) -> None:
        """Let a face see everything from the first candle on."""
        self._faces.append(face)

    def begin(self) -> None:
        """Show the history."""
        for slot in self._source.slots:
            self._remember(slot[0].open_time)
            if slot[0].open_time >= self._source.starts_ms:
                self._next = slot
                break
            for candle in slot:
                for face in self._faces:
                    face.on_history(candle)
        self._remember(self._source.starts_ms)
        for book in self._books.values():
            for face in self._faces:
                face.on_book(book.picture(self.now_ms))

    def moments(self) -> Iterator[Moment]:
        """Give what is still to be played, in the order of time; take the next when the last was performed."""
        return merge(self._slot_moments(), self._recorded_moments(), key=attrgetter("time_ms"))

    def perform(self, moment: Moment) -> bool:
        """Let a moment happen; say whether a candle of the source has ended with it."""
        if moment.slot is not None:
            self.play(moment.slot, moment.index)
            return moment.index == self._ticks - 1
        self.now_ms = max(self.now_ms, moment.time_ms)
        self._end_candles()
        for record in moment.records:
            self._play_record(record)
        for face in self._faces:
            face.after_ticks(self.now_ms)
        return not self._source.has_candles

    def slots(self) -> Iterable[Slot]:
        """Give what is still to be played, slot by slot, until the source ends."""
        while self._next is not None:
            slot, self._next = self._next, None
            yield slot
            self._next = next(iter(self._source.slots), None)

    def tick_time(self, slot: Slot, index: int) -> int:
        """Give the market time (ms) of a tick: ticks divide the candle evenly, and the last one is its end."""
        opened, ended = slot[0].open_time, slot[0].close_time + 1
        return opened + (ended - opened) * (index + 1) // self._ticks

    def play(self, slot: Slot, index: int) -> None:
        """Let one tick of a slot happen to every symbol in it, at once: nobody can answer in between."""
        self.now_ms = self.tick_time(slot, index)
        for candle in slot:
            tick = self._tick(candle, index)
            for face in self._faces:
                face.on_tick(tick)
        for face in self._faces:
            face.after_ticks(self.now_ms)

    def _slot_moments(self) -> Iterator[Moment]:
        for slot in self.slots():
            for index in range(self._ticks):
                yield Moment(self.tick_time(slot, index), slot, index)

    def _recorded_moments(self) -> Iterator[Moment]:
        ends_ms = 0
        for time_ms, records in groupby(self._records, key=attrgetter("time_ms")):
            while ends_ms and ends_ms <= time_ms:
                yield Moment(ends_ms)
                ends_ms = self._tape.end_after(ends_ms)
            ends_ms = ends_ms or self._tape.end_after(time_ms)
            yield Moment(time_ms, records=tuple(records))

    def _remember(self, until_ms: int) -> None:
        """Let the records before a time be history: only candles, marks and fundings of it are shown."""
        for record in self._records:
            if record.time_ms >= min(until_ms, self._source.starts_ms):
                self._records = chain([record], self._records)
                return
            self._learn(record)

    def _learn(self, record: Record) -> None:
        for candle in self._tape.end(record.time_ms):
            for face in self._faces:
                face.on_history(candle)
        match record:
            case Trade():
                self._tape.add(record)
            case BookShown() | BestShown():
                self._move_book(record)
            case MarkShown() | FundingPaid():
                self._play_record(record)

    def _end_candles(self) -> None:
        for candle in self._tape.end(self.now_ms):
            self._show(Tick(candle, candle, candle.close, 0.0, 0, self.now_ms, is_whole=False, is_recorded=True))

    def _play_record(self, record: Record) -> None:
        match record:
            case Trade():
                candle = self._tape.add(record)
                price, quantity = float(record.price), float(record.quantity)
                trades = record.last_id - record.first_id + 1
                self._show(Tick(candle, candle, price, quantity, trades, self.now_ms, False, True, record))
            case BookShown() | BestShown():
                if (moved := self._move_book(record)) is not None:
                    for face in self._faces:
                        face.on_book(moved)
                    self._move_price(moved.book)
            case MarkShown():
                for face in self._faces:
                    face.on_mark(record)
            case FundingPaid():
                for face in self._faces:
                    face.on_funding(record)

    def _move_book(self, record: BookShown | BestShown) -> BookMoved | None:
        book = self._books.setdefault(record.symbol, RecordedBook(record.symbol))
        return book.show(record) if isinstance(record, BookShown) else book.show_best(record)

    def _move_price(self, book: RecordedBook) -> None:
        """Where no trades were recorded, the best bid (or ask, when there is none) stands for the last price."""
        if book.symbol in self._source.traded or not (levels := book.bids or book.asks):
            return
        price = float(levels[0][0])
        if price != self._tape.price(book.symbol):
            candle = self._tape.move(book.symbol, price, self.now_ms)
            self._show(Tick(candle, candle, price, 0.0, 0, self.now_ms, is_whole=False, is_recorded=True))

    def _show(self, tick: Tick) -> None:
        for face in self._faces:
            face.on_tick(tick)

    def _tick(self, candle: Candle, index: int) -> Tick:
        total, prices = self._ticks, self._path(candle, index)
        count = max(candle.trade_count, total) if candle.volume else 0
        trades = count * (index + 1) // total - count * index // total
        shown = self._so_far(candle, prices, index, count)
        share = round(candle.volume / total, 8)
        return Tick(candle, shown, prices[index], share, trades, self.now_ms, total == 1)

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
