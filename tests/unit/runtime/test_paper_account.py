"""Paper accounts on futures: they trade as backtests do, and a restart finds position, money and what is still to pay."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import numpy as np
from tests.fakes.feed import FakeFeed
from tests.fakes.outfit import BTC, START, FakeOutfit, Stage, account_plan, candle, strategy_plan

from bot.backtest.contracts import Futures, planned
from bot.backtest.run import Part, backtest
from bot.domain.market import Candle, Market
from bot.domain.messages import FillBooked, IncomeBooked, TradeClosed
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.history.columns import Columns, made
from bot.ports import Broker, OpenOrder, Recovered, StrategyState
from bot.runtime.paper_account import paper_broker
from bot.runtime.plan import AccountPlan
from bot.runtime.recovery import funded_until, holdings
from bot.runtime.setting_up import Listed
from bot.simulation.futures.contracts import CAUTIOUS, bundled, listing_of
from bot.simulation.futures_desk import FuturesDesk, Holding
from bot.strategies.base import Strategy

D = Decimal
HOUR = 3_600_000
FUTURE = msgspec.structs.replace(BTC, market=Market.FUTURES)


class Turning(Strategy):
    """Goes with the last candle: long after a rise, short after a fall."""

    name = "turning"

    def on_tick(self, candle: Candle) -> None:
        rises = candle.close > candle.open
        if self.position.is_flat:
            (self.buy if rises else self.short)("with the candle")
        elif self.position.is_long != rises:
            self.close("it turned")


class Outfit(FakeOutfit):
    """Gives the brokers that the program gives."""

    def __init__(self) -> None:
        super().__init__(FakeFeed(FUTURE))

    async def broker(self, plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:
        self.brokers.append(paper_broker(plan, instruments, recovered, self.clock.now_ms()))
        return self.brokers[-1]


def hours(count: int) -> Columns:
    steps = np.random.default_rng(7).normal(0, 0.004, count)
    close = np.round(60_000 * np.cumprod(1 + steps), 2)
    opened = np.concatenate(([60_000.0], close[:-1]))
    first = START // HOUR * HOUR
    arrays = {
        "open_time": first + HOUR * np.arange(count), "open": opened, "high": np.maximum(opened, close) + 5,
        "low": np.minimum(opened, close) - 5, "close": close, "volume": np.ones(count),
    }  # fmt: skip
    return made(Market.FUTURES, "BTCUSDT", "1h", arrays)


def shown(columns: Columns) -> list[Candle]:
    rows = zip(
        *(getattr(columns, name).tolist() for name in ("open_time", "open", "high", "low", "close")), strict=True
    )
    return [
        Candle(
            "BTCUSDT",
            "1h",
            at,
            first,
            high,
            low,
            last,
            1.0,
            at + HOUR - 1,
            0.0,
            0,
            is_closed=True,
            market=Market.FUTURES,
        )
        for at, first, high, low, last in rows
    ]


WANTED: Mapping[str, object] = {
    "market": "futures", "candle": "1h", "order_value": 500.0, "fee_pct": 0.0005, "fill": "next", "slippage_bps": 2.0,
}  # fmt: skip


async def test_paper_and_backtest_deal_alike_over_restarts_too() -> None:
    columns = hours(60)
    candles, outfit = shown(columns), Outfit()
    plan = strategy_plan(Turning, **WANTED)
    booked: list[FillBooked] = []
    for first in (0, 25, 41):
        last = {0: 25, 25: 41, 41: 60}[first]
        async with Stage(plan, outfit=outfit) as stage:
            await stage.show(*candles[first:last])
        booked = stage.kept(FillBooked)
    part = Part(Turning, plan.config)
    contract = listing_of(FUTURE, bundled())
    rates = planned((), int(columns.open_time[0]), int(columns.open_time[-1]) + HOUR).rates
    tally = backtest(
        [part],
        [columns],
        {"BTCUSDT": FUTURE},
        {"USDT": D(1000)},
        futures=Futures({"BTCUSDT": contract}, {"BTCUSDT": rates}),
    ).tally
    assert len(tally.trades) > 10

    def deal(fill: Fill) -> tuple[object, ...]:
        return fill.time_ms, fill.side, fill.price, fill.quantity, fill.fee, fill.realised

    assert [deal(each.fill) for each in booked] == [deal(each.fill) for each in tally.fills]
    incomes = [(each.time_ms, each.amount) for each in stage.kept(IncomeBooked)]
    assert incomes == [(each.time_ms, each.amount) for each in tally.income]
    assert len(incomes) > 3
    assert [each.pnl for each in stage.kept(TradeClosed)] == [each.pnl for each in tally.trades]


def filled(trade_id: int, side: Side, quantity: str, price: str, symbol: str = "BTCUSDT") -> Fill:
    return Fill(
        f"o-{trade_id}", symbol, trade_id, side, Price(D(price)), Quantity(D(quantity)), D(0), "USDT",
        START + trade_id, market=Market.FUTURES, realised=D(0),
    )  # fmt: skip


def left(*states: tuple[Fill, ...], orders: tuple[OpenOrder, ...] = (), funded_ms: int = 0) -> Recovered:
    return Recovered(
        balances={("owner", "USDT"): D(1000)},
        open_orders=orders,
        strategies={n: StrategyState(n, fills=fills) for n, fills in enumerate(states, 1)},
        fill_keys=frozenset(fill.key for fills in states for fill in fills),
        income_ms={"FUNDING_FEE": funded_ms} if funded_ms else {},
    )


def test_positions_of_several_strategies_are_one_on_the_exchange() -> None:
    buy, sell = Side.BUY, Side.SELL
    assert holdings(left((filled(1, buy, "2", "100"), filled(3, buy, "2", "110")))) == {
        "BTCUSDT": Holding(D(4), D(105))
    }
    # The second strategy's short closed half of the first one's long: what is left of that cost what it did.
    assert holdings(left((filled(1, buy, "2", "100"),), (filled(2, sell, "1", "110"),))) == {
        "BTCUSDT": Holding(D(1), D(100))
    }
    assert holdings(left((filled(1, buy, "1", "100"),), (filled(2, sell, "3", "110"),))) == {
        "BTCUSDT": Holding(D(-2), D(110))
    }
    assert holdings(left((filled(1, buy, "1", "100"),), (filled(2, sell, "1", "110"),))) == {}
    spot = msgspec.structs.replace(filled(1, buy, "1", "100"), market=Market.SPOT)
    assert holdings(left((spot,))) == {}


def test_funding_is_owed_since_it_was_last_paid_while_something_is_held() -> None:
    long = (filled(5, Side.BUY, "1", "100"),)
    assert funded_until(left(), "BTCUSDT", START + HOUR) == START + HOUR
    assert funded_until(left(long), "BTCUSDT", START + HOUR) == START + 5
    assert funded_until(left(long, funded_ms=START + 99), "BTCUSDT", START + HOUR) == START + 99


async def test_a_limit_order_that_waited_goes_on_waiting_after_a_restart() -> None:
    order = Order(
        "o-9", 1, "BTCUSDT", Side.SELL, OrderType.LIMIT, Quantity(D("0.01")), START, price=Price(D(110)),
        time_in_force=TimeInForce.GTC, market=Market.FUTURES, purpose=Purpose.EXIT,
    )  # fmt: skip
    recovered = left((filled(1, Side.BUY, "0.01", "100"),), orders=(OpenOrder(order, OrderStatus.NEW, D(0), D(0), 7),))
    plan = account_plan(strategy_plan(Strategy, market="futures", fee_pct=0.0))
    broker = paper_broker(plan, {(Market.FUTURES, "BTCUSDT"): FUTURE}, recovered, START)
    told: list[object] = []
    await broker.start(told.append, recovered.open_orders)
    broker.see(candle(0, 105.0, market=Market.FUTURES))
    assert told == []
    broker.see(candle(1, 105.0, high=120.0, market=Market.FUTURES))
    (fill,) = told
    assert isinstance(fill, Fill)
    assert (fill.client_order_id, fill.exchange_order_id, fill.price, fill.realised) == ("o-9", 7, D(110), D("0.1"))
    assert fill.trade_id > 1
    await broker.stop()


def test_a_contract_that_no_table_knows_gets_cautious_brackets() -> None:
    new = msgspec.structs.replace(FUTURE, symbol="NEWUSDT")
    assert listing_of(new, bundled()).ladder == CAUTIOUS
    assert listing_of(FUTURE, bundled()).contract.rules is FUTURE
    plan = account_plan(strategy_plan(Strategy, symbol="NEWUSDT", market="futures", leverage=100))
    broker = paper_broker(plan, {(Market.FUTURES, "NEWUSDT"): new}, left(), START)
    assert isinstance(broker._desk, FuturesDesk)
