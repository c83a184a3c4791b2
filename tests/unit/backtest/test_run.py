"""A backtest is the engine on candles of the past: it fills as paper does, and its figures follow from its fills."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backtest.equity import curve
from bot.backtest.run import Outcome, Part, backtest
from bot.domain.errors import Misconfigured
from bot.domain.market import Market
from bot.domain.order import Side
from bot.history.columns import Columns, made
from bot.simulation.instruments import bundled
from bot.strategies.sma_cross import SmaCross

START = 1_735_689_600_000
FUNDS = {"USDT": Decimal(10_000)}


def walk(steps: list[float], symbol: str = "BTCUSDT") -> Columns:
    """Give minutes that move by these fractions; each opens where the one before closed."""
    close = np.round(60_000 * np.cumprod(1 + np.array(steps)), 2)
    opened = np.concatenate(([60_000.0], close[:-1]))
    arrays = {
        "open_time": START + 60_000 * np.arange(len(close)),
        "open": opened,
        "high": np.maximum(opened, close) + 5,
        "low": np.minimum(opened, close) - 5,
        "close": close,
        "volume": np.ones(len(close)),
    }
    return made(Market.SPOT, symbol, "1m", arrays)


def crossing(**settings_: object) -> Part:
    given_: Mapping[str, object] = {"symbol": "BTCUSDT", "fast": 2, "slow": 4, "fill": "next", **settings_}
    return Part(SmaCross, SmaCross.Config.model_validate(given_))


def run(columns: Columns, *parts: Part) -> Outcome:
    return backtest(parts or [crossing()], [columns], bundled(), FUNDS)


UP, DOWN = [0.002] * 8, [-0.002] * 8


def test_a_cross_is_traded_at_the_next_open() -> None:
    columns = walk(DOWN + UP + DOWN)
    (bought, sold) = run(columns).tally.fills
    for booked, side in ((bought, Side.BUY), (sold, Side.SELL)):
        assert booked.fill.side is side
        row = int(np.searchsorted(columns.open_time, booked.fill.time_ms))
        assert float(booked.fill.price) == columns.open[row]
    fast = [np.mean(columns.close[n - 2 : n]) for n in range(4, 24)]
    slow = [np.mean(columns.close[n - 4 : n]) for n in range(4, 24)]
    above = np.array(fast) > np.array(slow)
    crossed = [n + 4 for n in range(1, 20) if above[n] != above[n - 1]]
    assert [int(np.searchsorted(columns.open_time, each.fill.time_ms)) for each in (bought, sold)] == crossed


def test_averages_that_cross_nowhere_trade_nothing() -> None:
    outcome = run(walk([0.0] * 30))
    assert (outcome.bars, outcome.tally.trades, outcome.tally.net_pnl) == (30, [], 0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-0.004, 0.004), min_size=20, max_size=200))
def test_equity_from_fills_is_what_the_strategy_itself_counts(steps: list[float]) -> None:
    columns = walk(steps)
    outcome = run(columns)
    (slot,) = outcome.slots
    drawn = curve(columns, outcome.tally.fills, outcome.tally.trades, slot.instrument, slot.capital)
    assert drawn.equity[-1] == pytest.approx(slot.equity, abs=1e-6)
    assert (drawn.fall >= 0).all()
    assert outcome.tally.net_pnl == slot.realised


def test_strategies_share_one_wallet() -> None:
    columns = walk(DOWN + UP)
    rich = crossing(order_value=6_000.0, max_exposure=None)
    tally = run(columns, rich, rich).tally
    assert len(tally.fills) == 1
    assert [each.rule for each in tally.denied] == ["funds"]


def test_what_cannot_be_played_is_refused_with_cause_and_fix() -> None:
    with pytest.raises(Misconfigured, match=r"no rules .* for NEWUSDT; .* --rules"):
        run(walk(UP, "NEWUSDT"), crossing(symbol="NEWUSDT"))
    with pytest.raises(Misconfigured, match="wants spot BTCUSDT 5m candles"):
        run(walk(UP), crossing(candle="5m"))
    with pytest.raises(Misconfigured, match="contracts, with their leverage brackets"):
        run(walk(UP), crossing(market="futures"))
    with pytest.raises(Misconfigured, match="the wallet is empty"):
        backtest([crossing()], [walk(UP)], bundled(), {"USDT": Decimal(-5)})
