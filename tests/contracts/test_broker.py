"""What every broker of a spot account promises: the paper one, and the one that signs and sends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import msgspec
import pytest
from tests.fakes.outfit import BTC, START, D, candle

from bot.binance.client import build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SpotBroker
from bot.binance.following import Patience
from bot.binance.hosts import hosts_for
from bot.binance.signing import Credentials
from bot.domain.market import Market
from bot.domain.messages import CancelOrder, Event, FundsSeen, OrderUpdate, PlaceOrder
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side, TimeInForce
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator
from bot.ports import Broker, OpenOrder
from bot.runtime.paper_trade import PaperBroker
from bot.simulation.exchange import Terms

FUNDS = {"USDT": D(100_000), "BTC": D(5)}


async def comes(condition: Callable[[], object]) -> None:
    """Wait until something was told; over a socket that takes its time."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class Desk:
    """A broker whose market stands at `last`, and all that it tells."""

    def __init__(self, broker: Broker, last: Decimal) -> None:
        self.broker = broker
        self.last = last
        self.told: list[Event] = []

    async def open(self, *open_orders: OpenOrder) -> None:
        await self.broker.start(self.told.append, open_orders)
        await self.broker.reconcile({})

    async def place(self, order: Order) -> None:
        await self.broker.execute(PlaceOrder(order))

    async def hears(self, order: Order, *statuses: OrderStatus) -> list[OrderUpdate]:
        """Wait until one of these was told of an order."""
        await comes(lambda: any(each.status in statuses for each in self.updates(order)))
        return self.updates(order)

    def below(self, share: str) -> str:
        """Give a price at a share of the last one, on the tick."""
        return str((self.last * D(share)).quantize(D("0.01")))

    def updates(self, order: Order) -> list[OrderUpdate]:
        return [
            each
            for each in self.told
            if isinstance(each, OrderUpdate) and each.client_order_id == order.client_order_id
        ]

    def fills(self, order: Order) -> list[Fill]:
        ours = [each for each in self.told if isinstance(each, Fill) and each.client_order_id == order.client_order_id]
        return list({each.key: each for each in ours}.values())  # (reply and stream may both tell of one)


