"""Paper trading: what fills, at what price and fee, what is refused, and what a restart finds again."""

from decimal import Decimal

import msgspec
import pytest
from tests.fakes.outfit import BTC, START, D, Stage, Told, candle, told

from bot.domain.market import Candle
from bot.domain.messages import CancelOrder, Event, FundsSeen, OrderUpdate, PlaceOrder, TradeClosed
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.ports import OpenOrder, Swept
from bot.runtime.paper_trade import PaperBroker
from bot.simulation.desk import ACCOUNT, FINISHED_KEPT, terms_of
from bot.simulation.exchange import Terms
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

FREE = Terms(maker_fee=D(0), taker_fee=D(0))


def order(
    name: str = "a", side: Side = Side.BUY, quantity: str = "1", price: str | None = None, *, created_ms: int = START
) -> Order:
    return Order(
        client_order_id=name,
        strategy_id=1,
        symbol="BTCUSDT",
        side=side,
        type=OrderType.LIMIT if price else OrderType.MARKET,
        quantity=Quantity(D(quantity)),
        created_ms=created_ms,
        price=Price(D(price)) if price else None,
        time_in_force=TimeInForce.GTC if price else None,
    )


class Shop:
    """A paper broker and what it told."""

    def __init__(self, terms: Terms = FREE, funds: dict[str, Decimal] | None = None) -> None:
        money = funds or {"USDT": D(1000), "BTC": D(5)}
        self.broker = PaperBroker({"BTCUSDT": BTC}, money, {1: terms}, opened_ms=START)
        self.told: list[Event] = []

    async def open(self, *open_orders: OpenOrder, last: float | None = 100.0) -> "Shop":
        await self.broker.start(self.told.append, open_orders)
        await self.broker.reconcile({})
        self.start = self.told[:]
        self.told.clear()
        if last is not None:
            self.broker.see(candle(0, last))
            self.told.clear()
        return self

    async def place(self, placed: Order) -> list[Event]:
        """Give what is told of an order when it is placed."""
        self.told.clear()
        await self.broker.execute(PlaceOrder(placed))
        return self.told[:]

    def see(self, shown: Candle) -> list[Event]:
        """Give what is told of a candle."""
        self.told.clear()
        self.broker.see(shown)
        return self.told[:]


def fills(events: list[Event]) -> list[Fill]:
    return [each for each in events if isinstance(each, Fill)]


def statuses(events: list[Event]) -> list[OrderStatus]:
    return [each.status for each in events if isinstance(each, OrderUpdate)]


@pytest.mark.parametrize(
    ("side", "terms", "price"),
    [
        (Side.BUY, {}, "102"),
        (Side.SELL, {}, "102"),
        (Side.BUY, {"fill": "midpoint"}, "105"),
        (Side.SELL, {"fill": "midpoint"}, "105"),
        (Side.BUY, {"slippage_bps": D(10)}, "102.11"),  # 102.102, and to the tick against us
        (Side.SELL, {"slippage_bps": D(10)}, "101.89"),
        (Side.BUY, {"fill": "midpoint", "slippage_bps": D(100)}, "106.05"),
    ],
)
async def test_a_market_order_fills_at_once_at_the_price_its_terms_say(
    side: Side, terms: dict[str, object], price: str
) -> None:
    shop = await Shop(Terms(D(0), D(0), **terms)).open(last=None)  # type: ignore[arg-type]
    shop.see(candle(0, 102.0, high=120.0, low=90.0))
    told = await shop.place(order(side=side))
    assert statuses(told) == [OrderStatus.NEW]
    (fill,) = fills(told)
    assert (fill.price, fill.quantity, fill.is_maker) == (D(price), D(1), False)


async def test_next_fills_at_the_open_of_the_following_candle() -> None:
    shop = await Shop(Terms(D(0), D(0), fill="next", slippage_bps=D(10))).open()
    assert fills(await shop.place(order(created_ms=candle(0, 1.0).close_time))) == []
    (fill,) = fills(shop.see(candle(1, 108.0, open=103.0, high=109.0, low=102.0)))
    assert (fill.price, fill.time_ms) == (D("103.11"), candle(1, 1.0).open_time)


