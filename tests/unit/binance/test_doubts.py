"""Doubts of a broker: what keeps an account from new risk, what halts it, and what lets it go on."""

import asyncio
from dataclasses import replace

import pytest
from fake_binance import until
from order_desk import (
    HASTE,
    PLACE,
    QUERY,
    SERVER_MS,
    TRADE,
    TRADES,
    Desk,
    an_order,
    order_reply,
    refuses,
    report,
    says,
)

from bot.domain.errors import Misconfigured, Unavailable
from bot.domain.market import Market
from bot.domain.order import OrderStatus


async def test_a_revoked_key_stops_the_start_with_cause_and_fix(desk: Desk) -> None:
    error = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    desk.binance.on_api = lambda _request: {"status": 401, "error": error}
    with pytest.raises(Misconfigured, match="check all three at Binance"):
        await desk.broker.start(desk.events.append)


async def test_an_exchange_that_is_not_there_is_unavailable(desk: Desk) -> None:
    await desk.binance.stop()
    with pytest.raises(Unavailable, match=r"cannot reach http://127\.0\.0\.1"):
        await desk.broker.start(desk.events.append)
    await desk.binance.start()


async def test_an_account_that_may_not_trade_is_refused_at_the_start(desk: Desk) -> None:
    desk.binance.answers["GET /api/v3/account"] = says({"balances": [], "canTrade": False})
    await desk.broker.start(desk.events.append)
    with pytest.raises(Misconfigured, match="not trade"):
        await desk.broker.reconcile({})


async def test_a_user_stream_that_died_is_a_doubt_until_it_is_back(ready: Desk) -> None:
    ready.binance.on_api = lambda _request: {"status": 503, "error": {"code": -1008, "msg": "busy"}}
    await ready.binance.api_sockets[-1].close()
    await until(lambda: "user stream" in ready.looker.doubts)
    assert ready.looker.doubts["user stream"].startswith("nothing is heard of our orders since ")
    ready.binance.on_api = lambda _request: {"status": 200, "result": {}}
    await until(lambda: ready.looker.wishes == ["user stream"])
    assert not ready.looker.doubts


async def test_a_user_stream_that_is_renewed_is_no_doubt_but_asks_for_a_look(ready: Desk) -> None:
    await ready.binance.push_user({"e": "serverShutdown", "E": SERVER_MS})
    await until(lambda: ready.looker.wishes == ["user stream"])
    assert not ready.looker.was_in_doubt
    assert len(ready.binance.api_sockets) == 2


async def test_a_user_stream_that_is_not_let_in_any_more_halts_the_account(ready: Desk) -> None:
    error = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    ready.binance.on_api = lambda _request: {"status": 401, "error": error}
    await ready.binance.api_sockets[-1].close()
    await until(lambda: ready.looker.halted)
    assert "check all three at Binance" in ready.looker.halted
    assert len(ready.binance.api_requests) == 2


async def test_an_order_that_nobody_sent_from_here_is_a_doubt_until_it_was_looked_at(ready: Desk) -> None:
    by_hand = order_reply("NEW", "0", clientOrderId="by-hand", orderId=70)
    ready.binance.answers["GET /api/v3/openOrders"] = says([by_hand])
    ready.looker.newest = {(Market.SPOT, "BTCUSDT"): 5}
    ready.binance.answers[TRADES] = says([])
    await ready.binance.push_user(report("NEW", "NEW", c="by-hand", i=70))
    await until(lambda: ready.looker.foreign)
    assert [each.client_order_id for each in ready.looker.foreign] == ["by-hand"]
    assert ready.looker.was_in_doubt == ["user events: order by-hand is not of this bot, or it was forgotten"]
    await ready.binance.push_user(report("CANCELED", "CANCELED", c="x", C="by-hand", i=70))
    await until(lambda: len(ready.looker.wishes) == 2)
    assert len(ready.looker.was_in_doubt) == 1


async def test_a_key_that_is_revoked_amid_trading_halts_the_account_and_nothing_is_asked_again(ready: Desk) -> None:
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = refuses(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    await ready.place()
    await until(lambda: ready.looker.halted)
    assert "check all three at Binance" in ready.looker.halted
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "place-o-1"])
    assert len(ready.binance.seen(QUERY)) == 1
    assert ready.statuses == [OrderStatus.UNKNOWN]
    ready.binance.answers[QUERY] = says(order_reply("NEW", "0"))
    await ready.looker.look()
    assert ready.statuses == [OrderStatus.UNKNOWN, OrderStatus.NEW]


async def test_more_than_three_orders_of_unknown_outcome_are_a_doubt(ready: Desk) -> None:
    ready.broker.patience = replace(HASTE, fence_ms=60_000)
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = refuses(-2013, "Order does not exist.")
    for number in range(3):
        await ready.place(an_order(client_order_id=f"o-{number}"))
    await until(lambda: len(ready.statuses) == 3)
    assert not ready.looker.was_in_doubt
    await ready.place(an_order(client_order_id="o-3"))
    await until(lambda: ready.looker.doubts)
    assert "what became of 4 orders at once is unknown" in ready.looker.doubts["unknown orders"]
    await ready.binance.push_user(report("NEW", "NEW", c="o-3"))
    await until(lambda: not ready.looker.doubts)


async def test_a_clock_that_is_off_is_set_at_once_and_in_doubt_when_that_does_not_help(ready: Desk) -> None:
    asked = len(ready.binance.seen("GET /api/v3/time"))
    ready.binance.answers[PLACE] = refuses(-1021, "Timestamp for this request is outside of the recvWindow.")
    await ready.place()
    await until(lambda: len(ready.binance.seen("GET /api/v3/time")) == asked + 2)
    assert not ready.looker.was_in_doubt
    await ready.place(an_order(client_order_id="o-2"))
    await until(lambda: "clock" in ready.looker.doubts)
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0", clientOrderId="o-3"))
    await ready.place(an_order(client_order_id="o-3"))
    await until(lambda: "clock" not in ready.looker.doubts)
    assert ready.statuses == [OrderStatus.REJECTED, OrderStatus.REJECTED, OrderStatus.NEW]


async def test_a_void_order_that_trades_is_booked_and_stops_the_account(ready: Desk) -> None:
    ready.binance.answers[QUERY] = refuses(-2013, "Order does not exist.")
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout waiting for response.")
    ready.looker.newest = {(Market.SPOT, "BTCUSDT"): 770}
    await ready.place()
    await until(lambda: OrderStatus.VOID in ready.statuses)
    ready.binance.answers[TRADES] = says([TRADE])
    ready.binance.answers[QUERY] = says(order_reply())
    await ready.binance.push_user(report("TRADE", "FILLED", t=771, l="0.015", L="61250.5", z="0.015", n="0", N="BTC"))
    await until(lambda: ready.looker.halted)
    assert "is VOID on record, and it traded" in ready.looker.halted
    assert [fill.trade_id for fill in ready.fills] == [771]