def order(
    name: str, side: Side = Side.BUY, quantity: str = "0.01", price: str | None = None, symbol: str = "BTCUSDT"
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


async def paper() -> AsyncIterator[Desk]:
    broker = PaperBroker({"BTCUSDT": BTC}, FUNDS, {1: Terms()}, opened_ms=START)
    broker.see(candle(0, 40_000.0))
    yield Desk(broker, D(40_000))
    await broker.stop()


async def signed() -> AsyncIterator[Desk]:
    accounts = (AccountConfig("key", "secret", FUNDS),)
    async with Emulator(EmulatorConfig(Synthetic(7), accounts, speed=0, warmup=50)) as emulator:
        hosts = hosts_for("emulator", emulator_url=emulator.spot_url)
        credentials, public = Credentials("key", "secret"), build_public(hosts)
        clock = ExchangeClock(public.time_ms)
        client = build_spot(credentials, hosts, clock)
        broker = SpotBroker(client, credentials, clock, patience=Patience(fence_ms=0))
        last = emulator.venue.exchange.last_price("BTCUSDT")
        assert last is not None
        yield Desk(broker, last)
        await broker.stop()
        await client.close()
        await public.close()


@pytest.fixture(params=[paper, signed])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async for each in request.param():
        yield each


async def opened(desk: Desk) -> Desk:
    await desk.open()
    return desk


async def test_the_last_thing_told_at_the_start_is_what_the_account_holds(desk: Desk) -> None:
    await desk.open(OpenOrder(order("lost"), OrderStatus.SENT, D(0), D(0), 0))
    last = desk.told[-1]
    assert isinstance(last, FundsSeen)
    assert {asset: amount for asset, amount in last.totals.items() if amount} == FUNDS


async def test_a_look_may_be_taken_again_at_any_time_and_tells_nothing_twice(desk: Desk) -> None:
    await opened(desk)
    placed, resting = order("a"), order("b", price=desk.below("0.9"))
    for each in (placed, resting):
        await desk.place(each)
    await desk.hears(resting, OrderStatus.NEW)
    await comes(lambda: sum(each.quantity for each in desk.fills(placed)) == placed.quantity)
    newest = {(Market.SPOT, "BTCUSDT"): 0}
    for _ in range(2):
        before = [each for each in desk.told if not isinstance(each, FundsSeen)]
        assert list(await desk.broker.reconcile(newest)) == []
        assert isinstance(desk.told[-1], FundsSeen)
        assert [each for each in desk.told if not isinstance(each, FundsSeen)] == before


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
    await comes(lambda: sum(each.quantity for each in desk.fills(placed)) == placed.quantity)
    assert all(each.exchange_order_id and each.trade_id and each.side is side for each in desk.fills(placed))
    ids = {each.exchange_order_id for each in (*desk.updates(placed), *desk.fills(placed))}
    assert len(ids) == 1


async def test_a_refusal_comes_as_an_event_with_code_and_text(desk: Desk) -> None:
    await opened(desk)
    too_much = order("a", quantity="50")
    await desk.place(too_much)
    (refusal,) = await desk.hears(too_much, OrderStatus.REJECTED)
    assert refusal.code == -2010
    assert "insufficient balance" in refusal.reason
    too_little = order("b", quantity="0.00001")
    await desk.place(too_little)
    (refusal,) = await desk.hears(too_little, OrderStatus.REJECTED)
    assert refusal.code == -1013
    assert "NOTIONAL" in refusal.reason


async def test_an_order_at_rest_can_be_cancelled_once(desk: Desk) -> None:
    await opened(desk)
    resting = order("a", price=desk.below("0.9"))
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
    await comes(lambda: desk.fills(placed))


async def test_orders_at_the_same_moment_do_not_get_in_each_others_way(desk: Desk) -> None:
    await opened(desk)
    placed = [order(f"o{n}", price=desk.below(f"0.9{n}")) for n in range(5)]
    await asyncio.gather(*(desk.place(each) for each in placed))
    for each in placed:
        await desk.hears(each, OrderStatus.NEW)
    assert len({desk.updates(each)[0].exchange_order_id for each in placed}) == 5


def pair(desk: Desk, stop: str = "0.9", take: str = "1.1") -> tuple[Order, Order]:
    """Give a stop and a take profit of the same quantity, at shares of the last price."""
    made = order("stop", Side.SELL, price=desk.below(take))
    return (
        msgspec.structs.replace(
            made,
            type=OrderType.STOP_LOSS,
            price=None,
            time_in_force=None,
            stop_price=D(desk.below(stop)),  # type: ignore[arg-type]
        ),
        msgspec.structs.replace(made, client_order_id="take", type=OrderType.LIMIT_MAKER, time_in_force=None),
    )


async def test_a_stop_and_its_take_profit_stand_as_one_and_go_as_one(desk: Desk) -> None:
    await opened(desk)
    stop, take = pair(desk)
    await desk.broker.execute(PlaceOrder(stop), desk.broker.prepare(stop, take), take)
    for each in (stop, take):
        await desk.hears(each, OrderStatus.NEW)
    await desk.broker.execute(CancelOrder("stop", "BTCUSDT"))
    for each in (stop, take):
        assert (await desk.hears(each, OrderStatus.CANCELED))[-1].status is OrderStatus.CANCELED


async def test_a_list_is_refused_as_a_whole(desk: Desk) -> None:
    await opened(desk)
    stop, take = pair(desk, stop="1.05")
    await desk.broker.execute(PlaceOrder(stop), desk.broker.prepare(stop, take), take)
    for each in (stop, take):
        (refusal,) = await desk.hears(each, OrderStatus.REJECTED)
        assert refusal.code == -2010


async def test_stopping_leaves_open_orders_where_they_are(desk: Desk) -> None:
    await opened(desk)
    resting = order("a", price=desk.below("0.9"))
    await desk.place(resting)
    await desk.hears(resting, OrderStatus.NEW)
    await desk.broker.stop()
    assert all(each.status.is_open for each in desk.updates(resting))
