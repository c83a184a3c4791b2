"""Orders: exactly one request whatever happens to its answer, and an end that is proven."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fake_binance import Answer, FakeBinance, until
from order_desk import (
    CREDENTIALS,
    FILL,
    HASTE,
    PLACE,
    QUERY,
    TRADE,
    TRADES,
    Desk,
    an_order,
    babbles,
    hangs_up,
    never,
    order_reply,
    refuses,
    says,
)

from bot.binance.client import build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.domain.messages import FundsSeen
from bot.domain.money import Price
from bot.domain.order import OrderStatus, OrderType, TimeInForce


async def test_starting_tells_free_and_locked_money_together(desk: Desk) -> None:
    await desk.open()
    (funds,) = desk.events
    assert isinstance(funds, FundsSeen)
    assert funds.totals == {"USDT": Decimal("1750.25")}
    assert desk.binance.api_requests[0]["method"] == "userDataStream.subscribe.signature"


async def test_a_market_order_goes_out_once_and_its_fills_come_back(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply(fills=[FILL]))
    await ready.place()
    await until(lambda: ready.statuses)
    (sent,) = ready.binance.seen(PLACE)
    assert {name: sent[name] for name in ("symbol", "side", "type", "quantity", "newClientOrderId")} == {
        "symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.015", "newClientOrderId": "o-1",
    }  # fmt: skip
    assert "timeInForce" not in sent
    assert "price" not in sent
    (fill,) = ready.fills
    assert (fill.price, fill.quantity, fill.fee, fill.fee_asset, fill.trade_id) == (
        Decimal("61250.50"), Decimal("0.015"), Decimal("0.000015"), "BTC", 771,
    )  # fmt: skip
    assert ready.statuses == [OrderStatus.FILLED]


async def test_a_limit_order_says_its_price_without_an_exponent(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply("NEW", "0"))
    order = an_order(type=OrderType.LIMIT, price=Price(Decimal("0.0000001")), time_in_force=TimeInForce.IOC)
    await ready.place(order)
    await until(lambda: ready.statuses == [OrderStatus.NEW])
    (sent,) = ready.binance.seen(PLACE)
    assert (sent["price"], sent["timeInForce"]) == ("0.0000001", "IOC")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refuses(-1007, "Timeout waiting for response", 503), id="503 with -1007"),
        pytest.param(refuses(-1006, "Unexpected response", 400), id="400 with -1006"),
        pytest.param(refuses(-1000, "Unknown", 500), id="500 with -1000"),
        pytest.param(refuses(-2010, "Duplicate order sent."), id="our id is on the book"),
        pytest.param(refuses(-7777, "A code of tomorrow"), id="unlisted code"),
        pytest.param(says(order_reply(clientOrderId="another")), id="reply of another order"),
        pytest.param(says(order_reply("A_STATUS_OF_TOMORROW")), id="unknown status"),
        pytest.param(says({}, 502), id="502 without a reason"),
        pytest.param(hangs_up, id="reset"),
        pytest.param(babbles, id="truncated answer"),
    ],
)
async def test_an_unknown_outcome_is_never_sent_again_but_asked_for(ready: Desk, answer: Answer) -> None:
    await is_found_filled(ready, answer)


@pytest.mark.parametrize("answer_s", [0.2])
async def test_an_answer_that_does_not_come_in_time_is_an_unknown_outcome(ready: Desk) -> None:
    await is_found_filled(ready, never)


async def is_found_filled(ready: Desk, answer: Answer) -> None:
    ready.binance.answers[PLACE] = answer
    ready.binance.answers[QUERY] = says(order_reply())
    ready.binance.answers[TRADES] = says([TRADE])
    await ready.place()
    await until(lambda: OrderStatus.FILLED in ready.statuses)
    assert ready.statuses == [OrderStatus.UNKNOWN, OrderStatus.FILLED]
    assert [fill.trade_id for fill in ready.fills] == [771]
    assert len(ready.binance.seen(PLACE)) == 1


async def test_absence_is_believed_only_after_the_fence(ready: Desk) -> None:
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = refuses(-2013, "Order does not exist.")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await ready.place()
    await until(lambda: OrderStatus.VOID in ready.statuses)
    assert loop.time() - began >= HASTE.fence_ms / 1000
    assert ready.statuses == [OrderStatus.UNKNOWN, OrderStatus.VOID]
    assert len(ready.binance.seen(PLACE)) == 1


async def test_errors_while_asking_prove_nothing(ready: Desk) -> None:
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = refuses(-1100, "Illegal characters", 400)
    await ready.place()
    await until(lambda: len(ready.binance.seen(QUERY)) > 15)
    assert ready.statuses == [OrderStatus.UNKNOWN]


@pytest.mark.parametrize(
    ("code", "status", "message", "hint"),
    [
        (-2010, 400, "Account has insufficient balance for requested action.", "check balance"),
        (-1013, 400, "Filter failure: NOTIONAL", "breaks a rule of the symbol"),
        (-1111, 400, "Parameter 'quantity' has too much precision.", "too much precision"),
        (-1021, 400, "Timestamp for this request is outside of the recvWindow.", "clock"),
    ],
)
async def test_a_definite_refusal_ends_the_order_with_its_code(
    ready: Desk, code: int, status: int, message: str, hint: str
) -> None:
    ready.binance.answers[PLACE] = refuses(code, message, status)
    await ready.place()
    await until(lambda: ready.statuses)
    assert (ready.last.status, ready.last.code) == (OrderStatus.REJECTED, code)
    assert hint in ready.last.reason
    assert len(ready.binance.seen(PLACE)) == 1


async def test_a_wrong_signature_says_cause_and_fix_without_the_secret(ready: Desk) -> None:
    ready.binance.answers[PLACE] = refuses(-1022, "Signature for this request is not valid.")
    await ready.place()
    await until(lambda: ready.statuses)
    assert ready.last.status is OrderStatus.REJECTED
    assert "Signature for this request is not valid" in ready.last.reason
    assert "check that the API secret belongs to this key" in ready.last.reason
    assert "the-secret" not in ready.last.reason


async def test_a_limited_order_is_not_sent_again_and_nothing_goes_out_until_the_wait_ends(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says({"code": -1003, "msg": "Too many requests"}, 429, {"Retry-After": "30"})
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.VOID])
    await ready.place(an_order(client_order_id="o-2"))
    await until(lambda: len(ready.statuses) == 2)
    assert ready.statuses == [OrderStatus.VOID, OrderStatus.VOID]
    assert len(ready.binance.seen(PLACE)) == 1


async def test_stopping_amid_a_request_leaves_the_order_unknown(ready: Desk) -> None:
    ready.binance.answers[PLACE] = never
    await ready.place()
    await until(lambda: ready.binance.seen(PLACE))
    await ready.broker.stop()
    assert ready.statuses == [OrderStatus.UNKNOWN]


async def test_a_built_client_hides_its_credentials(binance: FakeBinance) -> None:
    public = build_public(binance.hosts)
    client = build_spot(CREDENTIALS, binance.hosts, ExchangeClock(public.time_ms))
    binance.answers["GET /api/v3/account"] = says({"balances": []})
    await client.funds(1)
    assert binance.headers[-1]["X-MBX-APIKEY"] == "the-key"
    assert "the-" not in repr(CREDENTIALS) + str(CREDENTIALS)
    await client.close()
    await public.close()


@pytest.mark.parametrize(
    "nonsense",
    [{"executedQty": "NaN"}, {"executedQty": "-1"}, {"fills": [{**FILL, "price": "Infinity"}]}],
    ids=["quantity is no number", "quantity below zero", "endless price"],
)
async def test_an_answer_with_impossible_numbers_is_an_unknown_outcome(ready: Desk, nonsense: dict[str, Any]) -> None:
    ready.binance.answers[PLACE] = says(order_reply(**nonsense))
    ready.binance.answers[QUERY] = says(order_reply())
    ready.binance.answers[TRADES] = says([{**TRADE, "price": "NaN"}])
    await ready.place()
    await until(lambda: ready.binance.seen(TRADES))
    assert ready.statuses == [OrderStatus.UNKNOWN]
    ready.binance.answers[TRADES] = says([TRADE])
    await until(lambda: ready.statuses == [OrderStatus.UNKNOWN, OrderStatus.FILLED])


async def test_an_order_that_never_arrived_is_asked_for_right_after_the_fence(ready: Desk) -> None:
    ready.broker.patience = replace(HASTE, fence_ms=300, poll_first_s=0.2, poll_max_s=60.0)
    ready.binance.answers[PLACE] = refuses(-1007, "Timeout", 503)
    ready.binance.answers[QUERY] = refuses(-2013, "Order does not exist.")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await ready.place()
    await until(lambda: OrderStatus.VOID in ready.statuses)
    assert loop.time() - began >= 0.3
    assert len(ready.binance.seen(QUERY)) == 3
