"""What is wrong with candles: each kind of flaw found over whole columns at once, and told in words."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import Misconfigured
from bot.domain.market import INTERVAL_MS, next_open

if TYPE_CHECKING:
    from bot.history.columns import Columns

_OFF_GRID = "not on the grid"
_MONDAY_MS = 4 * INTERVAL_MS["1d"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One kind of flaw: how many candles have it, and where the first stands (row counted from 1, and its time)."""

    kind: str
    count: int
    row: int
    time_ms: int

    def __str__(self) -> str:
        """Say it to a person."""
        rows = f"{self.count} candles" if self.count > 1 else "1 candle"
        return f"{self.kind}: {rows}, first in row {self.row} ({when(self.time_ms)})"


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing candles: the first and the last open time that are not there (ms), and how many."""

    first_ms: int
    last_ms: int
    count: int

    def __str__(self) -> str:
        """Say it to a person."""
        return f"{self.count} missing from {when(self.first_ms)} to {when(self.last_ms)}"


def flaws(columns: "Columns") -> list[Flaw]:
    """Find everything that makes candles unusable, worst first. Holes are not among it."""
    times = columns.open_time
    prices = [columns.open, columns.high, columns.low, columns.close]
    extras = [columns.quote_volume, columns.taker_buy_volume, columns.taker_buy_quote_volume]
    volumes = [columns.volume, *(one for one in extras if one is not None)]
    steps = np.diff(times)
    with np.errstate(invalid="ignore"):
        is_high_low = columns.high < np.maximum(np.maximum(columns.open, columns.close), columns.low)
        found = [
            ("not a number", _any([~np.isfinite(one) for one in (*prices, columns.volume)])),
            ("price zero or negative", _any([one <= 0 for one in prices])),
            ("volume negative", _any([one < 0 for one in volumes])),
            ("high below open, low or close", is_high_low),
            ("low above open or close", columns.low > np.minimum(columns.open, columns.close)),
            ("same time twice", _later(steps == 0) | _repeated(times, steps)),
            ("earlier than the candle before", _later(steps < 0)),
            (f"{_OFF_GRID} of {columns.interval}", slots(times, columns.interval)[1]),
        ]  # fmt: skip
    return [
        Flaw(kind, int(bad.sum()), int(bad.argmax()) + 1, int(times[bad.argmax()])) for kind, bad in found if bad.any()
    ]


def refuse_dirty(columns: "Columns", source: str) -> None:
    """Raise Misconfigured in one line when candles are unusable; `source` is what a person calls them."""
    if not len(columns):
        raise Misconfigured(f"{source}: holds no candle; fetch it again")
    found = flaws(columns)
    if found:
        is_interval = found[0].kind.startswith(_OFF_GRID)
        fix = "name the interval that it has" if is_interval else "mend the file or take another"
        raise Misconfigured(f"{source}: {', '.join(map(str, found))}; {fix}")
    step = np.diff(slots(columns.open_time, columns.interval)[0])
    if len(step) and step.min() > 1:
        raise Misconfigured(
            f"{source}: no two candles are {columns.interval} apart, the nearest are {step.min()} x {columns.interval};"
            " name the interval that it has"
        )


def gaps(columns: "Columns", after_ms: int | None = None) -> list[Gap]:
    """Find the holes between the first and the last candle, and before the first if one that opens then precedes it."""
    times = columns.open_time if after_ms is None else np.concatenate(([after_ms], columns.open_time))
    missing = np.diff(slots(times, columns.interval)[0]) - 1
    return [
        Gap(
            next_open(int(times[at]), columns.interval), _before(int(times[at + 1]), columns.interval),
            int(missing[at]),
        )
        for at in np.flatnonzero(missing > 0)
    ]  # fmt: skip


def slots(times: NDArray[np.int64], interval: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Number candles so that neighbours in time differ by one, and say which do not open where that interval does."""
    if interval == "1M":
        months = times.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype(np.int64), months.astype("datetime64[ms]").astype(np.int64) != times
    step = INTERVAL_MS[interval]
    # Where the exchange lets a series of three days begin is not documented: the first candle says it.
    phase = {"1w": _MONDAY_MS, "3d": int(times[0]) % step if len(times) else 0}.get(interval, 0)
    numbers, rest = np.divmod(times - phase, step)
    return numbers, rest != 0


def when(time_ms: int) -> str:
    """Write a time for a person."""
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC").replace(":00 UTC", " UTC")
    except (ValueError, OverflowError, OSError):
        return f"time {time_ms}, which is no date"


def _before(open_time: int, interval: str) -> int:
    if interval != "1M":
        return open_time - INTERVAL_MS[interval]
    day = datetime.fromtimestamp(open_time / 1000, UTC)
    earlier = day.replace(year=day.year - (day.month == 1), month=(day.month - 2) % 12 + 1)
    return int(earlier.timestamp() * 1000)


def _any(masks: list[Any]) -> Any:
    return np.logical_or.reduce(masks)


def _later(mask: Any) -> Any:
    """Turn a mask of steps into one of the candles they lead to."""
    return np.concatenate(([False], mask))


def _repeated(times: NDArray[np.int64], steps: NDArray[np.int64]) -> Any:
    """Find times seen before that do not follow each other; nothing to look for where time only grows."""
    if (steps > 0).all():
        return np.zeros(len(times), np.bool_)
    seen = np.ones(len(times), np.bool_)
    seen[np.unique(times, return_index=True)[1]] = False
    return seen
