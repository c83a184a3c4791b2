"""A strategy on its whole way: from candle to order, booked fill and closed round trip."""

import asyncio
import itertools
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.outfit import FakeOutfit, Stage, buys, candle, ledger_of, sells, strategy_plan, told

from bot.domain.market import Candle
from bot.domain.messages import (
    AccountMoved,
    Attempt,
    Decision,
    FillBooked,
    FundsPosted,
    OrderChanged,
    Outcome,
    PlaceOrder,
    TradeClosed,
)
from bot.domain.order import OrderStatus, Side
from bot.ports import Recovered
from bot.runtime.plan import StrategyPlan
from bot.strategies.base import Strategy
from bot.strategies.breakout import Breakout
from bot.strategies.mean_reversion import MeanReversion

D = Decimal


async def test_a_wish_becomes_a_booked_fill_and_a_closed_round_trip() -> None:
    async with Stage(told({1: buys(), 3: sells}, order_value=100.0)) as stage:
        await stage.show(*(candle(n, close) for n, close in enumerate((100.0, 100.0, 105.0, 110.0))))
        kinds = [type(each) for each in stage.journal.outcomes]
        assert kinds == [
            AccountMoved,
            FundsPosted,
            AccountMoved,
            *(Decision, PlaceOrder, Attempt, OrderChanged, FillBooked, OrderChanged),
            *(Decision, PlaceOrder, Attempt, OrderChanged, FillBooked, OrderChanged, TradeClosed),
        ]
        (trip,) = stage.kept(TradeClosed)
        assert (trip.entry_price, trip.exit_price) == (D(100), D(110))
        assert (trip.gross, trip.fees, trip.pnl) == (D("9.99"), D("0.20989"), D("9.78011"))
        ledger = ledger_of(await stage.journal.recover())
        assert ledger.imbalance() == {}
        # 1 BTC cost 100; 0.001 of it went as fee; 0.999 brought 109.89 less 0.10989.
        assert ledger.total("USDT") == D(1000) + trip.pnl
        assert ledger.total("BTC") == 0


async def test_a_strategy_of_ours_trades_from_candle_to_profit_on_paper() -> None:
    plan = strategy_plan(MeanReversion, window=3, threshold=0.01, order_value=50.0)
    async with Stage(plan) as stage:
        await stage.show(*(candle(n, close) for n, close in enumerate((100.0, 100.0, 100.0, 90.0, 91.0, 101.0))))
        (trip,) = stage.kept(TradeClosed)
        assert (trip.entry_price, trip.exit_price) == (D(90), D(101))
        assert trip.pnl == trip.gross - trip.fees > 0
        assert [each.reason for each in stage.kept(Decision)] == ["below mean", "back at mean"]


async def test_a_fill_reaches_the_strategy_that_wished_for_it_and_no_other() -> None:
    async with Stage(told({0: buys()}), told(strategy_id=2)) as stage:
        await stage.show(candle(0, 100.0))
        assert {each.fill.client_order_id.split("-")[1] for each in stage.kept(FillBooked)} == {"1"}
        assert {each.strategy_id for each in stage.kept(FillBooked)} == {1}


# Properties: what paper trading comes to depends on the candles and on nothing else.

PRICES = st.lists(st.floats(90, 110).map(lambda price: round(price, 2)), min_size=8, max_size=30)


class Rester(Strategy):
    """Bids below the market and offers above it, so that limit orders are open most of the time."""

    name = "rester"

    def on_tick(self, candle: Candle) -> None:
        if self.orders:
            if candle.open_time // 60_000 % 7 == 0:
                self.cancel(self.orders[0].client_order_id)
        elif self.position.is_flat:
            self.buy("bid", price=candle.close * 0.98)
        else:
            self.sell("offer", price=candle.close * 1.02)


MR = strategy_plan(MeanReversion, window=3, threshold=0.01, order_value=50.0)
BREAKOUT = strategy_plan(Breakout, strategy_id=2, window=4, exit_window=2, order_value=80.0, slippage_bps=5.0)
NEXT = strategy_plan(MeanReversion, strategy_id=3, window=2, threshold=0.005, fill="next")
MIDPOINT = strategy_plan(Breakout, strategy_id=4, window=3, exit_window=2, fill="midpoint", stop_loss=0.02)
RESTER = strategy_plan(Rester, strategy_id=5, order_value=200.0)
EVERYBODY = (MR, BREAKOUT, NEXT, MIDPOINT, RESTER)


