"""Signals as columns: a strategy says for whole columns of candles where it would enter and leave.

The same class runs candle by candle (on a window of the newest candles) and over years at once; `SignalRow` is where
both meet. A row may look at itself and what came before it, never at what comes after.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import Candle
from bot.strategies.indicators import Indicator

type Floats = NDArray[np.float64]
type Bools = NDArray[np.bool_]

_UNITS = 1e10
_WHOLE = 9e18
"""Sums of whole units up to here fit 64 bits; beyond it Python's own integers count."""


class Frame:
    """Candles as float64 columns of one length, oldest first, with averages that are computed once for all who ask."""

    def __init__(self, open: Floats, high: Floats, low: Floats, close: Floats, volume: Floats) -> None:  # noqa: A002
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
        self._known: dict[tuple[str, int], Floats] = {}

    def __len__(self) -> int:
        return len(self.close)

    def sma(self, period: int) -> Floats:
        """Give the simple moving average of closes, NaN where the window is not full. Equal to `indicators.SMA`."""
        return self._once("sma", period, self._sma)

    def highest(self, period: int) -> Floats:
        """Give the highest high of the `period` candles before each one, NaN where those are not all there."""
        return self._once("highest", period, lambda size: _extreme(np.maximum, self.high, size))

    def lowest(self, period: int) -> Floats:
        """Give the lowest low of the `period` candles before each one, NaN where those are not all there."""
        return self._once("lowest", period, lambda size: _extreme(np.minimum, self.low, size))

    def _once(self, name: str, period: int, compute: Callable[[int], Floats]) -> Floats:
        known = self._known.get((name, period))
        if known is None:
            known = self._known[name, period] = compute(period) if period <= len(self) else np.full(len(self), np.nan)
            known.flags.writeable = False
        return known

    def _sma(self, period: int) -> Floats:
        # Whole units are summed, so that an average depends on its window alone; sums that wrap around differ rightly.
        scaled = self.close * _UNITS + 0.5
        is_small = float(np.max(scaled)) * period < _WHOLE
        units = scaled.astype(np.int64) if is_small else np.array([int(each) for each in scaled.tolist()], object)
        sums = np.concatenate(([0], np.cumsum(units)))
        average = np.full(len(self), np.nan)
        average[period - 1 :] = (sums[period:] - sums[:-period]).astype(np.float64) / (period * _UNITS)
        return average


class Signals(NamedTuple):
    """Where a strategy enters and leaves: one truth value a row of the frame.

    It enters when flat, and leaves what it holds: by `exits` unless the gain is below `min_profit`, by `stops` whatever
    the gain. The words go into the record of orders, as do the values of `seen`.
    """

    entries: Bools
    exits: Bools | None = None
    stops: Bools | None = None
    why_enter: str = "entry signal"
    why_exit: str = "exit signal"
    why_stop: str = "stop signal"
    seen: Mapping[str, Floats] = {}


def crossed_above(one: Floats, other: Floats) -> Bools:
    """Say at which rows `one` is above `other` after it was not, both known in either row."""
    above = one > other
    known = ~(np.isnan(one) | np.isnan(other))
    crossed = np.zeros(len(above), np.bool_)
    crossed[1:] = above[1:] & ~above[:-1] & known[:-1]
    return crossed


def crossed_below(one: Floats, other: Floats) -> Bools:
    """Say at which rows `one` is no longer above `other` after it was, both known in either row."""
    above = one > other
    known = ~(np.isnan(one) | np.isnan(other))
    crossed = np.zeros(len(above), np.bool_)
    crossed[1:] = ~above[1:] & above[:-1] & known[1:]
    return crossed


ENTER, STOP, EXIT = 1, 2, 4
"""What a row's mark is made of."""


def marks_of(signals: Signals) -> NDArray[np.uint8]:
    """Give one mark a row: which of ENTER, STOP and EXIT it says; 0 where it says nothing."""
    marks = signals.entries.astype(np.uint8)
    if signals.stops is not None:
        marks |= signals.stops.astype(np.uint8) * np.uint8(STOP)
    if signals.exits is not None:
        marks |= signals.exits.astype(np.uint8) * np.uint8(EXIT)
    return marks


class SignalRow(Indicator):
    """What the columns say at the newest candle, computed from a window of candles, and only when it is asked for."""

    def __init__(self, compute: Callable[[Frame], Signals], lookback: int) -> None:
        super().__init__("signals")
        self.warm_up = lookback
        self._compute = compute
        self._window: Floats = np.zeros((5, 0))
        self._end = 0
        self._signals: Signals | None = None

    @property
    def signals(self) -> Signals:
        """Columns whose row number `row` is the newest candle's."""
        if self._signals is None:
            first = max(0, self._end - self.warm_up)
            self._signals = self._compute(Frame(*self._window[:, first : self._end]))
        return self._signals

    @property
    def row(self) -> int:
        """The newest candle's row in `signals`."""
        return -1

    @property
    def mark(self) -> int:
        """What the newest row says: ENTER, STOP and EXIT added up."""
        signals = self.signals
        mark = ENTER if signals.entries[-1] else 0
        if signals.stops is not None and signals.stops[-1]:
            mark += STOP
        return mark + EXIT if signals.exits is not None and signals.exits[-1] else mark

    def _take(self, candle: Candle) -> None:
        self._signals = None
        if self._end == self._window.shape[1]:
            kept = self._window[:, max(0, self._end - self.warm_up) : self._end]
            self._window = np.concatenate((kept, np.zeros((5, self.warm_up + 64))), axis=1)
            self._end = kept.shape[1]
        self._window[:, self._end] = candle.open, candle.high, candle.low, candle.close, candle.volume
        self._end += 1


class KnownRow(Indicator):
    """What the columns say at the newest candle, looked up in columns of all candles that will come."""

    def __init__(self, signals: Signals, lookback: int) -> None:
        super().__init__("signals")
        self.warm_up = lookback
        self.signals = signals
        self.marks = marks_of(signals)
        """One a candle, as `mark` will be."""
        self.mark = 0
        self._of = self.marks.tobytes()

    @property
    def row(self) -> int:
        """The newest candle's row in `signals`."""
        return self.count - 1

    def update(self, candle: Candle) -> None:  # noqa: ARG002 (it is known)
        """Go on to the next row."""
        self.mark = self._of[self.count]
        self.count += 1

    def leap(self, candles: int) -> None:
        """Go on by so many rows at once."""
        self.count += candles


def _extreme(take: np.ufunc, values: Floats, period: int) -> Floats:
    """Give the extreme of the rows before each in linear time: of blocks, from their starts and from their ends."""
    size = len(values)
    padded = np.concatenate((values, np.full(-size % period, values[-1]))).reshape(-1, period)
    from_start = take.accumulate(padded, axis=1).ravel()[:size]
    from_end = take.accumulate(padded[:, ::-1], axis=1)[:, ::-1].ravel()[:size]
    extreme = np.full(size, np.nan)
    extreme[period:] = take(from_end[: size - period], from_start[period - 1 : -1])
    return extreme
