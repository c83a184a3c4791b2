"""Sparse replay: the same engine, called only at candles where something can happen.

Where no order rests and nothing is watched, a strategy that decides by columns does nothing until its next signal: of
the candles before it only their number and the last price are told. Results equal dense replay's; tests compare.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from bot.backtest.replay import Replay
from bot.backtest.tape import close_times
from bot.domain.market import INTERVAL_MS, Candle, Market
from bot.engine.slot import Slot
from bot.history.columns import Columns
from bot.risk.rules import Limits
from bot.simulation.desk import Desk
from bot.strategies.base import Strategy
from bot.strategies.columns import ENTER, EXIT, STOP, KnownRow


def hindrance(slots: Sequence[Slot], series: Sequence[Columns], limits: Limits) -> str:
    """Say why these have to be replayed densely; "" when they need not."""
    if any(columns.market is not Market.SPOT for columns in series):
        return "futures are settled candle by candle"
    if len({columns.symbol for columns in series}) < len(series):
        return "two series are of one symbol"
    if len(series) > 1 and limits != Limits():
        return "limits of the account look at the newest price of every symbol"
    for slot in slots:
        name, kind = slot.strategy.name, type(slot.strategy)
        if not kind.has_signals() or kind.on_tick is not Strategy.on_tick:
            return f"{name} decides candle by candle"
        if slot.strategy.indicators != [slot.strategy.signal_row]:
            return f"{name} follows indicators candle by candle"
        if slot.guard is not None:
            return f"{name} guards what it holds by stops on the exchange"
        if slot.follows_peak:
            return f"max_drawdown of {name} is looked at with every candle"
    return ""


class Track:
    """One series with the strategies that it goes to, and how far each of both was played."""

    def __init__(self, columns: Columns, slots: Sequence[Slot], memory_ms: int) -> None:
        """Take the strategies of this series; the desk remembers candles for so long."""
        self.columns = columns
        self.closes = close_times(columns)
        self.next_row = 0
        """The first row that may matter."""
        self.done = 0
        """Rows that the strategies have seen, or leapt over."""
        self.shown = 0
        """Rows that the desk has seen."""
        self._kept = memory_ms // INTERVAL_MS[columns.interval]
        self._rows = len(columns)
        self._slots = [(slot, _known(slot), *_signalled(_known(slot))) for slot in slots]
        self.is_busy = False
        """True while an order of these strategies is open."""

    def look_ahead(self) -> None:
        """Find the next row at which something can happen."""
        first, found = self.done, self._rows
        self.is_busy = False
        for slot, _, enter, leave in self._slots:
            held = slot.position.quantity
            if slot.live:
                self.is_busy = True
            if slot.live or (held and _is_watching(slot)):
                found = first
                continue
            rows = leave if held else enter
            at = bisect_left(rows, first)
            if at < len(rows):
                found = min(found, rows[at])
        self.next_row = found

    def leap(self, row: int) -> None:
        """Pass over the rows before `row`."""
        skipped = row - self.done
        if skipped:
            last = row - 1
            price, closed = self.columns.close.item(last), self.closes.item(last)
            for slot, known, _, _ in self._slots:
                slot.leap(skipped, price, self.columns.open_time.item(last), closed)
                known.leap(skipped)
        self.done = row + 1

    def candle(self, row: int) -> Candle:
        """Give one row as a candle."""
        columns = self.columns
        quote = 0.0 if columns.quote_volume is None else max(columns.quote_volume.item(row), 0.0)
        count = 0 if columns.count is None else max(columns.count.item(row), 0)
        return Candle(
            columns.symbol, columns.interval, columns.open_time.item(row), columns.open.item(row),
            columns.high.item(row), columns.low.item(row), columns.close.item(row), columns.volume.item(row),
            self.closes.item(row), quote, count, True, columns.market,
        )  # fmt: skip

    def unshown(self, row: int) -> list[Candle]:
        """Give what the desk has not seen yet of the rows before `row`, as far back as it remembers."""
        first, self.shown = max(self.shown, row - self._kept), row + 1
        return [self.candle(each) for each in range(first, row)]


def play(replay: Replay, slots: Sequence[Slot], series: Sequence[Columns]) -> None:
    """Play all series to their end, each in leaps, all of them in the order of time."""
    assert isinstance(replay.desk, Desk)
    memory_ms = replay.desk.memory_ms
    tracks = [
        Track(columns, [slot for slot in slots if slot.stream == columns.stream], memory_ms) for columns in series
    ]
    for track in tracks:
        track.look_ahead()
    while True:
        awake = [track for track in tracks if track.next_row < len(track.columns)]
        if not awake:
            break
        _step(replay, min(awake, key=lambda track: track.closes.item(track.next_row)))
    for track in tracks:
        track.leap(len(track.columns))


def _step(replay: Replay, track: Track) -> None:
    row = track.next_row
    candle = track.candle(row)
    track.leap(row)
    if track.is_busy:
        _show(replay, track, row, candle)
        replay.settle()
    if outcomes := replay.engine.handle(candle):
        if track.shown <= row:
            _show(replay, track, row, candle)
        replay.act(outcomes)
        replay.settle()
    track.look_ahead()


def _show(replay: Replay, track: Track, row: int, candle: Candle) -> None:
    for each in track.unshown(row):
        replay.desk.see(each)
    replay.desk.see(candle)


def _known(slot: Slot) -> KnownRow:
    known = slot.strategy.signal_row
    assert isinstance(known, KnownRow)
    return known


def _signalled(known: KnownRow) -> tuple[list[int], list[int]]:
    """Give the rows that may enter, and those that may leave."""
    enter, leave = known.marks & ENTER, known.marks & (STOP | EXIT)
    return np.flatnonzero(enter).tolist(), np.flatnonzero(leave).tolist()


def _is_watching(slot: Slot) -> bool:
    return slot.watches_exits or slot.limits.daily_loss is not None or bool(slot.awaited_exit)
