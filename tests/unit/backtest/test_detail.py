"""Finer candles inside the coarse ones tell what came first; where that changes nothing, nothing changes."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backtest.contracts import Futures
from bot.backtest.run import Outcome, Part, backtest
from bot.domain.errors import Misconfigured
from bot.domain.market import Candle, Market
from bot.domain.order import Fill, Purpose, Side
from bot.history.columns import Columns, made
from bot.simulation.futures.contracts import bundled as contracts
from bot.simulation.instruments import bundled
from bot.strategies.base import Strategy, Wish

START, MINUTE = 1_735_689_600_000, 60_000
LISTINGS = contracts()


class Bracketed(Strategy):
    """Buys with a limit, and leaves at a limit above: both may lie within one candle."""

    name = "bracketed"

    def on_tick(self, candle: Candle) -> None:
        if self.position.is_flat and not self.orders:
            self.buy("cheap", price=round(candle.close * 0.99, 1))

    def on_fill(self, fill: Fill) -> None:
        if fill.side is Side.BUY:
            self.sell("dear", price=round(float(fill.price) * 1.02, 1))


class OneAtATime(Strategy):
    """Has one limit order in the market, decided on at the close."""

    name = "one_at_a_time"

    def on_tick(self, candle: Candle) -> None:
        if self.orders:
            return
        if self.position.is_flat:
            self.buy("cheap", price=round(candle.close * 0.998, 1))
        else:
            self.sell("dear", price=round(candle.close * 1.002, 1))


class Shorting(Strategy):
    """Sells short at the market, and buys back at a limit below."""

    name = "shorting"

    def on_tick(self, candle: Candle) -> None:
        if self.position.is_flat and not self.orders:
            self.short("dear")

    def on_fill(self, fill: Fill) -> None:
        if fill.side is Side.SELL:
            self._wishes.append(Wish(Side.BUY, Purpose.EXIT, "cheap", price=round(float(fill.price) * 0.98, 1)))


def minutes(prices: list[float], market: Market = Market.SPOT) -> Columns:
    """Give minutes that go straight from one price to the next."""
    close = np.array(prices[1:])
    opened = np.array(prices[:-1])
    arrays = {
        "open_time": START + MINUTE * np.arange(len(close)), "open": opened, "high": np.maximum(opened, close),
        "low": np.minimum(opened, close), "close": close, "volume": np.ones(len(close)),
    }  # fmt: skip
    return made(market, "BTCUSDT", "1m", arrays)


def coarse(fine: Columns, interval: str = "5m", count: int = 5) -> Columns:
    """Put minutes together."""
    length = len(fine) // count * count
    part = {name: array[:length].reshape(-1, count) for name, array in fine.arrays().items()}
    arrays = {
        "open_time": part["open_time"][:, 0], "open": part["open"][:, 0], "high": part["high"].max(axis=1),
        "low": part["low"].min(axis=1), "close": part["close"][:, -1], "volume": part["volume"].sum(axis=1),
    }  # fmt: skip
    return made(fine.market, fine.symbol, interval, arrays)


def run(strategy: type[Strategy], columns: Columns, detail: Columns | None, **changes: object) -> Outcome:
    wanted: Mapping[str, object] = {
        "symbol": "BTCUSDT", "candle": columns.interval, "market": columns.market.value, "fee_pct": 0.0, "fill": "next",
        "order_value": 1_000.0, **changes,
    }  # fmt: skip
    part = Part(strategy, strategy.Config.model_validate(wanted))
    is_spot = columns.market is Market.SPOT
    rules = bundled() if is_spot else {symbol: each.contract.rules for symbol, each in LISTINGS.items()}
    return backtest(
        [part], [columns], rules, {"USDT": Decimal(10_000)}, futures=None if is_spot else Futures(LISTINGS),
        detail=[] if detail is None else [detail],
    )  # fmt: skip


def test_what_an_order_brings_about_can_happen_within_the_same_candle() -> None:
    down_and_up = [60_000.0] * 6 + [59_000.0, 60_000.0, 60_700.0, 60_700.0, 60_000.0] + [60_000.0] * 5
    fine = minutes(down_and_up)
    blind, told = run(Bracketed, coarse(fine), None), run(Bracketed, coarse(fine), fine)
    assert (len(blind.tally.trades), len(told.tally.trades)) == (0, 1)
    bought, sold = told.tally.fills
    assert (bought.fill.time_ms, sold.fill.time_ms) == (START + 6 * MINUTE - 1, START + 8 * MINUTE - 1)


def test_a_short_liquidated_after_its_target_has_gained_and_before_it_has_not() -> None:
    """Without detail the worst is taken to come first."""
    for path, trades in (([58_000.0, 90_000.0], "cheap"), ([90_000.0, 58_000.0], "the exchange closed")):
        prices = [60_000.0] * 11 + [*path, 60_000.0, 60_000.0, 60_000.0] + [60_000.0] * 5
        fine = minutes(prices, Market.FUTURES)
        wanted = {"order_value": 90_000.0, "leverage": 20}
        (trip, *_) = run(Shorting, coarse(fine), fine, **wanted).tally.trades
        assert trip.reason.startswith(trades)
        (trip, *_) = run(Shorting, coarse(fine), None, **wanted).tally.trades
        assert trip.reason.startswith("the exchange closed")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-0.004, 0.004), min_size=50, max_size=150), st.sampled_from(list(Market)))
def test_one_order_at_a_time_gets_the_same_price_with_detail_and_without(steps: list[float], market: Market) -> None:
    fine = minutes([60_000.0, *np.round(60_000 * np.cumprod(1 + np.array(steps)), 1).tolist()], market)
    blind, told = (run(OneAtATime, coarse(fine), detail).tally.fills for detail in (None, fine))
    assert [(each.fill.side, each.fill.price, each.fill.quantity) for each in blind] == [
        (each.fill.side, each.fill.price, each.fill.quantity) for each in told
    ]
    assert all(early.fill.time_ms <= late.fill.time_ms for early, late in zip(told, blind, strict=True))


def test_detail_that_does_not_fit_is_refused_in_one_line() -> None:
    fine = minutes([60_000.0] * 31)
    columns = coarse(fine)
    holes = made(
        fine.market, fine.symbol, "1m", {name: np.delete(each, [7, 8, 21]) for name, each in fine.arrays().items()}
    )
    dear = minutes([61_000.0] * 31)
    three = coarse(fine, "3m", 3)
    for detail, complaint in (
        (columns, "not finer"),
        (three, "no whole number"),
        (holes, r"3 are missing in 2 of 6 candles, the first of them at 2025-01-01 00:05"),
        (fine.rows(0, 20), "10 are missing in 2 of 6"),
        (dear, "they open at other prices"),
        (minutes([60_000.0] * 31, Market.FUTURES), "is played in 0"),
    ):
        with pytest.raises(Misconfigured, match=complaint):
            run(Bracketed, columns, detail)
    with pytest.raises(Misconfigured, match="choose fill next or last"):
        run(Bracketed, columns, fine, fill="midpoint")
