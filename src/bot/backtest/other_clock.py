"""Another clock for a strategy's own code: whatever it reads of the time, it reads a time that is hours away.

Decisions that follow from candles alone are the same under it. Only what strategies can reach is exchanged, and only
within the `with`.
"""

import datetime as dates
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from bot.strategies.base import Strategy

SHIFT_S = 7 * 3600 + 13 * 60 + 29.5
"""Far enough that hour, minute and second differ."""
_SHIFT = dates.timedelta(seconds=SHIFT_S)
_CLOCKS = ("time", "monotonic", "perf_counter")


class _Alike(type):
    """A moment stays a moment, whichever clock it was read from."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


class _Moment(dates.datetime, metaclass=_Alike):
    @classmethod
    def now(cls, tz: dates.tzinfo | None = None) -> Any:
        return dates.datetime.now(tz) + _SHIFT

    @classmethod
    def utcnow(cls) -> Any:
        return dates.datetime.now(dates.UTC).replace(tzinfo=None) + _SHIFT

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _Day(dates.date, metaclass=_Alike):
    @classmethod
    def today(cls) -> Any:
        return dates.datetime.now(dates.UTC).date() + dates.timedelta(days=3)


@contextmanager
def other_clock(strategy: type[Strategy]) -> Iterator[None]:
    """Let the modules in which a strategy is written see another time."""
    false = _false_clocks()
    instead: dict[int, Any] = {id(getattr(time, name)): clock for name, clock in false.items()}
    instead |= {id(dates.datetime): _Moment, id(dates.date): _Day}
    instead[id(time)] = SimpleNamespace(**{**vars(time), **false})
    instead[id(dates)] = SimpleNamespace(**{**vars(dates), "datetime": _Moment, "date": _Day})
    # What is imported within a function is found in the module of the clock itself.
    exchanged = [(vars(time), {name: vars(time)[name] for name in ("time", "time_ns")})]
    for names in _own_names(strategy):
        exchanged.append((names, {name: value for name, value in names.items() if id(value) in instead}))
    try:
        for names, there in exchanged:
            names.update({name: instead[id(value)] for name, value in there.items()})
        yield
    finally:
        for names, there in exchanged:
            names.update(there)


def _false_clocks() -> dict[str, Callable[[], Any]]:
    def ahead(name: str, by: float) -> Callable[[], Any]:
        clock = getattr(time, name)
        return lambda: clock() + by

    seconds = {name: ahead(name, SHIFT_S) for name in _CLOCKS}
    return seconds | {f"{name}_ns": ahead(f"{name}_ns", int(SHIFT_S * 1e9)) for name in _CLOCKS}


def _own_names(strategy: type[Strategy]) -> list[dict[str, Any]]:
    modules = {cls.__module__ for cls in strategy.__mro__} - {"builtins", Strategy.__module__}
    return [vars(sys.modules[name]) for name in sorted(modules) if name in sys.modules]