@pytest.mark.parametrize(("side", "asset", "fee"), [(Side.BUY, "BTC", "0.002"), (Side.SELL, "USDT", "0.2")])
async def test_the_fee_is_taken_from_what_is_received(side: Side, asset: str, fee: str) -> None:
    shop = await Shop(Terms(taker_fee=D("0.002"))).open()
    (fill,) = fills(await shop.place(order(side=side)))
    assert (fill.fee_asset, fill.fee) == (asset, D(fee))


async def test_a_strategys_settings_become_its_terms() -> None:
    config = StrategyConfig(symbol="BTCUSDT", fee_pct=0.00075, fill="next", slippage_bps=2.5)
    assert terms_of(config) == Terms(D("0.00075"), D("0.00075"), "next", D("2.5"))


async def test_a_limit_buy_at_1_with_the_market_at_100_does_not_fill() -> None:
    shop = await Shop().open()
    assert statuses(await shop.place(order(price="1", quantity="10"))) == [OrderStatus.NEW]
    assert shop.see(candle(1, 100.0)) == []
    assert shop.see(candle(2, 50.0, low=1.01)) == []


async def test_a_limit_order_fills_at_its_price_when_the_market_comes_to_it() -> None:
    shop = await Shop().open()
    await shop.place(order(price="95"))
    (fill,) = fills(shop.see(candle(1, 99.0, open=100.0, high=100.0, low=94.0)))
    assert (fill.price, fill.is_maker) == (D(95), True)
    assert shop.see(candle(2, 90.0)) == [], "once is enough"


async def test_an_order_placed_on_a_forming_candle_gets_the_price_seen_there() -> None:
    shop = await Shop().open()
    shop.see(candle(1, 110.0, open=100.0, is_closed=False))
    (fill,) = fills(await shop.place(order()))
    assert fill.price == D(110)


async def test_resting_orders_meet_whole_candles_alone() -> None:
    shop = await Shop().open()
    await shop.place(order(price="95", created_ms=candle(0, 1.0).close_time))
    assert shop.see(candle(1, 94.0, open=100.0, high=100.0, low=94.0, is_closed=False)) == []
    assert len(fills(shop.see(candle(1, 96.0, open=100.0, high=100.0, low=94.0)))) == 1


@pytest.mark.parametrize(
    ("refused", "code", "text"),
    [
        (order(quantity="11"), -2010, "Account has insufficient balance for requested action."),
        (order(side=Side.SELL, quantity="6"), -2010, "Account has insufficient balance for requested action."),
        (order(quantity="0.01"), -1013, "Filter failure: NOTIONAL"),
        (order(quantity="0.000001"), -1013, "Filter failure: LOT_SIZE"),
        (order(price="95.001"), -1013, "Filter failure: PRICE_FILTER"),
        (msgspec.structs.replace(order(), symbol="NOSUCH"), -1121, "Invalid symbol."),
    ],
)
async def test_what_binance_would_refuse_is_refused_with_its_code_and_text(
    refused: Order, code: int, text: str
) -> None:
    shop = await Shop().open()
    assert await shop.place(refused) == [
        OrderUpdate("a", OrderStatus.REJECTED, START, reason=f"{text} ({code})", code=code)
    ]
    assert fills(await shop.place(order("b"))), "nothing was taken for it"


async def test_before_the_market_shows_a_price_nothing_can_be_bought_at_it() -> None:
    shop = await Shop().open(last=None)
    (refusal,) = await shop.place(order())
    assert isinstance(refusal, OrderUpdate)
    assert (refusal.status, refusal.code) == (OrderStatus.REJECTED, -2010)


async def test_a_cancelled_order_frees_its_money_and_a_finished_one_cannot_be_cancelled() -> None:
    shop = await Shop().open()
    await shop.place(order(price="90", quantity="11"))
    assert statuses(await shop.place(order("b", price="90"))) == [OrderStatus.REJECTED]
    shop.told.clear()
    for _ in range(2):
        await shop.broker.execute(CancelOrder("a", "BTCUSDT"))
    assert statuses(shop.told) == [OrderStatus.CANCELED]
    assert statuses(await shop.place(order("b", price="90"))) == [OrderStatus.NEW]


# A restart.


