"""Each way in which a strategy of ticks can be another after a restart is planted, and has to be found and named."""

import random
import time
from typing import Any

import pytest
from tests.unit.backtest import clockwork

from bot.backtest.checking import Checked, check, refuse_misleading
from bot.backtest.findings import Finding
from bot.backtest.made_up import made_up
from bot.backtest.run import Part
from bot.domain.errors import Misconfigured
from bot.domain.market import Candle, Market
from bot.simulation.instruments import bundled
from bot.strategies.base import Strategy
from bot.strategies.breakout import Breakout
from bot.strategies.config import StrategyConfig
from bot.strategies.indicators import EMA, Indicator
from bot.strategies.mean_reversion import MeanReversion

CANDLES = made_up(Market.SPOT, "BTCUSDT", "1m", 2_500)


def checked(strategy: type[Strategy], *, quick: bool = True, **settings: object) -> Checked:
    config = strategy.Config.model_validate({"symbol": "BTCUSDT", **settings})
    return check(Part(strategy, config), CANDLES, bundled(), quick=quick)


def found(strategy: type[Strategy], **settings: object) -> Finding:
    (finding,) = checked(strategy, **settings).findings
    return finding


class Ours(Strategy):
    """Buys when `wants` says so, and sells five candles later."""

    name = "ours"

    def on_start(self) -> None:
        self.mean = self.indicator(EMA(10))
        self.held = 0

    def wants(self, candle: Candle) -> bool:
        return candle.close < self.mean.value * 0.9995

    def on_tick(self, candle: Candle) -> None:
        self.held = 0 if self.position.is_flat else self.held + 1
        if self.position.is_flat:
            if self.wants(candle):
                self.buy("cheap")
        elif self.held >= 5:
            self.close("long enough")


class Counts(Ours):
    """Wants something at every tenth candle since it was started."""

    name = "counts"

    def wants(self, candle: Candle) -> bool:
        self.count = getattr(self, "count", 0) + 1
        return self.count % 10 == 0


class Gathers(Ours):
    """Keeps a window of its own instead of an indicator."""

    name = "gathers"

    def wants(self, candle: Candle) -> bool:
        self.closes = [*getattr(self, "closes", []), candle.close][-40:]
        return len(self.closes) == 40 and candle.close < min(self.closes[:-1])


class Recalls(Ours):
    """Measures against the best price since it was started."""

    name = "recalls"

    def wants(self, candle: Candle) -> bool:
        self.best = max(getattr(self, "best", 0.0), candle.close)
        return candle.close < self.best * 0.99


class Slow(Indicator):
    """An average of 60 candles that says it is warm after 5."""

    warm_up = 5

    def _take(self, candle: Candle) -> None:
        self.value += (candle.close - self.value) / 60 if self.value else candle.close


class Hasty(Ours):
    """Trusts an indicator that is not warm."""

    name = "hasty"

    def on_start(self) -> None:
        super().on_start()
        self.slow = self.indicator(Slow("slow"))

    def wants(self, candle: Candle) -> bool:
        return candle.close < self.slow.value * 0.999


class Gambles(Ours):
    """Throws a die."""

    name = "gambles"

    def wants(self, candle: Candle) -> bool:
        return random.random() < 0.05


class Outlives(Ours):
    """Keeps what it knows in the class, so that one run tells the next."""

    name = "outlives"
    known: set[int] = set()

    def wants(self, candle: Candle) -> bool:
        is_new = candle.open_time not in self.known
        self.known.add(candle.open_time)
        return is_new and super().wants(candle)


@pytest.mark.parametrize("strategy", [Ours, MeanReversion, Breakout])
@pytest.mark.parametrize("quick", [True, False])
def test_an_honest_strategy_passes(strategy: type[Strategy], quick: bool) -> None:
    told = checked(strategy, quick=quick, stop_loss=0.002, trailing=0.003, cooldown=5, max_drawdown=0.01, fill="next")
    assert told.findings == []
    (looked,) = told.looked
    assert "later starts" in looked.compared


@pytest.mark.parametrize("strategy", [Counts, Gathers, Recalls, Hasty])
def test_memory_longer_than_the_warm_up_is_found_and_misleads_no_backtest(strategy: type[Strategy]) -> None:
    finding = found(strategy)
    assert finding.kind == "warm-up too short"
    assert not finding.misleads
    assert "decides otherwise at 2025-01-0" in finding.cause
    assert "indicator" in finding.fix
    assert refuse_misleading(checked(strategy)) == [finding]


def test_what_one_run_tells_the_next_is_found() -> None:
    Outlives.known.clear()
    assert found(Outlives).kind == "not repeatable"


@pytest.mark.parametrize("strategy", [Gambles, *clockwork.STRATEGIES])
def test_what_does_not_follow_from_candles_is_found(strategy: type[Strategy]) -> None:
    finding = found(strategy)
    assert finding.kind == "not repeatable"
    with pytest.raises(Misconfigured, match=r"two runs on the same candles differ from 2025-01-0.*; use no clock"):
        refuse_misleading(checked(strategy))


def test_the_clock_is_put_back() -> None:
    names = ("dates", "datetime", "now", "time")
    before = [time.time, time.time_ns, *(getattr(clockwork, name) for name in names)]
    checked(clockwork.STRATEGIES[0])
    after = [time.time, time.time_ns, *(getattr(clockwork, name) for name in names)]
    assert all(one is other for one, other in zip(before, after, strict=True))


class Breaks(Ours):
    """Fails at its first candle."""

    name = "breaks"

    def wants(self, candle: Candle) -> Any:
        raise ZeroDivisionError("no volume")


def test_a_strategy_that_is_stopped_is_told_of() -> None:
    finding = found(Breaks)
    assert (finding.kind, finding.misleads) == ("raises", False)
    assert "on_tick raised ZeroDivisionError: no volume" in finding.cause


def test_one_that_never_leaves_cannot_be_compared_and_is_told_so() -> None:
    class Holds(Ours):
        name = "holds"

        def on_tick(self, candle: Candle) -> None:
            if self.position.is_flat:
                self.buy("once and for all")

    (looked,) = checked(Holds).looked
    assert looked.finding is None
    assert "no later start could be compared" in looked.compared


def test_few_candles_and_settings_of_all_kinds_are_no_reason_to_complain() -> None:
    for rows in (1, 12, 80):
        part = Part(Ours, StrategyConfig(symbol="BTCUSDT"))
        assert check(part, CANDLES.rows(0, rows), bundled(), quick=True).findings == []
