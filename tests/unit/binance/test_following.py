"""Following orders: what the user stream tells, what it keeps back, and what happened before the start."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from fake_binance import FakeBinance, until
from order_desk import HASTE, PLACE, QUERY, SERVER_MS, TRADE, TRADES, Desk, an_order, order_reply, refuses, report, says

from bot.domain.messages import FundsSeen, OrderUpdate
from bot.domain.order import Fill, OrderStatus
from bot.ports import OpenOrder


async def test_a_fill_told_twice_is_delivered_once(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0", type="LIMIT"))
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    trade = report("TRADE", "PARTIALLY_FILLED", l="0.005", z="0.005", L="61250.50", n="0.000005", N="BTC", t=5)
    await ready.binance.push_user(trade)
    await ready.binance.push_user(trade)
    await ready.binance.push_user(report("CANCELED", "CANCELED", c="cancel-7", C="o-1"))
    await until(lambda: OrderStatus.CANCELED in ready.statuses)
    assert [(fill.trade_id, fill.quantity) for fill in ready.fills] == [(5, Decimal("0.005"))]
    assert ready.statuses == [OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELED]


async def test_what_happened_while_the_user_stream_was_away_is_asked_for(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0"))
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    ready.binance.answers[QUERY] = says(order_reply())
    ready.binance.answers[TRADES] = says([TRADE])
    await ready.binance.api_sockets[-1].close()
    await until(lambda: OrderStatus.FILLED in ready.statuses)
    assert [fill.trade_id for fill in ready.fills] == [771]
    assert len(ready.binance.api_sockets) == 2


async def test_a_stream_that_the_exchange_ends_is_opened_again(ready: Desk) -> None:
    await ready.binance.push_user({"e": "eventStreamTerminated", "E": SERVER_MS})
    await until(lambda: len(ready.binance.api_requests) == 2)
    first, second = (request["params"] for request in ready.binance.api_requests)
    assert first["apiKey"] == second["apiKey"] == "the-key"
    assert first["signature"] != second["signature"]


async def test_trades_that_are_not_yet_readable_are_waited_for(ready: Desk) -> None:
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = says(order_reply())
    ready.binance.answers[TRADES] = says([])
    await ready.place()
    await until(lambda: len(ready.binance.seen(TRADES)) >= 3)
    assert ready.statuses == [OrderStatus.UNKNOWN]
    ready.binance.answers[TRADES] = says([TRADE])
    await until(lambda: ready.statuses == [OrderStatus.UNKNOWN, OrderStatus.FILLED])
    assert isinstance(ready.events[1], Fill)


async def test_an_order_of_before_the_restart_is_settled_before_the_money_is_told(desk: Desk) -> None:
    desk.binance.answers[QUERY] = says(order_reply())
    desk.binance.answers[TRADES] = says([TRADE])
    open_order = OpenOrder(an_order(), OrderStatus.SENT, Decimal(0), Decimal(0), 0)
    await desk.open(open_order)
    assert [type(event) for event in desk.events] == [Fill, OrderUpdate, FundsSeen]


async def test_an_order_of_before_the_restart_that_never_arrived_is_void_after_the_fence(desk: Desk) -> None:
    desk.binance.answers[QUERY] = refuses(-2013, "Order does not exist.")
    open_order = OpenOrder(an_order(), OrderStatus.SENT, Decimal(0), Decimal(0), 0)
    await desk.open(open_order)
    assert [type(event) for event in desk.events] == [FundsSeen]
    await until(lambda: desk.statuses == [OrderStatus.VOID])


async def test_money_is_looked_at_again_when_a_fill_fell_between_the_looks(desk: Desk) -> None:
    desk.binance.answers[QUERY] = says(order_reply("NEW", "0"))
    desk.binance.answers[TRADES] = says([TRADE])

    async def account(_request: web.Request) -> web.StreamResponse:
        is_first = len(desk.binance.seen("GET /api/v3/account")) == 1
        desk.binance.answers[QUERY] = says(order_reply())
        free = "1000" if is_first else "81.2425"
        return web.json_response({"balances": [{"asset": "USDT", "free": free, "locked": "0"}]})

    desk.binance.answers["GET /api/v3/account"] = account
    open_order = OpenOrder(an_order(), OrderStatus.SENT, Decimal(0), Decimal(0), 0)
    await desk.open(open_order)
    assert [type(event) for event in desk.events] == [OrderUpdate, Fill, OrderUpdate, FundsSeen]
    funds = desk.events[-1]
    assert isinstance(funds, FundsSeen)
    assert funds.totals == {"USDT": Decimal("81.2425")}


async def test_an_event_that_the_user_stream_dropped_is_found_by_a_look(binance: FakeBinance, desk: Desk) -> None:
    desk.looker.every_s = 0.02
    await desk.open()
    binance.answers[PLACE] = says(order_reply("NEW", "0"))
    binance.answers[QUERY] = says(order_reply())
    binance.answers[TRADES] = says([TRADE])
    await desk.place()
    await until(lambda: OrderStatus.FILLED in desk.statuses)
    assert [fill.trade_id for fill in desk.fills] == [771]


@pytest.mark.parametrize(
    ("ending", "end"),
    [
        (report("TRADE", "FILLED", l="0.005", z="0.015", L="61250.50", n="0.000005", N="BTC", t=772), "FILLED"),
        (report("CANCELED", "CANCELED", z="0.010", c="cancel-7", C="o-1"), "CANCELED"),
    ],
    ids=["filled", "cancelled"],
)
async def test_an_end_that_the_user_stream_tells_waits_for_the_trades_it_did_not_tell(
    ready: Desk, ending: dict[str, Any], end: str
) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0"))
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    rows = [{**TRADE, "id": 771, "qty": "0.010"}, {**TRADE, "id": 772, "qty": "0.005"}]
    rows = rows[: 2 if end == "FILLED" else 1]
    ready.binance.answers[QUERY] = says(order_reply(end, ending["z"]))
    ready.binance.answers[TRADES] = says(rows)
    await ready.binance.push_user(ending)
    await until(lambda: OrderStatus(end) in ready.statuses)
    assert sum(fill.quantity for fill in ready.fills) == Decimal(ending["z"])
    assert isinstance(ready.events[-1], OrderUpdate)


async def test_trades_that_the_user_stream_did_not_tell_are_asked_for_until_they_are_read(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0"))
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    ready.binance.answers[QUERY] = refuses(-1007, "Timeout", 503)
    await ready.binance.push_user(report("CANCELED", "CANCELED", z="0.015", c="cancel-7", C="o-1"))
    await until(lambda: ready.binance.seen(QUERY))
    assert ready.statuses == [OrderStatus.NEW]
    ready.binance.answers[QUERY] = says(order_reply("CANCELED"))
    ready.binance.answers[TRADES] = says([TRADE])
    await until(lambda: ready.statuses == [OrderStatus.NEW, OrderStatus.CANCELED])
    assert [fill.trade_id for fill in ready.fills] == [771]


@pytest.mark.parametrize("nonsense", [{"L": "NaN"}, {"S": "SIDEWAYS"}, {"z": "-Infinity"}])
async def test_a_report_with_impossible_values_is_asked_about(ready: Desk, nonsense: dict[str, Any]) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0"))
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    ready.binance.answers[QUERY] = says(order_reply())
    ready.binance.answers[TRADES] = says([TRADE])
    trade = report("TRADE", "FILLED", l="0.015", z="0.015", L="61250.50", n="0.000015", N="BTC", t=771)
    await ready.binance.push_user(trade | nonsense)
    await until(lambda: ready.statuses == [OrderStatus.NEW, OrderStatus.FILLED])
    assert [fill.trade_id for fill in ready.fills] == [771]
    assert len(ready.binance.api_sockets) == 1


async def unknown(ready: Desk) -> None:
    """Send an order whose answer is lost, and that no question finds."""
    ready.broker.patience = replace(HASTE, fence_ms=60_000, poll_first_s=60.0, poll_max_s=60.0)
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = refuses(-2013, "Order does not exist.")
    await ready.place()
    await until(lambda: ready.binance.seen(QUERY))


async def test_an_unknown_order_that_the_user_stream_shows_is_known_at_once(ready: Desk) -> None:
    await unknown(ready)
    await ready.binance.push_user(report("NEW", "NEW"))
    await until(lambda: ready.statuses == [OrderStatus.UNKNOWN, OrderStatus.NEW])
    assert len(ready.binance.seen(QUERY)) == 1


async def test_an_unknown_order_that_the_user_stream_shows_filled_comes_with_its_trades(ready: Desk) -> None:
    await unknown(ready)
    trade = report("TRADE", "FILLED", l="0.015", z="0.015", L="61250.50", n="0.000015", N="BTC", t=771)
    await ready.binance.push_user(trade)
    await until(lambda: ready.statuses == [OrderStatus.UNKNOWN, OrderStatus.FILLED])
    assert [fill.trade_id for fill in ready.fills] == [771]
    assert len(ready.binance.seen(QUERY)) == 1


@pytest.mark.parametrize(("code", "number"), [(-2026, 0), (-2026, 9001), (-2013, 9001)])
async def test_an_order_of_before_the_restart_that_the_exchange_had_and_shows_no_more_is_over_and_not_void(
    desk: Desk, code: int, number: int
) -> None:
    desk.binance.answers[QUERY] = refuses(code, "Order was archived, or does not exist.")
    open_order = OpenOrder(an_order(), OrderStatus.NEW, Decimal(0), Decimal(0), number)
    await desk.open(open_order)
    await until(lambda: desk.statuses == [OrderStatus.CANCELED])
    assert "archived" in desk.last.reason


async def test_a_trade_of_an_order_that_nobody_sent_from_here_is_not_told(ready: Desk) -> None:
    trade = report("TRADE", "FILLED", c="b-9-1-x-0", i=9009, t=771, l="0.015", L="61250.5", z="0.015", n="0", N="BTC")
    await ready.binance.push_user(trade)
    await until(lambda: ready.looker.was_in_doubt)
    assert ready.fills == []
