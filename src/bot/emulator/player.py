"""The player: it turns the candles of the source into ticks, and gives each tick to every face.

Two clocks. **Market time** is that of the candles: it starts where the history ends, runs at `speed` times real time,
and stamps everything that the market does (candles, trades, orders, fills). **Server time** (see `clock`) is the real
one: `serverTime` and the check of a request's timestamp use it, since a client measures its clock offset once and would
drift away from a clock that runs sixty times faster. Market time lies in the past, so REST klines hold closed candles
only: a client that tells an open candle by its close time could not tell one here.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec
from msgspec.structs import replace

from bot.domain.market import Candle
from bot.emulator.sources import Slot, Source
from bot.simulation.market import path


class Tick(msgspec.Struct, frozen=True):
    """One price of one symbol: `trades` single trades of `quantity` in all happened at it.

    `candle` is the source's whole candle, `shown` what can be seen of it by now. `is_whole` when the candle happens
    in this one tick.
    """

    candle: Candle
    shown: Candle
    price: float
    quantity: float
    trades: int
    now_ms: int
    is_whole: bool


class Audience(Protocol):
    """A face, as the player sees it."""

    def on_history(self, candle: Candle) -> None:
        """Take a candle that was before anybody looked."""
        ...

    def on_tick(self, tick: Tick) -> None:
        """Let a price happen."""
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

    def join(self, face: Audience) -> None:
        """Let a face see everything from the first candle on."""
        self._faces.append(face)

    def begin(self) -> None:
        """Show the history."""
        for slot in self._source.slots:
            if slot[0].open_time >= self._source.starts_ms:
                self._next = slot
                break
            for candle in slot:
                for face in self._faces:
                    face.on_history(candle)

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