def walk(prices: list[float]) -> list[Candle]:
    """Give candles that open where the last one closed."""
    opens = [prices[0], *prices]
    return [
        candle(n, close, open=opens[n], high=max(opens[n], close) + 0.5, low=min(opens[n], close) - 0.5)
        for n, close in enumerate(prices)
    ]


async def outcomes_of(plans: tuple[StrategyPlan, ...], candles: list[Candle], sizes: list[int]) -> list[Outcome]:
    """Give what the journal keeps when candles arrive in helpings of these sizes, in turn."""
    async with Stage(*plans) as stage:
        turn, n = 0, 0
        while n < len(candles):
            size = sizes[turn % len(sizes)]
            await stage.show(*candles[n : n + size])
            turn, n = turn + 1, n + size
        return stage.journal.outcomes


@settings(max_examples=15, deadline=None)
@given(prices=PRICES, sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_results_do_not_depend_on_how_many_candles_wait(prices: list[float], sizes: list[int]) -> None:
    candles = walk(prices)
    one_by_one = asyncio.run(outcomes_of(EVERYBODY, candles, [1]))
    assert asyncio.run(outcomes_of(EVERYBODY, candles, [len(candles)])) == one_by_one
    assert asyncio.run(outcomes_of(EVERYBODY, candles, sizes)) == one_by_one


async def lives(
    plans: tuple[StrategyPlan, ...], candles: list[Candle], stops: set[int]
) -> tuple[Recovered, list[Outcome]]:
    """Give what is left when the account stops before these candles, and goes on from its journal each time."""
    outfit = FakeOutfit()
    cuts = [0, *sorted(stops), len(candles)]
    for first, last in itertools.pairwise(cuts):
        async with Stage(*plans, outfit=outfit) as stage:
            await stage.show(*candles[first:last])
    return await stage.journal.recover(), stage.journal.outcomes


def essence(outcomes: list[Outcome]) -> list[object]:
    """Give what matters of outcomes: orders and their ends, fills, money. Denials repeat themselves after a start."""
    return [
        (each.client_order_id, each.status, each.filled, each.quote_filled) if isinstance(each, OrderChanged) else each
        for each in outcomes
        if isinstance(each, PlaceOrder | OrderChanged | FillBooked | TradeClosed | FundsPosted)
    ]


def whenever(what: object) -> str:
    """Write something down without the turns of the lease in its ids: a restart has the next one."""
    return re.sub(r"\bb-\d+-|\bepoch=\d+", "", repr(what))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), prices=PRICES)
def test_a_restart_at_any_candle_changes_nothing(data: st.DataObject, prices: list[float]) -> None:
    candles = walk(prices)
    stops = data.draw(st.sets(st.integers(1, len(candles) - 1), max_size=4))
    whole, outcomes = asyncio.run(lives(EVERYBODY, candles, set()))
    broken, pieces = asyncio.run(lives(EVERYBODY, candles, stops))
    assert whenever(essence(pieces)) == whenever(essence(outcomes))
    assert whenever(broken) == whenever(whole)
    assert ledger_of(broken).imbalance() == {}


@pytest.mark.parametrize("fill", ["last", "midpoint", "next"])
async def test_a_position_survives_a_restart_and_is_sold_after_it(fill: str) -> None:
    outfit = FakeOutfit()
    plan = told({1: buys(), 3: sells}, fill=fill)
    async with Stage(plan, outfit=outfit) as stage:
        await stage.show(candle(0, 100.0), candle(1, 100.0))
    async with Stage(plan, outfit=outfit) as stage:
        await stage.show(*(candle(n, 100.0 + n) for n in range(2, 6)))
        (trip,) = stage.kept(TradeClosed)
        assert trip.entry_price == D(102) if fill == "next" else D(100)
        orders = (await stage.journal.recover()).open_orders
        assert orders == ()
        assert [each.order.side for each in stage.kept(PlaceOrder)] == [Side.BUY, Side.SELL]
        assert stage.kept(OrderChanged)[-1].status is OrderStatus.FILLED
