"""Detail: finer candles played inside the coarse ones while something is at stake, so that their order is known.

The engine still decides on the coarse candles. What nobody waits for is played coarsely, as without detail.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from bot.backtest.tape import candles, close_times
from bot.domain.errors import Misconfigured
from bot.domain.market import INTERVAL_MS, Candle
from bot.domain.messages import Event
from bot.history.checks import when
from bot.history.columns import Columns

_APART = 0.01
"""Opens that differ by more than this fraction are not of the same market."""


class Watcher(Protocol):
    """A desk, as far as it sees candles."""

    def see(self, candle: Candle) -> None:
        """Let the market move."""
        ...

    def is_at_stake(self, symbol: str) -> bool:
        """Say whether candles of a symbol may touch anything."""
        ...


class Detail:
    """Shows a desk the candles of some symbols in fine ones, and lets what each fills be `settled` before the next."""

    def __init__(self, desk: Watcher, fine: Sequence[Columns], inbox: deque[Event], settle: Callable[[], None]) -> None:
        self._desk, self._inbox, self._settle = desk, inbox, settle
        self._fine: Mapping[str, Columns] = {columns.symbol: columns for columns in fine}

    def see(self, candle: Candle) -> None:
        """Let the market move as a candle says, in as fine a way as is known."""
        fine, desk = self._fine.get(candle.symbol), self._desk
        if fine is None or not desk.is_at_stake(candle.symbol):
            desk.see(candle)
            return
        first, after = np.searchsorted(fine.open_time, (candle.open_time, candle.close_time))
        for each in candles([fine.rows(int(first), int(after))]):
            desk.see(each)
            if self._inbox:
                self._settle()


def refuse_unfit(fine: Columns, coarse: Columns) -> None:
    """Raise Misconfigured unless every coarse candle is made of fine ones, all of them there."""
    names = f"detail of {fine.interval} for candles of {coarse.interval}"
    if INTERVAL_MS[fine.interval] >= INTERVAL_MS[coarse.interval]:
        raise Misconfigured(f"{names}: it is not finer; give a shorter interval")
    ends = close_times(coarse) + 1
    spans = ends - coarse.open_time
    if (spans % INTERVAL_MS[fine.interval]).any():
        raise Misconfigured(f"{names}: one is no whole number of the other; give an interval that divides it")
    first = np.searchsorted(fine.open_time, coarse.open_time)
    missing = spans // INTERVAL_MS[fine.interval] - (np.searchsorted(fine.open_time, ends) - first)
    if missing.any():
        bad = missing > 0
        raise Misconfigured(
            f"{names}: {int(missing.sum())} are missing in {int(bad.sum())} of {len(coarse)} candles, the first of them"
            f" at {when(int(coarse.open_time[bad.argmax()]))}; give detail without holes"
        )
    apart = np.abs(fine.open[first] / coarse.open - 1) > _APART
    if apart.any():
        at = when(int(coarse.open_time[apart.argmax()]))
        raise Misconfigured(f"{names}: at {at} they open at other prices; give detail of the same symbol and market")