async def test_orders_that_ended_do_not_pile_up() -> None:
    shop = await Shop(funds={"USDT": D(10**6)}).open()
    for n in range(3 * FINISHED_KEPT):
        assert statuses(await shop.place(order(f"o-{n}"))) == [OrderStatus.NEW]
    known = shop.broker._desk._exchange.orders(ACCOUNT, "BTCUSDT")
    assert len(known) <= 2 * FINISHED_KEPT + 2


def left(placed: Order, status: OrderStatus = OrderStatus.NEW, order_id: int = 7) -> OpenOrder:
    return OpenOrder(placed, status, D(0), D(0), order_id)


async def test_the_money_is_told_at_the_start_with_what_open_orders_hold() -> None:
    shop = await Shop().open(left(order(price="90", quantity="11")))
    assert shop.start == [FundsSeen({"USDT": D(1000), "BTC": D(5)}, START)]
    assert statuses(await shop.place(order("b", price="90"))) == [OrderStatus.REJECTED], "its money is taken"


async def test_an_open_limit_order_is_put_back_and_fills_under_its_own_ids() -> None:
    shop = await Shop().open(left(order(price="95")))
    (fill,) = fills(shop.see(candle(1, 90.0)))
    assert (fill.client_order_id, fill.exchange_order_id) == ("a", 7)
    (fill,) = fills(await shop.place(order("b")))
    assert fill.exchange_order_id == 8


async def test_an_order_put_back_can_be_cancelled() -> None:
    shop = await Shop().open(left(order(price="95")), last=None)
    await shop.broker.execute(CancelOrder("a", "BTCUSDT"))
    end = shop.told[-1]
    assert isinstance(end, OrderUpdate)
    assert (end.status, end.time_ms) == (OrderStatus.CANCELED, START)


@pytest.mark.parametrize("placed", [order(), order(price="95")])
async def test_an_order_that_never_arrived_is_void(placed: Order) -> None:
    shop = await Shop().open(left(placed, OrderStatus.SENT, order_id=0), last=None)
    (void,) = [each for each in shop.start if isinstance(each, OrderUpdate)]
    assert (void.client_order_id, void.status) == ("a", OrderStatus.VOID)
    assert isinstance(shop.start[-1], FundsSeen)
    assert shop.see(candle(1, 90.0)) == []


async def test_a_market_order_whose_fill_was_never_written_down_has_expired() -> None:
    shop = await Shop().open(left(order()))
    assert statuses(shop.start) == [OrderStatus.EXPIRED]
    assert shop.see(candle(1, 90.0)) == []


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "103"), (Side.SELL, "103")])
async def test_a_market_order_that_waited_for_the_next_candle_waits_on(side: Side, price: str) -> None:
    shop = await Shop(Terms(D(0), D(0), fill="next")).open(left(order(side=side)), last=None)
    assert statuses(shop.start) == []
    (fill,) = fills(shop.see(candle(1, 108.0, open=103.0, high=109.0, low=102.0)))
    assert fill.price == D(price)


async def test_a_paper_limit_order_travels_from_strategy_to_trade() -> None:
    class Patient(Told):
        def on_tick(self, candle: Candle) -> None:
            if self.position.is_flat and not self.orders:
                self.buy("bid", price=95.0)

    seen: list[Strategy] = []

    class Shown(Patient):
        def on_start(self) -> None:
            seen.append(self)

    async with Stage(told(base=Shown)) as stage:
        await stage.show(candle(0, 100.0), candle(1, 99.0), candle(2, 97.0, low=94.0))
        assert seen[0].position.cost == D(95)
        assert [type(each) for each in seen[0].heard] == [OrderUpdate, Fill]  # type: ignore[attr-defined]


STOP = msgspec.structs.replace(
    order("stop", Side.SELL), type=OrderType.STOP_LOSS, stop_price=Price(D(90)), time_in_force=None
)


async def test_a_stop_rests_until_the_price_touches_it() -> None:
    shop = await Shop().open()
    assert statuses(await shop.place(STOP)) == [OrderStatus.NEW]
    assert shop.see(candle(1, 95.0, low=91.0)) == []
    (fill,) = fills(shop.see(candle(2, 92.0, low=89.0)))
    assert (fill.client_order_id, fill.quantity) == ("stop", D(1))
    assert fill.price <= D(90)


