"""A stop and its take profit, in one list: sent once, refused or unknown together, ended each by itself."""

from decimal import Decimal

import msgspec
import pytest
from fake_binance import until
from order_desk import CANCEL, PLACE_LIST, QUERY, Desk, an_order, refuses, says, the_list

from bot.domain.messages import CancelOrder, OrderUpdate, PlaceOrder
from bot.domain.money import Price
from bot.domain.order import Order, OrderStatus, OrderType, Purpose, Side


async def place_pair(desk: Desk) -> None:
    stop, take = a_pair()
    await desk.broker.execute(PlaceOrder(stop), desk.broker.prepare(stop, take), take)


def a_pair() -> tuple[Order, Order]:
    made = msgspec.structs.replace(an_order(), side=Side.SELL, time_in_force=None, purpose=Purpose.STOP)
    stop = msgspec.structs.replace(made, type=OrderType.STOP_LOSS, price=None, stop_price=Price(Decimal(60_000)))
    take = msgspec.structs.replace(
        made, client_order_id="o-2", type=OrderType.LIMIT_MAKER, price=Price(Decimal(90_000)), purpose=Purpose.EXIT
    )
    return stop, take


def told_of(desk: Desk, name: str) -> list[OrderStatus]:
    return [each.status for each in desk.events if isinstance(each, OrderUpdate) and each.client_order_id == name]


async def test_a_refused_list_rejects_both(ready: Desk) -> None:
    ready.binance.answers[PLACE_LIST] = refuses(-2010, "The relationship of the prices for the orders is not correct.")
    await place_pair(ready)
    await until(lambda: told_of(ready, "o-2"))
    assert told_of(ready, "o-1") == told_of(ready, "o-2") == [OrderStatus.REJECTED]
    (sent,) = ready.binance.seen(PLACE_LIST)
    assert (sent["belowClientOrderId"], sent["aboveClientOrderId"]) == ("o-1", "o-2")
    assert (sent["belowType"], sent["aboveType"], sent["abovePrice"]) == ("STOP_LOSS", "LIMIT_MAKER", "90000")


async def test_a_list_of_unknown_outcome_holds_both_until_the_exchange_shows_or_denies_each(ready: Desk) -> None:
    ready.binance.answers[PLACE_LIST] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = refuses(-2013, "Order does not exist.")
    await place_pair(ready)
    await until(lambda: OrderStatus.VOID in told_of(ready, "o-1") and OrderStatus.VOID in told_of(ready, "o-2"))
    for name in ("o-1", "o-2"):
        assert told_of(ready, name) == [OrderStatus.UNKNOWN, OrderStatus.VOID]
    assert len(ready.binance.seen(PLACE_LIST)) == 1, "sent once"


@pytest.mark.parametrize("leg", ["o-1", "o-2"])
async def test_cancelling_a_leg_is_answered_with_the_list_and_leaves_nothing_to_ask(ready: Desk, leg: str) -> None:
    ready.binance.answers[PLACE_LIST] = says(the_list("NEW"))
    ready.binance.answers[CANCEL] = says(the_list("CANCELED"))
    await place_pair(ready)
    await until(lambda: told_of(ready, "o-1") == told_of(ready, "o-2") == [OrderStatus.NEW])
    await ready.broker.execute(CancelOrder(leg, "BTCUSDT"))
    await until(lambda: told_of(ready, leg) == [OrderStatus.NEW, OrderStatus.CANCELED])
    assert not ready.binance.seen(QUERY)
