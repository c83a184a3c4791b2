"""Cancels: each is asked about until the order has ended, and none is taken for the end by itself."""

import msgspec
import pytest
from fake_binance import until
from order_desk import CANCEL, FILL, PLACE, QUERY, TRADE, TRADES, Desk, an_order, order_reply, refuses, says, the_list

from bot.binance import spot
from bot.domain.messages import CancelOrder
from bot.domain.order import OrderStatus


async def test_cancelling_tells_the_end_of_the_order_by_its_own_id(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0"))
    ready.binance.answers[CANCEL] = says(
        order_reply("CANCELED", "0", clientOrderId="cancel-9", origClientOrderId="o-1")
    )
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    await ready.broker.execute(CancelOrder("o-1", "BTCUSDT"))
    await until(lambda: ready.statuses == [OrderStatus.NEW, OrderStatus.CANCELED])
    assert ready.last.client_order_id == "o-1"
    (sent,) = ready.binance.seen(CANCEL)
    assert sent["origClientOrderId"] == "o-1"


async def test_an_order_unknown_to_a_cancel_is_asked_for_and_found_filled(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0"))
    ready.binance.answers[CANCEL] = refuses(-2011, "Unknown order sent.")
    ready.binance.answers[QUERY] = says(order_reply())
    ready.binance.answers[TRADES] = says([TRADE])
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    await ready.broker.execute(CancelOrder("o-1", "BTCUSDT"))
    await until(lambda: ready.statuses == [OrderStatus.NEW, OrderStatus.FILLED])
    assert [fill.trade_id for fill in ready.fills] == [771]


async def test_a_cancel_whose_answer_is_lost_is_asked_about_and_tried_again_while_the_order_stands(
    ready: Desk,
) -> None:
    ready.binance.answers[PLACE] = ready.binance.answers[QUERY] = says(order_reply("NEW", "0"))
    ready.binance.answers[CANCEL] = refuses(-1007, "Timeout", 503)
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    await ready.broker.execute(CancelOrder("o-1", "BTCUSDT"))
    await until(lambda: len(ready.binance.seen(CANCEL)) == 2)
    assert ready.binance.seen(QUERY)
    ready.binance.answers[QUERY] = says(order_reply("CANCELED", "0"))
    await until(lambda: ready.statuses == [OrderStatus.NEW, OrderStatus.CANCELED])


async def test_cancelling_an_order_that_has_ended_asks_for_nothing(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply(fills=[FILL]))
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.FILLED])
    await ready.broker.execute(CancelOrder("o-1", "BTCUSDT"))
    await ready.broker.stop()
    assert not ready.binance.seen(CANCEL)


async def test_an_answer_to_a_cancel_that_speaks_of_others_is_asked_about(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0", clientOrderId="o-7"))
    ready.binance.answers[CANCEL] = says(the_list("CANCELED"))
    ready.binance.answers[QUERY] = says(order_reply("CANCELED", "0", clientOrderId="o-7"))
    await ready.place(an_order(client_order_id="o-7"))
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    await ready.broker.execute(CancelOrder("o-7", "BTCUSDT"))
    await until(lambda: ready.statuses == [OrderStatus.NEW, OrderStatus.CANCELED])
    assert ready.binance.seen(QUERY)


@pytest.mark.parametrize("body", ['{"symbol":"BTCUSDT"}', '{"symbol":"BTCUSDT","contingencyType":"OCO"}'])
def test_an_answer_to_a_cancel_that_is_neither_order_nor_list_cannot_be_read(body: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="neither"):
        spot.CANCEL_ORDER.read(body.encode())
