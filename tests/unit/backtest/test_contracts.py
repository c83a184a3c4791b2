"""Backtests of futures: long and short, funding, liquidation, and what does not fit together."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backtest.contracts import Futures, end_of, planned
from bot.backtest.equity import curve
from bot.backtest.run import Outcome, Part, backtest
from bot.domain.errors import Misconfigured
from bot.domain.ledger import strategy_ledger
from bot.domain.market import Candle, Market
from bot.history.columns import Columns, made
from bot.simulation.futures.contracts import bundled
from bot.strategies.base import Strategy

START = 1_735_689_600_000
HOUR = 3_600_000
LISTINGS = bundled()
RULES = {symbol: listing.contract.rules for symbol, listing in LISTINGS.items()}


class Turning(Strategy):
    """Goes with the last candle: long after a rise, short after a fall."""

    name = "turning"

    def on_tick(self, candle: Candle) -> None:
        rises = candle.close > candle.open
        if self.position.is_flat:
            (self.buy if rises else self.short)("with the candle")
        elif self.position.is_long != rises:
            self.close("it turned")


class Holder(Strategy):
    """Buys once and keeps it."""

    name = "holder"

    def on_tick(self, candle: Candle) -> None:
        if self.position.is_flat:
            self.buy("to keep it")


def hours(steps: list[float], symbol: str = "BTCUSDT", interval: str = "1h") -> Columns:
    close = np.round(60_000 * np.cumprod(1 + np.array(steps)), 1)
    opened = np.concatenate(([60_000.0], close[:-1]))
    arrays = {
        "open_time": START + HOUR * np.arange(len(close)), "open": opened, "high": np.maximum(opened, close) + 5,
        "low": np.minimum(opened, close) - 5, "close": close, "volume": np.ones(len(close)),
    }  # fmt: skip
    return made(Market.FUTURES, symbol, interval, arrays)


def part(strategy: type[Strategy] = Turning, **settings_: object) -> Part:
    given_: Mapping[str, object] = {
        "symbol": "BTCUSDT", "market": "futures", "candle": "1h", "fill": "next", "order_value": 1_000.0,
        "fee_pct": 0.0005, **settings_,
    }  # fmt: skip
    return Part(strategy, strategy.Config.model_validate(given_))


def run(columns: Columns, *parts: Part, futures: Futures | None = None, funds: int = 10_000) -> Outcome:
    rates = planned((), int(columns.open_time[0]), end_of(columns)).rates
    futures = futures or Futures(LISTINGS, {columns.symbol: rates})
    return backtest(parts or [part()], [columns], RULES, {"USDT": Decimal(funds)}, futures=futures)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-0.02, 0.02), min_size=20, max_size=120))
def test_equity_is_what_fills_and_funding_made_of_it(steps: list[float]) -> None:
    columns = hours(steps)
    outcome = run(columns)
    (slot,), tally = outcome.slots, outcome.tally
    mine = [each for booked in tally.income for each in booked.postings if each.ledger == strategy_ledger(1)]
    drawn = curve(columns, tally.fills, tally.trades, slot.instrument, slot.capital, mine)
    assert drawn.equity[-1] == pytest.approx(slot.equity, abs=1e-4)
    assert tally.net_pnl == slot.realised


def test_shorts_gain_when_prices_fall_and_are_paid_funding() -> None:
    outcome = run(hours([-0.001] * 20 + [0.001, 0.0]))
    (trip,) = outcome.tally.trades
    assert (trip.side, trip.market) == ("SELL", Market.FUTURES)
    assert trip.gross > 0
    assert [each.amount > 0 for each in outcome.tally.income] == [True, True]  # at 8 and at 16 o'clock
    # fees of two fills, less what funding gave
    assert trip.fees == outcome.tally.fees - outcome.tally.funding


def test_a_position_beyond_its_margin_is_closed_by_the_exchange_and_its_strategy_stopped() -> None:
    outcome = run(hours([0.001] * 3 + [-0.2] * 2), part(Holder, order_value=50_000.0, leverage=20), funds=5_000)
    tally = outcome.tally
    assert len(tally.forced) >= 1
    assert "the exchange closed" in outcome.slots[0].stopped
    (trip,) = tally.trades
    # All that there was is lost and no more: what a gap took beyond it, the insurance fund bore.
    assert trip.pnl == pytest.approx(Decimal(-5_000), abs=Decimal(1))
    assert tally.liquidation_fees == -sum(each.amount for each in tally.income if each.kind == "INSURANCE_CLEAR")


def test_an_entry_may_be_worth_the_wallet_times_the_leverage() -> None:
    for leverage, rules in ((1, ["funds"]), (5, [])):
        outcome = run(hours([0.001] * 5), part(Holder, order_value=40_000.0, leverage=leverage))
        assert [each.rule for each in outcome.tally.denied] == rules


def test_known_rates_are_completed_by_assumed_ones() -> None:
    known = [(START + 8 * HOUR, Decimal("0.0003")), (START + 16 * HOUR, Decimal("-0.0002"))]
    plan = planned(known, START, START + 40 * HOUR, Decimal("0.0001"))
    assert [(time_ms - START) // HOUR for time_ms, _ in plan.rates] == [0, 8, 16, 24, 32, 40]
    assert [str(rate) for _, rate in plan.rates] == ["0.0001", "0.0003", "-0.0002", "0.0001", "0.0001", "0.0001"]
    assert plan.assumed == 4
    every_four = [(START + hour * HOUR, Decimal(0)) for hour in range(0, 41, 4)]
    assert planned(every_four, START, START + 40 * HOUR).assumed == 0


def test_what_does_not_fit_together_is_refused() -> None:
    columns = hours([0.0] * 4)
    spot = made(Market.SPOT, "BTCUSDT", "1h", columns.arrays())
    with pytest.raises(Misconfigured, match="want 1 and 2; give them the same"):
        run(columns, part(), part(leverage=2))
    with pytest.raises(Misconfigured, match=r"no contract NEWUSDT .* --brackets FILE"):
        run(hours([0.0] * 4, "NEWUSDT"), part(symbol="NEWUSDT"))
    with pytest.raises(Misconfigured, match="wallets of their own"):
        backtest([part(), part(market="spot")], [columns, spot], RULES, {"USDT": Decimal(1)}, futures=Futures(LISTINGS))
    with pytest.raises(Misconfigured, match='set protect to "watch"'):
        run(columns, part(stop_loss=0.1, protect="exchange"))
    with pytest.raises(Misconfigured, match="none were given"):
        backtest([part()], [columns], RULES, {"USDT": Decimal(1)})
    with pytest.raises(Misconfigured, match="mark prices are of 1m and the candles of 1h"):
        run(columns, futures=Futures(LISTINGS, marks={"BTCUSDT": hours([0.0] * 4, interval="1m")}))
    with pytest.raises(Misconfigured, match="2 of 4 candles of BTCUSDT have no mark price"):
        run(columns, futures=Futures(LISTINGS, marks={"BTCUSDT": columns.rows(0, 2)}))


def test_strategies_share_one_futures_wallet_and_its_margin() -> None:
    columns = hours([0.001] * 6)
    outcome = run(columns, part(Holder, order_value=6_000.0), part(Holder, order_value=6_000.0))
    assert len(outcome.tally.fills) == 1
    assert outcome.slots[1].position.is_flat


def test_fills_of_several_symbols_carry_the_time_of_their_own_candle() -> None:
    bitcoin = hours([0.001, 0.001, 0.001, 0.001])
    ether = made(Market.FUTURES, "ETHUSDT", "1h", hours([0.001] * 4).arrays())
    both = [part(Holder), part(Holder, symbol="ETHUSDT")]
    tally = backtest(both, [bitcoin, ether], RULES, {"USDT": Decimal(10_000)}, futures=Futures(LISTINGS)).tally
    assert [(each.fill.symbol, each.fill.time_ms) for each in tally.fills] == [
        ("BTCUSDT", START + HOUR), ("ETHUSDT", START + HOUR),
    ]  # fmt: skip
