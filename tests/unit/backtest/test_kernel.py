"""The kernel decides as the engine does: same trades, same money, for candles, settings and rules drawn at random."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from bot.backtest.equity import curve
from bot.backtest.run import Part, backtest
from bot.backtest.screening import Screen, Screened
from bot.domain.figures import profit_factor, win_rate
from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Market
from bot.history.columns import Columns, made
from bot.strategies.base import Strategy
from bot.strategies.columns import Frame, Signals
from bot.strategies.config import StrategyConfig
from bot.strategies.sma_cross import SmaCross

START = 1_735_689_600_000


class Scattered(Strategy):
    """Signals that look random and are made of the last digits of the close."""

    name = "scattered"

    class Config(StrategyConfig):
        """One signal in so many rows; 0 for none."""

        entry: int = Field(3, ge=1)
        leave: int = Field(5, ge=0)
        halt: int = Field(11, ge=0)

    def signals(self, frame: Frame) -> Signals:
        """Look at nothing but the row."""
        digits = np.rint(frame.close * 1e5).astype(np.int64) // 7
        config = self.config
        return Signals(
            entries=digits % config.entry == 0,
            exits=digits % config.leave == 0 if config.leave else None,
            stops=digits % config.halt == 1 if config.halt else None,
        )


def candles(start: float, tick: float, seed: int, rows: int, volatility: float) -> Columns:
    """Give minutes on the tick that wander by the seed; some open away from where the one before closed."""
    random = np.random.default_rng(seed)
    gaps = random.choice([0.0, 0.0, 0.0, volatility], rows) * random.normal(0, 1, rows)
    close = start * np.exp(np.cumsum(gaps + random.normal(0, volatility, rows)))
    opened = np.concatenate(([start], close[:-1])) * np.exp(gaps)
    high = np.maximum(opened, close) * (1 + volatility * random.random(rows))
    low = np.minimum(opened, close) * (1 - volatility * random.random(rows))

    def on_tick(prices: Any) -> Any:
        places = max(0, -int(np.floor(np.log10(tick))))
        return np.round(np.maximum(np.rint(prices / tick), 1) * tick, places)

    volume = random.choice([0.0, 0.5, 1.0, 7.0], rows, p=[0.03, 0.3, 0.37, 0.3])
    arrays = {
        "open_time": START + 60_000 * np.arange(len(close)),
        "open": on_tick(opened), "high": on_tick(high), "low": on_tick(low), "close": on_tick(close),
        "volume": volume,
    }  # fmt: skip
    return made(Market.SPOT, "AAABBB", "1m", arrays)


def rules(tick: str, step: str, **changes: Any) -> Instrument:
    """Give a symbol's rules."""
    lot = LotRule(smallest=Decimal(step) * changes.pop("smallest", 1), largest=changes.pop("largest", Decimal(0)),
                  step=Decimal(step))  # fmt: skip
    return Instrument(
        symbol="AAABBB", base="AAA", quote="BBB", price=PriceRule(tick=Decimal(tick)), lot=lot,
        notional=NotionalRule(smallest=changes.pop("notional", Decimal(5))), **changes,
    )  # fmt: skip


def compare(
    strategy: type[Strategy], config: StrategyConfig, columns: Columns, instrument: Instrument, funds: Decimal
) -> Screened | str:
    """Hold the kernel's figures against those of the engine, and give them."""
    found = Screen(strategy, columns, instrument, funds)(config)
    if isinstance(found, str):
        return found
    outcome = backtest([Part(strategy, config)], [columns], {instrument.symbol: instrument}, {instrument.quote: funds})
    tally, (slot,) = outcome.tally, outcome.slots
    pnls = [trade.pnl for trade in tally.trades]
    assert found.trades == len(pnls)
    turnover = sum(float(booked.fill.price * booked.fill.quantity) for booked in tally.fills)
    near = {"rel": 1e-6, "abs": 1e-12 * turnover + 1e-12}
    assert found.net_pnl == pytest.approx(float(tally.net_pnl), **near)
    assert found.fees == pytest.approx(float(tally.fees), **near)
    assert found.unrealised == pytest.approx(slot.unrealised, **near)
    won, factor = win_rate(sum(pnl > 0 for pnl in pnls), len(pnls)), profit_factor(pnls)
    assert found.win_rate == (None if won is None else pytest.approx(float(won)))
    assert found.profit_factor == (None if factor is None else pytest.approx(float(factor), rel=1e-6))
    drawn = curve(columns, tally.fills, tally.trades, slot.instrument, config.capital or float(funds))
    assert found.max_drawdown == pytest.approx(float(drawn.fall.max()), rel=1e-6, abs=1e-9)
    trips = Screen(strategy, columns, instrument, funds).trips(config)
    assert not isinstance(trips, str)
    assert trips.pnl.tolist() == pytest.approx([float(pnl) for pnl in pnls], **near)
    times = columns.open_time if config.fill == "next" else columns.open_time + 59_999
    assert times[trips.left].tolist() == [trade.closed_ms for trade in tally.trades]
    assert times[trips.entered].tolist() == [trade.opened_ms for trade in tally.trades]
    return found


