"""A frame for many parameter sets: averages come from one running sum, and only a few of them are kept."""

from threading import Lock

import numpy as np

from bot.history.columns import Columns, Floats, Ints
from bot.strategies.columns import Frame

_KEPT = 12
"""More than the values that one axis of a grid often has: 4 MB each for a year of minutes."""
_UNITS = 1e10
_WHOLE = 9e18


class LeanFrame(Frame):
    """Columns of candles whose averages are made in a millisecond when they are asked for. Threads may share it."""

    def __init__(self, columns: Columns) -> None:
        super().__init__(columns.open, columns.high, columns.low, columns.close, columns.volume)
        self._sums: Ints | None = None
        self._highest = float(np.max(columns.close))
        self._kept: dict[int, Floats] = {}
        self._alone = Lock()

    def sma(self, period: int) -> Floats:
        """Give the simple moving average of closes, NaN where the window is not full."""
        if not 0 < period <= len(self) or (self._highest * _UNITS + 0.5) * period >= _WHOLE:
            return super().sma(period)
        with self._alone:
            kept = self._kept.pop(period, None)
            if kept is not None:
                self._kept[period] = kept  # (the newest stand last)
        return self._made(period) if kept is None else kept

    def _made(self, period: int) -> Floats:
        from bot.backtest.kernel import average  # noqa: PLC0415

        with self._alone:
            if self._sums is None:  # (a sum that wraps around differs rightly)
                self._sums = np.zeros(len(self) + 1, np.int64)
                np.cumsum((self.close * _UNITS + 0.5).astype(np.int64), out=self._sums[1:])
        made = np.empty(len(self))
        average(self._sums, period, period * _UNITS, made)
        made.flags.writeable = False
        with self._alone:
            self._kept[period] = made
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return made
