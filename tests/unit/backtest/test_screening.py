"""Screening walks many parameter sets at once, in order, and says in words what it leaves to the engine."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bot.backtest.run import Part, backtest
from bot.backtest.screening import Screened, screen, unknown
from bot.domain.instrument import Instrument, LotRule
from bot.domain.market import Candle, Market
from bot.history.columns import Columns, made
from bot.risk.rules import Limits
from bot.simulation.instruments import bundled
from bot.strategies.base import Strategy
from bot.strategies.columns import Frame, Signals
from bot.strategies.sma_cross import SmaCross

BTC = bundled()["BTCUSDT"]


def wandering(rows: int, start: float = 60_000.0, decimals: int = 2) -> Columns:
    random = np.random.default_rng(3)
    close = np.round(start * np.exp(np.cumsum(random.normal(0, 0.002, rows))), decimals)
    opened = np.concatenate(([start], close[:-1]))[:rows]
    arrays = {
        "open_time": 1_735_689_600_000 + 60_000 * np.arange(rows), "open": opened, "high": np.maximum(opened, close),
        "low": np.minimum(opened, close), "close": close, "volume": np.ones(rows),
    }  # fmt: skip
    return made(Market.SPOT, "BTCUSDT", "1m", arrays)


def crossing(**settings: Any) -> SmaCross.Config:
    return SmaCross.Config.model_validate({"symbol": "BTCUSDT", "fast": 2, "slow": 5, "fill": "next", **settings})


class Faulty(SmaCross):
    """A strategy whose columns cannot be computed for some settings."""

    name = "faulty"

    def signals(self, frame: Frame) -> Signals:
        if self.config.fast == 2:
            raise ZeroDivisionError("nothing to divide")
        return super().signals(frame)._replace(entries=np.zeros(3, np.bool_))


class Watching(SmaCross):
    """A strategy that looks at each candle itself."""

    name = "watching"

    def on_tick(self, candle: Candle) -> None:
        """Do nothing."""


def test_sets_come_back_in_their_order_and_each_is_told_of() -> None:
    columns, told = wandering(3_000), []
    configs = [crossing(fast=fast, slow=slow) for fast in (2, 5, 9) for slow in (10, 30, 90)]
    found = screen(SmaCross, configs, columns, BTC, Decimal(10_000), jobs=2, done=lambda: told.append(1))
    for config, one in zip(configs, found, strict=True):
        exact = backtest([Part(SmaCross, config)], [columns], {"BTCUSDT": BTC}, {"USDT": Decimal(10_000)}).tally
        assert isinstance(one, Screened)
        assert (one.trades, one.net_pnl) == (len(exact.trades), pytest.approx(float(exact.net_pnl)))
    assert len(told) == len(configs)


def test_averages_longer_than_the_candles_trade_nothing() -> None:
    (found,) = screen(SmaCross, [crossing(slow=500)], wandering(100), BTC, Decimal(10_000))
    assert isinstance(found, Screened)
    assert (found.trades, found.win_rate, found.profit_factor, found.max_drawdown) == (0, None, None, 0)


def test_a_set_that_the_strategy_cannot_compute_is_told_of_and_harms_no_other() -> None:
    raising, short = screen(Faulty, [crossing(), crossing(fast=3)], wandering(50), BTC, Decimal(10_000))
    assert raising == "ZeroDivisionError: nothing to divide"
    assert short == "ValueError: signals of 3 rows for 50 candles"


def test_prices_that_no_exchange_has_are_left_to_the_engine() -> None:
    (found,) = screen(SmaCross, [crossing()], wandering(50, decimals=16), BTC, Decimal(10_000))
    assert found == "prices of more digits than an exchange has"


def test_amounts_beyond_64_bits_are_left_to_the_engine() -> None:
    (found,) = screen(SmaCross, [crossing()], wandering(50), BTC, Decimal(10) ** 13)
    assert found == "prices or amounts of more digits than 64 bits hold"


def test_without_candles_there_is_nothing_to_screen() -> None:
    assert screen(SmaCross, [crossing()], wandering(0), BTC, Decimal(1)) == ["no candles"]


@pytest.mark.parametrize(
    ("strategy", "settings", "rules", "limits", "what"),
    [
        (Watching, {}, BTC, None, "a strategy with on_tick of its own"),
        (Strategy, {}, BTC, None, "a strategy without signal columns"),
        (SmaCross, {"market": "futures"}, BTC, None, "futures"),
        (SmaCross, {"protect": "exchange", "stop_loss": 0.01}, BTC, None, "stops that rest on the exchange"),
        (SmaCross, {"max_drawdown": 0.1}, BTC, None, "max_drawdown"),
        (SmaCross, {"daily_loss": 5.0}, BTC, None, "daily_loss"),
        (SmaCross, {}, BTC, Limits(max_open_orders=1), "limits of the account"),
        (SmaCross, {}, replace(BTC, status="HALT"), None, "a symbol without market orders"),
        (SmaCross, {}, replace(BTC, lot=LotRule()), None, "such steps of quantity"),
        (SmaCross, {}, replace(BTC, max_position=Decimal(1)), None, "a largest position"),
        (SmaCross, {"stop_loss": 0.01, "trailing": 0.02, "min_profit": 0.001, "cooldown": 3}, BTC, Limits(), None),
    ],
)
def test_what_the_kernel_does_not_know_is_said_in_words(
    strategy: type[Strategy], settings: dict[str, Any], rules: Instrument, limits: Limits | None, what: str | None
) -> None:
    assert unknown(strategy, crossing(**settings), rules, limits) == what