async def test_a_stop_that_is_reached_already_is_refused_as_binance_would() -> None:
    shop = await Shop().open(last=89.0)
    (update,) = await shop.place(STOP)
    assert isinstance(update, OrderUpdate)
    assert (update.status, update.code) == (OrderStatus.REJECTED, -2010)


async def test_cancelling_all_leaves_stops_unless_everything_has_to_go() -> None:
    shop = await Shop().open()
    await shop.place(STOP)
    await shop.place(order("b", Side.BUY, price="50"))
    assert await shop.broker.cancel_all() == Swept(1, 0, 1)
    assert await shop.broker.cancel_all(everything=True) == Swept(1, 0, 0)


async def test_a_stop_is_put_back_after_a_restart() -> None:
    shop = await Shop().open(OpenOrder(STOP, OrderStatus.NEW, D(0), D(0), 5), last=None)
    assert statuses(shop.start) == []
    shop.see(candle(1, 100.0))
    (fill,) = fills(shop.see(candle(2, 92.0, low=89.0)))
    assert (fill.exchange_order_id, fill.quantity) == (5, D(1))


async def test_a_strategy_leaves_by_its_stop_and_its_exit_takes_the_stop_back_first() -> None:
    class Guarded(Strategy):
        name = "guarded"

        def on_tick(self, candle: Candle) -> None:
            if self.position.is_flat:
                self.buy("in")
            elif candle.close > 109:
                self.sell_all("out")

    async with Stage(told(base=Guarded, stop_loss=0.1, protect="exchange")) as stage:
        await stage.show(candle(0, 100.0), candle(1, 110.0), candle(2, 100.0), candle(3, 95.0, low=80.0))
        assert [each.reason for each in stage.kept(TradeClosed)] == ["out", "stop loss"]
        orders = [each.order for each in stage.kept(PlaceOrder)]
        assert [each.type for each in orders[:5]] == [
            OrderType.MARKET, OrderType.STOP_LOSS, OrderType.MARKET, OrderType.MARKET, OrderType.STOP_LOSS,
        ]  # fmt: skip


# A stop and its take profit.


def pair() -> tuple[Order, Order]:
    made = order("take", side=Side.SELL, price="110", quantity="5")
    stop = msgspec.structs.replace(
        made, client_order_id="stop", type=OrderType.STOP_LOSS, price=None, time_in_force=None, stop_price=D(90),
        purpose=Purpose.STOP,
    )  # fmt: skip
    take = msgspec.structs.replace(made, type=OrderType.LIMIT_MAKER, time_in_force=None, purpose=Purpose.EXIT)
    return stop, take


@pytest.mark.parametrize(("close", "filled", "expired"), [(120.0, "take", "stop"), (80.0, "stop", "take")])
async def test_a_pair_locks_once_and_whichever_trades_ends_the_other_also_after_a_restart(
    close, filled, expired
) -> None:
    stop, take = pair()
    fresh = await Shop().open()
    await fresh.broker.execute(PlaceOrder(stop), None, take)
    back = await Shop().open(left(take, order_id=8), left(stop, order_id=7))
    for shop in (fresh, back):
        told = shop.see(candle(1, close))
        assert {each.client_order_id for each in fills(told)} == {filled}
        ends = {each.client_order_id: each.status for each in told if isinstance(each, OrderUpdate)}
        assert ends == {expired: OrderStatus.EXPIRED}


async def test_cancelling_everything_leaves_a_pair_on_guard() -> None:
    stop, take = pair()
    shop = await Shop().open()
    await shop.broker.execute(PlaceOrder(stop), None, take)
    await shop.place(order("rest", price="50"))
    assert await shop.broker.cancel_all() == Swept(1, 0, 2)
    assert await shop.broker.cancel_all(everything=True) == Swept(2, 0, 0)


async def test_a_pair_that_may_not_leave_is_void_as_a_whole() -> None:
    stop, take = pair()
    shop = Shop()
    await shop.broker.start(shop.told.append, (), lambda _command, _attempt: "halted")
    await shop.broker.execute(PlaceOrder(stop), None, take)
    assert statuses(shop.told) == [OrderStatus.VOID] * 2
