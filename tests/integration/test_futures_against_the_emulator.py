"""Our broker of a futures account against the emulator's futures face: two programs that were written apart."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.futures_world import BTC, HASTE, PACE, D, World, futures_world, until

from bot.binance import futures
from bot.binance import wire_new_futures as new
from bot.binance import wire_requests as ask
from bot.binance.client import OrderPath
from bot.binance.following import Patience
from bot.binance.listen_key import ListenKeyStream
from bot.binance.wire_requests import NOTHING
from bot.binance.wire_user import AccountEvent, AlgoEvent, ConfigEvent
from bot.domain.market import Market
from bot.domain.messages import CancelOrder, Event, FundsSeen, OrderUpdate, PlaceOrder
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side, TimeInForce
from bot.ports import OpenOrder

COUNTDOWN = "/fapi/v1/countdownCancelAll"
LOUD = Patience(fence_ms=0, poll_first_s=0.02, dead_man_s=1.6)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with futures_world() as made:
        yield made


class Desk:
    """A broker, and all that it tells."""

    def __init__(self, world: World, patience: Patience = HASTE) -> None:
        self.world = world
        self.broker = world.broker(patience)
        self.told: list[Event] = []

    async def open(self, *open_orders: OpenOrder) -> "Desk":
        await self.broker.start(self.told.append, open_orders)
        await self.broker.reconcile({})
        await self.world.connected()
        return self

    async def place(self, order: Order) -> None:
        await self.broker.execute(PlaceOrder(order))

    def updates(self, order: Order) -> list[OrderUpdate]:
        ours = order.client_order_id
        return [each for each in self.told if isinstance(each, OrderUpdate) and each.client_order_id == ours]

    def fills(self, order: Order) -> list[Fill]:
        return [each for each in self.told if isinstance(each, Fill) and each.client_order_id == order.client_order_id]

    async def hears(self, order: Order, *statuses: OrderStatus) -> OrderUpdate:
        """Wait until one of these was told of an order, and give it."""
        await until(lambda: any(each.status in statuses for each in self.updates(order)))
        return next(each for each in self.updates(order) if each.status in statuses)


@pytest.fixture(params=list(OrderPath))
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with futures_world(request.param) as made:
        yield Desk(made)


def an_order(
    name: str, price: Decimal | None = None, *, side: Side = Side.BUY, quantity: str = "0.01", **more: Any
) -> Order:
    values: dict[str, Any] = {
        "client_order_id": name, "strategy_id": 1, "symbol": BTC, "side": side,
        "type": OrderType.LIMIT if price else OrderType.MARKET, "quantity": Quantity(D(quantity)), "created_ms": 1,
        "price": Price(price) if price else None, "time_in_force": TimeInForce.GTC if price else None,
        "market": Market.FUTURES, **more,
    }  # fmt: skip
    return Order(**values)


def as_sent(order: Order) -> OpenOrder:
    return OpenOrder(order, OrderStatus.SENT, D(0), D(0), 0)


async def test_the_money_is_what_the_futures_wallet_holds(desk: Desk) -> None:
    await desk.open()
    seen = desk.told[-1]
    assert isinstance(seen, FundsSeen)
    assert {asset: amount for asset, amount in seen.totals.items() if amount} == {"USDT": D(100_000)}


async def test_a_market_order_is_filled_and_each_trade_told_once(desk: Desk) -> None:
    await desk.open()
    bought, sold = an_order("in"), an_order("out", side=Side.SELL)
    for order in (bought, sold):
        await desk.place(order)
        end = await desk.hears(order, OrderStatus.FILLED)
        fills = desk.fills(order)
        assert sum(each.quantity for each in fills) == order.quantity
        assert {(each.exchange_order_id, each.side, each.fee_asset) for each in fills} == {
            (end.exchange_order_id, order.side, "USDT")
        }
        assert all(each.fee > 0 and not each.is_maker for each in fills)
    keys = [each.key for each in desk.told if isinstance(each, Fill)]
    assert len(set(keys)) == len(keys)


async def test_a_resting_order_is_filled_as_maker_when_the_market_comes(desk: Desk) -> None:
    await desk.open()
    resting = an_order("a", desk.world.at("0.99"))
    await desk.place(resting)
    await desk.hears(resting, OrderStatus.NEW)
    desk.world.move(desk.world.at("0.98"))
    await desk.hears(resting, OrderStatus.FILLED)
    assert {(each.price, each.is_maker) for each in desk.fills(resting)} == {(resting.price, True)}
    requests = desk.world.emulator.world.truth.read(kind="request", face="um")
    assert not any(each["path"].endswith("userTrades") for each in requests)  # (the stream told it all)


async def test_an_order_at_rest_is_cancelled_once(desk: Desk) -> None:
    await desk.open()
    resting = an_order("a", desk.world.at("0.97"))
    await desk.place(resting)
    await desk.hears(resting, OrderStatus.NEW)
    for _ in range(2):
        await desk.broker.execute(CancelOrder("a", BTC, Market.FUTURES))
    await desk.hears(resting, OrderStatus.CANCELED)
    assert [each.status for each in desk.updates(resting)] == [OrderStatus.NEW, OrderStatus.CANCELED]


async def test_refusals_carry_the_codes_of_futures(desk: Desk) -> None:
    await desk.open()
    taking = an_order("c", desk.world.at("1.01"), type=OrderType.LIMIT_MAKER, time_in_force=None)
    for order, code in (
        (an_order("a", quantity="100"), -2019),
        (an_order("b", desk.world.at("0.97"), quantity="0.001"), -4164),
        (taking, -5022),
    ):
        await desk.place(order)
        assert (await desk.hears(order, OrderStatus.REJECTED)).code == code


async def test_after_a_restart_every_open_order_is_where_the_exchange_has_it(desk: Desk) -> None:
    await desk.open()
    stays, fills, goes = (
        an_order(name, desk.world.at(share)) for name, share in (("a", "0.95"), ("b", "0.99"), ("c", "0.96"))
    )
    for order in (stays, fills, goes):
        await desk.place(order)
        await desk.hears(order, OrderStatus.NEW)
    await desk.broker.stop()
    desk.world.move(desk.world.at("0.985"))
    await desk.world.client.cancel(BTC, "c")
    never = an_order("never")
    again = await Desk(desk.world).open(*map(as_sent, (stays, fills, goes, never)))
    assert isinstance([each for each in again.told if not isinstance(each, OrderUpdate | Fill)][-1], FundsSeen)
    assert [each.status for each in again.updates(stays)] == [OrderStatus.NEW]
    assert [each.status for each in again.updates(goes)] == [OrderStatus.CANCELED]
    assert [each.status for each in again.updates(fills)] == [OrderStatus.FILLED]
    assert sum(each.quantity for each in again.fills(fills)) == fills.quantity
    await again.hears(never, OrderStatus.VOID)
    await again.broker.execute(CancelOrder("a", BTC, Market.FUTURES))
    await again.hears(stays, OrderStatus.CANCELED)


@pytest.mark.parametrize("kind", ["bad_gateway", "error"])
async def test_an_order_without_an_answer_is_found_out_about(desk: Desk, kind: str) -> None:
    await desk.open()
    path = "order.place" if desk.world.path is OrderPath.WS else "/fapi/v1/order"
    more = {"code": -1007, "status": 408} if kind == "error" else {}
    desk.world.fault(kind, method="" if desk.world.path is OrderPath.WS else "POST", path=path, count=1, **more)
    order = an_order("a")
    await desk.place(order)
    await desk.hears(order, OrderStatus.FILLED)
    assert sum(each.quantity for each in desk.fills(order)) == order.quantity
    assert len(desk.world.emulator.world.truth.read(kind="order", face="um")) == 1


async def test_the_stream_goes_on_after_the_listen_key_has_ended(desk: Desk) -> None:
    await desk.open()
    resting = an_order("a", desk.world.at("0.95"))
    await desk.place(resting)
    await desk.hears(resting, OrderStatus.NEW)
    client, users = desk.world.client, desk.world.venue.users
    before = (await client.call(futures.OPEN_LISTEN_KEY, NOTHING)).listenKey
    (account,) = users.accounts
    desk.world.fault("expire_listen_key", count=1)
    await desk.world.emulator.step()
    await until(lambda: users.is_heard(account))
    assert (await client.call(futures.OPEN_LISTEN_KEY, NOTHING)).listenKey != before
    desk.world.move(desk.world.at("0.9"))
    await desk.hears(resting, OrderStatus.FILLED)


async def test_a_listen_key_that_somebody_closed_is_made_anew_at_the_next_keeping(world: World) -> None:
    client = world.client
    heard: list[Any] = []
    breaks: list[int] = []
    stream = world.closes(
        ListenKeyStream(client, heard.append, lambda: breaks.append(1), PACE, on_other=heard.append, keep_every_s=0.05)
    )
    await stream.start()
    await client.call(futures.CLOSE_LISTEN_KEY, NOTHING)
    await until(lambda: breaks)
    await client.call(futures.SET_LEVERAGE, new.LeverageRequest(symbol=BTC, leverage=7))
    await until(lambda: heard)
    (told,) = heard
    assert isinstance(told, ConfigEvent)
    assert told.ac is not None
    assert (told.ac.s, told.ac.l) == (BTC, 7)


async def test_the_user_stream_tells_of_wallets_positions_and_algo_orders(world: World) -> None:
    client = world.client
    heard: list[Any] = []
    stream = world.closes(ListenKeyStream(client, heard.append, heard.clear, PACE, on_other=heard.append))
    await stream.start()
    await client.place(an_order("a"))
    stop = new.NewAlgoOrder(
        symbol=BTC, side="SELL", type="STOP_MARKET", triggerPrice=world.at("0.98"), closePosition=True
    )
    placed = await client.call(futures.PLACE_ALGO, stop)
    world.move(world.at("0.97"))
    finished = {"TRIGGERED", "FINISHED"}
    await until(lambda: any(isinstance(each, AlgoEvent) and each.o.X in finished for each in heard))
    changes = [each for each in heard if isinstance(each, AccountEvent)]
    assert [{row.s: row.pa for row in each.a.P} for each in changes] == [{BTC: D("0.01")}, {BTC: D(0)}]
    assert all(each.a.m == "ORDER" and each.a.B[0].a == "USDT" for each in changes)
    algos = [each for each in heard if isinstance(each, AlgoEvent)]
    assert {each.o.aid for each in algos} == {placed.algoId}
    assert algos[0].o.X == "NEW"
    seen = await client.call(futures.ALGO, new.OfAlgo(algoId=placed.algoId))
    found = await client.call(futures.ORDER, ask.OfOrder(symbol=BTC, orderId=int(seen.actualOrderId)))
    assert (found.status, found.clientOrderId) == ("FILLED", placed.clientAlgoId)


async def test_the_exchange_cancels_when_it_hears_nothing_of_us_any_more(world: World) -> None:
    desk = await Desk(world, LOUD).open()
    resting = an_order("a", world.at("0.97"))
    await desk.place(resting)
    await desk.hears(resting, OrderStatus.NEW)
    await pushes_of_the_countdown(world, 5)  # (more than a countdown's length)
    assert [each.status for each in desk.updates(resting)] == [OrderStatus.NEW]
    world.fault("drop_request", path=COUNTDOWN)
    await desk.hears(resting, OrderStatus.CANCELED)


async def test_a_clean_stop_calls_the_countdown_off_even_amidst_a_push(world: World) -> None:
    desk = await Desk(world, LOUD).open()
    resting = an_order("a", world.at("0.97"))
    rule = world.fault("delay_reply", path=COUNTDOWN, delay_ms=5_000, count=1)
    await desk.place(resting)
    await until(lambda: world.hits(rule))
    await desk.broker.stop()
    world.emulator.world.clock.set(world.emulator.world.clock.now_ms + 60_000)
    assert [each.clientOrderId for each in await open_orders(world)] == ["a"]


async def pushes_of_the_countdown(world: World, count: int) -> None:
    rule = world.fault("delay_reply", path=COUNTDOWN)
    await until(lambda: world.hits(rule) >= count)
    world.emulator.world.faults.remove(rule)


async def open_orders(world: World) -> list[Any]:
    await world.clock.sync()
    return await world.client.call(futures.OPEN_ORDERS, ask.OfAnySymbol(symbol=BTC))
