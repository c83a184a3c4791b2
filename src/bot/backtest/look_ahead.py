"""Proves that signal columns look back alone: no row may change when later rows are cut off (prefix), and each has to
come out the same from its `lookback` rows (window), for that is all that a running bot computes it from.

Cuts are chosen, never drawn: the same strategy and candles give the same answer. More of them stand where signals are.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.backtest.findings import Finding, Found, Looked, failure, moment
from bot.backtest.other_clock import other_clock
from bot.backtest.tape import close_times
from bot.domain.instrument import Instrument
from bot.domain.order import Order
from bot.domain.position import Position
from bot.history.columns import Columns
from bot.strategies.base import Strategy
from bot.strategies.columns import Frame, Signals
from bot.strategies.config import StrategyConfig

type Told = dict[str, NDArray[Any]]
"""What a strategy said, by name of the column: truths, and the values it has seen."""

_TRUTHS = ("entries", "exits", "stops")
_GOLDEN = 0.6180339887498949
"""Steps of this fraction cover a stretch evenly and fall in with no rhythm of the candles."""


_BLOCK = 64
"""Rows before the newest that a window shows beyond its lookback: what is seen only later shows at one of them."""


class Effort(NamedTuple):
    """How much is compared: stretches of the candles, rows of one, cuts and windows in each."""

    stretches: int
    rows: int
    cuts: int
    windows: int


QUICK = Effort(stretches=2, rows=8_000, cuts=4, windows=60)
"""Some 40 ms for moving averages, however many candles there are."""
THOROUGH = Effort(stretches=1, rows=600_000, cuts=24, windows=2_000)


def check_columns(
    strategy: type[Strategy], config: StrategyConfig, instrument: Instrument, columns: Columns, effort: Effort
) -> Looked:
    """Check the columns of one strategy on these candles."""
    rows = cuts = windows = 0
    try:
        for first, last in _stretches(len(columns), effort):
            one = _Stretch(strategy, config, instrument, columns.rows(first, last))
            one.repeat()
            rows, cuts, windows = rows + last - first, cuts + one.cut(effort.cuts), windows + one.narrow(effort.windows)
            one.repeat()
    except Found as found:
        return Looked("signals as columns", found.finding)
    return Looked(
        f"signals of {rows:,} candles: the same with later ones cut off ({cuts} cuts), from lookback "
        f"{one.lookback} alone ({windows:,} windows), twice, and at another hour"
    )


def _stretches(size: int, effort: Effort) -> list[tuple[int, int]]:
    if size <= effort.stretches * effort.rows:
        return [(0, size)]
    starts = np.linspace(0, size - effort.rows, effort.stretches).astype(int).tolist()
    return [(start, start + effort.rows) for start in starts]


class _Difference(NamedTuple):
    """A row that came out otherwise, and in which column."""

    row: int
    name: str


class _Stretch:
    """Candles in a row, what a strategy says of them, and what it says of parts of them."""

    def __init__(
        self, strategy: type[Strategy], config: StrategyConfig, instrument: Instrument, columns: Columns
    ) -> None:
        self._new: Callable[[], _Asked] = lambda: _Asked(strategy, config, instrument, columns)
        self._under_another_clock: Callable[[], Any] = lambda: other_clock(strategy)
        self._columns = columns
        self._asked = self._new()
        self.lookback = self._asked.lookback
        self._given = self._asked.told(0, len(columns))
        self._whole: Told = {name: values.copy() for name, values in self._given.items()}

    def cut(self, count: int) -> int:
        """Cut later rows off at `count` places and about as many signals; give how many cuts were made."""
        size, least = len(self._columns), self.lookback
        even = (least + (size - least) * ((np.arange(count) + 1) * _GOLDEN % 1)).astype(int)
        about = 1 + self._signals(count // 2)
        cuts = sorted({int(at) for at in (*even, *about) if least <= at < size})
        for cut in cuts:
            if (difference := self._difference(0, cut)) is not None:
                raise Found(self._looks_ahead(difference, 0, cut))
        return len(cuts)

    def narrow(self, count: int) -> int:
        """Compute rows from their lookback alone, and from some rows more; give how many windows were tried."""
        rows = self._rows(count)
        for row in rows:
            for first in (row + 1 - self.lookback, max(0, row + 1 - self.lookback - _BLOCK)):
                if (difference := self._difference(first, row + 1)) is not None:
                    raise Found(self._explain(difference, first, row + 1))
        return len(rows)

    def repeat(self) -> None:
        """Ask once more, at another hour and as new, and see that nothing given out before was changed since."""
        for name, values in self._given.items():
            if not _same(values, self._whole[name]).all():
                raise Found(Finding(
                    "changes signals", f"signals() changes the column {name} that it gave out before",
                    "make new arrays at each call",
                ))  # fmt: skip
        again = self._asked.told(0, len(self._columns))
        with self._under_another_clock():
            anew = self._new().told(0, len(self._columns))
        for told in (again, anew):
            for name, values in self._whole.items():
                if name not in told or not _same(told[name], values).all():
                    raise Found(_forgetful(name))

    def _explain(self, difference: _Difference, first: int, last: int) -> Finding:
        """Say why rows come out otherwise from a window: they see later ones, or the window is too short."""
        if self._difference(first, last) != difference:
            return _forgetful(difference.name)
        restored = self._difference(first, len(self._columns))
        if restored is None or restored.row > difference.row:
            return self._looks_ahead(difference, first, last)
        self.cut(THOROUGH.cuts)
        smallest = self._smallest_lookback()
        fix = (
            f"return at least {smallest} from lookback, the smallest that works on these candles"
            if smallest is not None
            else "return more from lookback; none was found that works, so compute each row from few rows before it"
        )
        row, name = difference
        cause = (
            f"lookback {self.lookback} is too short: from so many candles {name} comes out otherwise at {self._at(row)}"
        )
        return Finding("lookback too short", cause, fix, time_ms=self._time(row))

    def _smallest_lookback(self) -> int | None:
        """Search for the smallest lookback with which rows of the later half come out right."""
        half = len(self._columns) // 2
        rows = [row for row in self._rows(400) if row >= half]

        def works(lookback: int) -> bool:
            tried = (row for row in rows if row >= lookback - 1)
            return all(self._difference(row + 1 - lookback, row + 1, lookback) is None for row in tried)

        high = self.lookback
        while not works(high):
            if high >= half:
                return None
            low, high = high, min(2 * high, half)
        if high == self.lookback:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if works(middle) else (middle, high)
        return high

    def _difference(self, first: int, last: int, lookback: int | None = None) -> _Difference | None:
        """Give the first row that comes out otherwise when rows `first` to `last` are all there are.

        Rows with less than their lookback before them are no concern: no engine decides by them.
        """
        told = self._asked.told(first, last)
        warm = (lookback or self.lookback) - 1
        for name, values in self._whole.items():
            if name not in told:
                return _Difference(first + warm, name)
            differs = ~_same(told[name][warm:], values[first + warm : last])
            if differs.any():
                return _Difference(first + warm + int(differs.argmax()), name)
        return None

    def _looks_ahead(self, difference: _Difference, first: int, last: int) -> Finding:
        row, name = difference
        if self._difference(first, last) != difference:
            return _forgetful(name)
        cause = (
            f"signals looks ahead: {name} at {self._at(row)} changes when candles from {self._at(last)} on are cut off"
        )
        fix = "use that row and earlier ones alone (no negative shift, no mean or extreme of the whole column)"
        return Finding("looks ahead", cause, fix, time_ms=self._time(row))

    def _rows(self, count: int) -> list[int]:
        """Choose rows that a window can be put before: about signals, and evenly between."""
        least, size = self.lookback - 1, len(self._columns)
        if size <= least:
            return []
        about = self._signals(count // 3)
        even = least + ((size - least) * (np.arange(count // 3) * _GOLDEN % 1)).astype(int)
        found = {int(row) for row in (*even, *about, *(about - 1)) if least <= row < size}
        return sorted(found | {size - 1})

    def _signals(self, count: int) -> NDArray[np.int64]:
        """Give up to `count` rows with a signal, evenly chosen, the same number of each column."""
        chosen: list[NDArray[np.int64]] = []
        truths = [self._whole[name] for name in _TRUTHS if name in self._whole]
        for truth in truths:
            rows = np.flatnonzero(truth[self.lookback - 1 :]) + self.lookback - 1
            share = max(1, count // len(truths))
            chosen.append(rows[np.unique(np.linspace(0, len(rows) - 1, share).astype(int))] if len(rows) else rows)
        return np.unique(np.concatenate(chosen))

    def _time(self, row: int) -> int:
        return int(close_times(self._columns.rows(row, row + 1))[0])

    def _at(self, row: int) -> str:
        return moment(int(self._columns.open_time[row]))


class _Asked:
    """One strategy that is asked for its columns; refuses, by name, what no engine could go by."""

    def __init__(
        self, strategy: type[Strategy], config: StrategyConfig, instrument: Instrument, columns: Columns
    ) -> None:
        self._candles = columns
        self._view = _Blind(config, instrument)
        try:
            self._strategy = strategy(config, self._view)
            self._strategy.on_start()
        except Exception as error:
            raise failure("on_start", error) from error
        self._view.is_shut = True
        self.lookback = self._lookback()

    def told(self, first: int, last: int) -> Told:
        """Give what it says of the candles from row `first` up to, not including, row `last`."""
        candles = self._candles
        parts = [
            column[first:last] for column in (candles.open, candles.high, candles.low, candles.close, candles.volume)
        ]
        for part in parts:
            part.flags.writeable = False
        try:
            signals = self._strategy.signals(Frame(*parts))
        except Found:
            raise
        except ValueError as error:
            if "read-only" in str(error):
                raise Found(Finding(
                    "changes candles", "signals() changes the columns of candles that it is shown",
                    "work on a copy: frame.close.copy()",
                )) from error  # fmt: skip
            raise failure("signals", error) from error
        except Exception as error:
            raise failure("signals", error) from error
        return dict(_columns_of(signals, last - first))

    def _lookback(self) -> int:
        try:
            lookback = self._strategy.lookback
        except Exception as error:
            raise failure("lookback", error) from error
        if type(lookback) is not int or lookback < 1:
            cause = f"lookback is {lookback!r}; it has to be a whole number of candles, 1 or more"
            raise Found(
                Finding("wrong lookback", cause, "return how many candles one row is made of, its own among them")
            )
        return lookback


class _Blind:
    """What a strategy may look at while it makes columns: its instrument. Position and money are of no row."""

    def __init__(self, config: StrategyConfig, instrument: Instrument) -> None:
        self.is_shut = False
        self.instrument = instrument
        self._config = config

    @property
    def position(self) -> Position:
        """Nothing is held."""
        self._refuse("position")
        return Position(self._config.symbol, self._config.market_of)

    @property
    def orders(self) -> Sequence[Order]:
        """Nothing is open."""
        self._refuse("orders")
        return ()

    @property
    def equity(self) -> float:
        """The capital."""
        self._refuse("equity")
        return self._config.capital_or_default

    def _refuse(self, name: str) -> None:
        if self.is_shut:
            raise Found(Finding(
                "looks aside", f"signals() looks at its {name}, which the candles do not tell",
                "decide by the frame alone; exits count only while something is held, entries only while nothing is",
            ))  # fmt: skip


def _columns_of(signals: object, size: int) -> Iterator[tuple[str, NDArray[Any]]]:
    if not isinstance(signals, Signals):
        raise Found(_odd(f"signals() gave {type(signals).__name__}", "return Signals(entries=…, exits=…, stops=…)"))
    for name in _TRUTHS:
        column = getattr(signals, name)
        if column is None and name != "entries":
            continue
        _refuse_shape(name, column, size)
        if column.dtype != np.bool_:
            nan = ", and NaN counts as true there" if column.dtype.kind == "f" else ""
            cause = f"the column {name} is {column.dtype}, not bool{nan}"
            raise Found(_odd(cause, "compare, so that each row is true or false (a comparison with NaN is false)"))
        yield name, column
    for label, column in signals.seen.items():
        name = f"seen[{label!r}]"
        _refuse_shape(name, column, size)
        if column.dtype.kind not in "fiub":
            raise Found(_odd(f"the column {name} is {column.dtype}", "give numbers"))
        yield name, column


def _refuse_shape(name: str, column: object, size: int) -> None:
    if not isinstance(column, np.ndarray):
        raise Found(
            _odd(f"the column {name} is {type(column).__name__}, no array", "give a numpy array, one value a row")
        )
    if column.shape != (size,):
        cause = f"the column {name} has shape {column.shape} for {size} candles"
        raise Found(_odd(cause, "give one value a row: fill what cannot be known with false or NaN"))


def _forgetful(name: str) -> Finding:
    return Finding(
        "not repeatable",
        f"signals() gave another column {name} when it was asked again",
        "use no clock, no randomness and nothing kept from earlier calls",
    )


def _odd(cause: str, fix: str) -> Finding:
    return Finding("wrong columns", cause, fix)


def _same(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Compare rows: truths exactly, values as far as sums in another order may leave them apart."""
    if one.dtype == np.bool_ and other.dtype == np.bool_:
        same: NDArray[np.bool_] = one == other
    else:
        same = np.isclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True)
    return same
