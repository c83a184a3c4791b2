"""What every broker of a spot account promises: the paper one, and the one that signs and sends."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.fakes.outfit import BTC, START, D, candle, until

from bot.domain.messages import CancelOrder, Event, FundsSeen, OrderUpdate, PlaceOrder
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side, TimeInForce
from bot.ports import Broker, OpenOrder
from bot.runtime.paper_trade import PaperBroker
from bot.simulation.exchange import Terms


class Desk:
    """A broker whose market stands at 100, with 1000 USDT and 5 BTC, and all that it tells."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.told: list[Event] = []

    async def open(self, *open_orders: OpenOrder) -> None:
        await self.broker.start(self.told.append, open_orders)

    async def place(self, order: Order) -> None:
        await self.broker.execute(PlaceOrder(order))

    async def hears(self, order: Order, *statuses: OrderStatus) -> list[OrderUpdate]:
        """Wait until one of these was told of an order."""
        await until(lambda: any(each.status in statuses for each in self.updates(order)))
        return self.updates(order)

    def updates(self, order: Order) -> list[OrderUpdate]:
        return [
            each
            for each in self.told
            if isinstance(each, OrderUpdate) and each.client_order_id == order.client_order_id
        ]

    def fills(self, order: Order) -> list[Fill]:
        return [each for each in self.told if isinstance(each, Fill) and each.client_order_id == order.client_order_id]


def order(
    name: str, side: Side = Side.BUY, quantity: str = "1", price: str | None = None, symbol: str = "BTCUSDT"
) -> Order:
    return Order(
        name,
        1,
        symbol,
        side,
        OrderType.LIMIT if price else OrderType.MARKET,
        D(quantity),  # type: ignore[arg-type]
        START,
        D(price) if price else None,  # type: ignore[arg-type]
        TimeInForce.GTC if price else None,
    )


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    broker = PaperBroker({"BTCUSDT": BTC}, {"USDT": D(1000), "BTC": D(5)}, {1: Terms()}, opened_ms=START)
    yield Desk(broker)
    await broker.stop()


async def opened(desk: Desk, *open_orders: OpenOrder) -> Desk:
    await desk.open(*open_orders)
    desk.broker.see(candle(0, 100.0))
    return desk


async def test_the_last_thing_told_at_the_start_is_what_the_account_holds(desk: Desk) -> None:
    await desk.open(OpenOrder(order("lost"), OrderStatus.SENT, D(0), D(0), 0))
    last = desk.told[-1]
    assert isinstance(last, FundsSeen)
    assert {asset: amount for asset, amount in last.totals.items() if amount} == {"USDT": 1000, "BTC": 5}


async def test_an_order_that_never_arrived_is_void_after_the_start(desk: Desk) -> None:
    lost = order("lost")
    await desk.open(OpenOrder(lost, OrderStatus.SENT, D(0), D(0), 0))
    assert [each.status for each in await desk.hears(lost, OrderStatus.VOID)] == [OrderStatus.VOID]
    assert desk.fills(lost) == []


@pytest.mark.parametrize("side", list(Side))
async def test_a_market_order_is_told_of_as_new_and_as_fills_that_add_up(desk: Desk, side: Side) -> None:
    await opened(desk)
    placed = order("a", side)
    await desk.place(placed)
    await until(lambda: sum(each.quantity for each in desk.fills(placed)) == 1)
    assert all(each.exchange_order_id and each.trade_id and each.side is side for each in desk.fills(placed))
    ids = {each.exchange_order_id for each in (*desk.updates(placed), *desk.fills(placed))}
    assert len(ids) == 1


async def test_a_refusal_comes_as_an_event_with_code_and_text(desk: Desk) -> None:
    await opened(desk)
    too_much = order("a", quantity="4000")
    await desk.place(too_much)
    (refusal,) = await desk.hears(too_much, OrderStatus.REJECTED)
    assert refusal.code == -2010
    assert "insufficient balance" in refusal.reason
    fits_no_filter = order("b", price="100.001")
    await desk.place(fits_no_filter)
    (refusal,) = await desk.hears(fits_no_filter, OrderStatus.REJECTED)
    assert refusal.code == -1013
    assert "PRICE_FILTER" in refusal.reason


async def test_an_order_at_rest_can_be_cancelled_once(desk: Desk) -> None:
    await opened(desk)
    resting = order("a", price="50")
    await desk.place(resting)
    await desk.hears(resting, OrderStatus.NEW)
    for _ in range(2):
        await desk.broker.execute(CancelOrder("a", "BTCUSDT"))
    ends = [each.status for each in await desk.hears(resting, OrderStatus.CANCELED) if not each.status.is_open]
    assert ends == [OrderStatus.CANCELED]
    assert desk.fills(resting) == []


async def test_cancelling_what_is_not_there_does_not_raise(desk: Desk) -> None:
    await opened(desk)
    await desk.broker.execute(CancelOrder("nobody", "BTCUSDT"))
    placed = order("a")
    await desk.place(placed)
    await until(lambda: desk.fills(placed))


async def test_orders_at_the_same_moment_do_not_get_in_each_others_way(desk: Desk) -> None:
    await opened(desk)
    placed = [order(f"o{n}", price=f"{50 + n}") for n in range(5)]
    await asyncio.gather(*(desk.place(each) for each in placed))
    for each in placed:
        await desk.hears(each, OrderStatus.NEW)
    assert len({desk.updates(each)[0].exchange_order_id for each in placed}) == 5


async def test_stopping_leaves_open_orders_where_they_are(desk: Desk) -> None:
    await opened(desk)
    resting = order("a", price="50")
    await desk.place(resting)
    await desk.hears(resting, OrderStatus.NEW)
    await desk.broker.stop()
    assert all(each.status.is_open for each in desk.updates(resting))
