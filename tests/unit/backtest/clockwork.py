"""Strategies that read a clock, each in another way: a module of its own, as a person's file is."""

import datetime as dates
import time
from datetime import UTC, datetime
from time import time as now

from bot.domain.market import Candle
from bot.strategies.base import Strategy
from bot.strategies.indicators import SMA


class _Clocked(Strategy):
    def on_start(self) -> None:
        self.mean = self.indicator(SMA(10))

    def hour(self) -> float:
        raise NotImplementedError

    def on_tick(self, candle: Candle) -> None:
        if self.position.is_flat:
            if candle.close < self.mean.value * (1 - self.hour() * 1e-5):
                self.buy("cheap for this hour")
        elif candle.close > self.mean.value:
            self.sell_all("back")


def hour_of_the_day() -> int:
    return datetime.now(UTC).hour


class ByDatetime(_Clocked):
    name = "by_datetime"

    def hour(self) -> float:
        return hour_of_the_day()


class ByModule(_Clocked):
    name = "by_module"

    def hour(self) -> float:
        return dates.datetime.now(dates.UTC).hour


class ByTime(_Clocked):
    name = "by_time"

    def hour(self) -> float:
        return time.time() // 3600 % 24


class ByName(_Clocked):
    name = "by_name"

    def hour(self) -> float:
        return now() // 3600 % 24


class ByImport(_Clocked):
    name = "by_import"

    def hour(self) -> float:
        from time import time_ns

        return time_ns() // 3_600_000_000_000 % 24


class ByDay(_Clocked):
    name = "by_day"

    def hour(self) -> float:
        return dates.date.today().toordinal() % 5 * 5  # noqa: DTZ011 (that is what is found)


STRATEGIES = (ByDatetime, ByModule, ByTime, ByName, ByImport, ByDay)