walks = st.tuples(st.integers(0, 2**32), st.sampled_from([2, 60, 400, 400]), st.sampled_from([0.0005, 0.005, 0.03]))
maybe = st.sampled_from([None, None, 0.0012, 0.01, 0.05])
settings_of = st.fixed_dictionaries(
    {
        "entry": st.integers(1, 3),
        "leave": st.integers(0, 6),
        "halt": st.sampled_from([0, 0, 9, 40]),
        "fill": st.sampled_from(["last", "midpoint", "next"]),
        "slippage_bps": st.sampled_from([0.0, 1.0, 5.0, 0.25, 300.0]),
        "fee_pct": st.sampled_from([0.0, 0.001, 0.00075, 0.0123456, 0.05]),
        "order_value": st.sampled_from([99.99, 120.0, 50.0, 6.0, 1234.5]),
        "min_profit": st.sampled_from([0.0, 0.0, 0.001, 0.01]),
        "stop_loss": maybe,
        "trailing": maybe,
        "take_profit": st.none() | st.floats(0.01, 0.05),
        "cooldown": st.sampled_from([0, 0, 1, 5]),
        "warm_up": st.sampled_from([0, 0, 7]),
        "capital": st.none() | st.just(2_000.0),
        "max_exposure": st.sampled_from([None, None, None, 60.0, 105.0]),
    }
)
symbols = st.sampled_from(
    [
        (60_000.0, rules("0.01", "0.00001")),
        (60_000.0, rules("10", "0.001", notional=Decimal(1))),
        (2.0, rules("0.0001", "0.1", notional=Decimal("5.5"))),
        (0.3, rules("0.00001", "1", smallest=7)),
        (0.000_012, rules("0.00000001", "1")),
        (100.0, rules("0.01", "0.05", market_lot=LotRule(largest=Decimal("0.43")))),
        (100.0, rules("0.01", "0.2", notional=Decimal(48))),
        (60_000.0, rules("0.01", "0.00001", average_minutes=5)),
        (100.0, rules("0.01", "0.01", notional=Decimal(99), average_minutes=3)),
    ]
)


@settings(max_examples=100, deadline=None)
@given(walk=walks, raw=settings_of, symbol=symbols, funds=st.sampled_from(["10000", "10000", "260", "130"]))
def test_kernel_and_engine_agree(
    walk: tuple[int, int, float], raw: dict[str, Any], symbol: tuple[float, Instrument], funds: str
) -> None:
    start, instrument = symbol
    columns = candles(start, float(instrument.price.tick), *walk)
    middle = float(np.median(columns.close))
    raw = raw | ({"min_price": middle * 0.97, "max_price": middle * 1.03} if raw["warm_up"] else {})
    config = Scattered.Config.model_validate({"symbol": "AAABBB", **raw})
    compare(Scattered, config, columns, instrument, Decimal(funds))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("raw", "funds"),
    [
        ({"fee_pct": 0.05, "fill": "last"}, "260"),
        ({"fee_pct": 0.05, "fill": "next", "volatility": 0.03}, "260"),
        ({"take_profit": 0.01, "min_profit": 0.0095, "leave": 0, "halt": 0}, "10000"),
        ({"min_profit": 0.004, "trailing": 0.01, "halt": 0}, "10000"),
        ({"cooldown": 6, "entry": 2, "stop_loss": 0.002, "fill": "midpoint"}, "10000"),
        ({"warm_up": 30, "slippage_bps": 7.5}, "10000"),
    ],
)
def test_corners_are_turned_as_the_engine_turns_them(raw: dict[str, Any], funds: str, seed: int) -> None:
    raw = {"symbol": "AAABBB", "order_value": 120.0, "fill": "next", **raw}
    columns = candles(60_000.0, 0.01, seed, 400, raw.pop("volatility", 0.005))
    config = Scattered.Config.model_validate(raw)
    found = compare(Scattered, config, columns, rules("0.01", "0.00001"), Decimal(funds))
    assert isinstance(found, str) == ("doubt" in str(found))
    assert isinstance(found, str) or found.trades


def test_filters_by_an_average_price_are_obeyed_or_doubted() -> None:
    """An order that the engine lets pass by the close, and the exchange refuses by the average, is seen."""
    told = []
    for seed in range(12):
        columns = candles(100.0, 0.01, seed, 300, 0.005)
        config = Scattered.Config.model_validate({"symbol": "AAABBB", "order_value": 100.0, "fill": "next"})
        for notional in (20, 98):
            symbol = rules("0.01", "0.01", notional=Decimal(notional), average_minutes=5)
            told.append((notional, compare(Scattered, config, columns, symbol, Decimal(10_000))))
    assert any(isinstance(found, str) and "doubt" in found for notional, found in told if notional == 98)
    assert any(isinstance(found, Screened) and found.trades for notional, found in told if notional == 20)


@settings(max_examples=40, deadline=None)
@given(walk=walks, fast=st.integers(1, 4), slow=st.integers(5, 9), fill=st.sampled_from(["last", "next"]))
def test_averages_that_cross_agree(walk: tuple[int, int, float], fast: int, slow: int, fill: str) -> None:
    config = SmaCross.Config.model_validate({"symbol": "AAABBB", "fast": fast, "slow": slow, "fill": fill})
    found = compare(SmaCross, config, candles(60_000.0, 0.01, *walk), rules("0.01", "0.00001"), Decimal(10_000))
    assert isinstance(found, Screened)
