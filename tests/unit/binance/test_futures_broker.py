"""The broker of a USD-M account: fills come by stream and userTrades, and outcomes are proven as on spot."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from fake_binance import Answer, FakeBinance, until
from tests.fakes.looker import Looker

from bot.binance.client import FuturesClient, build_futures, build_public
from bot.binance.clock import ExchangeClock
from bot.binance.following import Patience
from bot.binance.futures_broker import FuturesBroker
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.domain.errors import Misconfigured
from bot.domain.market import Market
from bot.domain.messages import CancelOrder, FundsSeen, IncomeKind, IncomeSeen, OrderUpdate, PlaceOrder
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side
from bot.ports import OpenOrder

SERVER_MS = 1_790_000_000_123
HASTE = Patience(fence_ms=150, poll_first_s=0.01, poll_max_s=0.02, stop_s=0.05)
PLACE, QUERY, CANCEL = "POST /fapi/v1/order", "GET /fapi/v1/order", "DELETE /fapi/v1/order"
TRADES, CONFIG, BALANCE = "GET /fapi/v1/userTrades", "GET /fapi/v1/accountConfig", "GET /fapi/v3/balance"
FORCED, INCOME = "GET /fapi/v1/forceOrders", "GET /fapi/v1/income"


def says(body: object, status: int = 200) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def reply(status: str = "NEW", executed: str = "0.000") -> dict[str, Any]:
    return {
        "orderId": 7001, "symbol": "BTCUSDT", "status": status, "clientOrderId": "o-1", "price": "0.00",
        "origQty": "0.010", "executedQty": executed, "cumQty": executed, "type": "MARKET", "side": "SELL",
        "updateTime": SERVER_MS, "news": {},
    }  # fmt: skip


TRADE = {
    "symbol": "BTCUSDT", "id": 55, "orderId": 7001, "side": "SELL", "price": "61000.10", "qty": "0.010",
    "quoteQty": "610.001", "realizedPnl": "-1.5", "commission": "0.244", "commissionAsset": "USDT",
    "time": SERVER_MS, "maker": False, "buyer": False, "positionSide": "BOTH",
}  # fmt: skip


def report(execution: str, status: str, **more: Any) -> dict[str, Any]:
    body = {
        "s": "BTCUSDT", "c": "o-1", "S": "SELL", "o": "MARKET", "f": "GTC", "q": "0.010", "p": "0", "x": execution,
        "X": status, "i": 7001, "l": "0", "z": "0", "L": "0", "T": SERVER_MS, "t": 0, "m": False, "er": "0", **more,
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": SERVER_MS, "T": SERVER_MS, "o": body}


FILLED = report("TRADE", "FILLED", l="0.010", z="0.010", L="61000.1", t=55, n="0.244", N="USDT")


def an_order(**more: Any) -> Order:
    values: dict[str, Any] = {
        "client_order_id": "o-1", "strategy_id": 1, "symbol": "BTCUSDT", "side": Side.SELL, "type": OrderType.MARKET,
        "quantity": Quantity(Decimal("0.010")), "created_ms": SERVER_MS, "market": Market.FUTURES, **more,
    }  # fmt: skip
    return Order(**values)


class Desk:
    def __init__(self, binance: FakeBinance) -> None:
        self.binance = binance
        self.public = build_public(binance.futures_hosts)
        credentials, clock = Credentials("the-key", "the-secret"), ExchangeClock(self.public.time_ms)
        self.client: FuturesClient = build_futures(credentials, binance.futures_hosts, clock)
        pace = Pace(retry_first_s=0.01, retry_max_s=0.02)
        self.broker = FuturesBroker(self.client, credentials, clock, patience=HASTE, pace=pace)
        self.events: list[object] = []
        self.looker = Looker(self.broker)

    @property
    def statuses(self) -> list[OrderStatus]:
        return [event.status for event in self.events if isinstance(event, OrderUpdate)]

    @property
    def fills(self) -> list[Fill]:
        return [event for event in self.events if isinstance(event, Fill)]

    async def open(self, *orders: OpenOrder) -> None:
        await self.broker.start(self.events.append, orders, None, self.looker)
        await self.looker.look()

    async def push(self, event: dict[str, Any]) -> None:
        await until(lambda: self.binance.private_sockets)
        await self.binance.private_sockets[-1].send_str(json.dumps(event))

    async def close(self) -> None:
        await self.looker.close()
        await self.broker.stop()
        await self.public.close()


@pytest.fixture
async def desk(binance: FakeBinance) -> AsyncIterator[Desk]:
    binance.answers |= {
        "GET /fapi/v1/time": says({"serverTime": SERVER_MS}),
        "POST /fapi/v1/listenKey": says({"listenKey": "key-1"}),
        CONFIG: says({"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": True}),
        BALANCE: says([{"asset": "USDT", "balance": "1500.25"}, {"asset": "BNB", "balance": "0.00"}]),
        QUERY: says({"code": -2013, "msg": "Order does not exist."}, 400),
        FORCED: says([]),
        INCOME: says([]),
    }
    made = Desk(binance)
    yield made
    await made.close()


async def test_money_is_what_the_wallets_hold(desk: Desk) -> None:
    await desk.open()
    (funds,) = desk.events
    assert isinstance(funds, FundsSeen)
    assert funds.totals == {"USDT": Decimal("1500.25")}


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"dualSidePosition": True, "multiAssetsMargin": False}, "one-way mode"),
        ({"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": False}, "allow it there"),
    ],
)
async def test_an_account_that_cannot_be_traded_as_it_is_says_so(desk: Desk, config: dict[str, Any], text: str) -> None:
    desk.binance.answers[CONFIG] = says(config)
    with pytest.raises(Misconfigured, match=text):
        await desk.open()


async def test_a_filled_reply_carries_no_price_so_the_trades_are_asked_for(desk: Desk) -> None:
    desk.binance.answers |= {PLACE: says(reply("FILLED", "0.010")), TRADES: says([TRADE])}
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.statuses)
    (fill,) = desk.fills
    assert (fill.price, fill.quantity, fill.fee, fill.fee_asset) == (
        Decimal("61000.1"), Decimal("0.01"), Decimal("0.244"), "USDT",
    )  # fmt: skip
    assert (fill.side, fill.market, fill.key) == (Side.SELL, Market.FUTURES, ("futures", "BTCUSDT", 55))
    assert desk.statuses == [OrderStatus.FILLED]
    await desk.push(FILLED)
    await desk.push(report("NEW", "NEW", c="another"))
    await until(lambda: len(desk.binance.private_sockets) == 1)
    assert len(desk.fills) == 1
    (placed,) = desk.binance.seen(PLACE)
    assert (placed["quantity"], placed["newOrderRespType"], "timeInForce" in placed) == ("0.01", "RESULT", False)


async def test_the_user_stream_tells_fills_first_and_each_once(desk: Desk) -> None:
    desk.binance.answers[PLACE] = says(reply())
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.statuses == [OrderStatus.NEW])
    for _ in range(3):
        await desk.push(FILLED)
    await until(lambda: desk.statuses == [OrderStatus.NEW, OrderStatus.FILLED])
    assert [fill.trade_id for fill in desk.fills] == [55]


@pytest.mark.parametrize("why", ["2", 2])
async def test_an_order_that_expired_says_why(desk: Desk, why: str | int) -> None:
    desk.binance.answers[PLACE] = says(reply())
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.statuses == [OrderStatus.NEW])
    await desk.push(report("EXPIRED", "EXPIRED", er=why))
    await until(lambda: desk.statuses == [OrderStatus.NEW, OrderStatus.EXPIRED])
    assert desk.events[-1].reason == "the rest of an order that fills at once"  # type: ignore[attr-defined]


async def test_a_lost_answer_is_unknown_until_the_exchange_shows_the_order(desk: Desk) -> None:
    desk.binance.answers[PLACE] = hangs_up
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.statuses == [OrderStatus.UNKNOWN])
    desk.binance.answers |= {QUERY: says(reply("FILLED", "0.010")), TRADES: says([TRADE])}
    await until(lambda: desk.statuses == [OrderStatus.UNKNOWN, OrderStatus.FILLED])
    assert len(desk.binance.seen(PLACE)) == 1
    assert len(desk.fills) == 1


async def test_absence_is_believed_only_after_the_fence(desk: Desk) -> None:
    desk.binance.answers[PLACE] = hangs_up
    await desk.open()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.statuses == [OrderStatus.UNKNOWN, OrderStatus.VOID])
    assert loop.time() - began >= HASTE.fence_ms / 1000
    assert desk.binance.seen(QUERY)
    assert len(desk.binance.seen(PLACE)) == 1


@pytest.mark.parametrize(
    ("code", "http", "text", "status"),
    [
        (-2019, 400, "Margin is insufficient.", OrderStatus.REJECTED),
        (-2022, 400, "ReduceOnly Order is rejected.", OrderStatus.REJECTED),
        (-4164, 400, "Order's notional must be no smaller than 50", OrderStatus.REJECTED),
        (-5022, 400, "Due to the order could not be executed as maker", OrderStatus.REJECTED),
        (-4061, 400, "Order's position side does not match", OrderStatus.REJECTED),
        (-1008, 503, "Server overloaded", OrderStatus.VOID),
        (-1001, 503, "Internal error; unable to process your request.", OrderStatus.VOID),
        (-4116, 400, "ClientOrderId is duplicated.", OrderStatus.UNKNOWN),
        (-1007, 408, "Timeout waiting for response", OrderStatus.UNKNOWN),
    ],
)
async def test_refusals_are_told_by_what_they_prove(
    desk: Desk, code: int, http: int, text: str, status: OrderStatus
) -> None:
    desk.binance.answers[PLACE] = says({"code": code, "msg": text}, http)
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.statuses)
    assert desk.statuses[0] is status


async def test_an_order_at_rest_is_cancelled_by_our_id(desk: Desk) -> None:
    desk.binance.answers |= {PLACE: says(reply()), CANCEL: says(reply("CANCELED"))}
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order(type=OrderType.LIMIT, price=Price(Decimal("70000.5")))))
    await until(lambda: desk.statuses == [OrderStatus.NEW])
    await desk.broker.execute(CancelOrder("o-1", "BTCUSDT", Market.FUTURES))
    await until(lambda: desk.statuses == [OrderStatus.NEW, OrderStatus.CANCELED])
    assert desk.binance.seen(CANCEL)[0]["origClientOrderId"] == "o-1"


async def test_what_happened_while_we_were_away_is_told_at_the_start(desk: Desk) -> None:
    desk.binance.answers |= {QUERY: says(reply("FILLED", "0.010")), TRADES: says([TRADE])}
    await desk.open(OpenOrder(an_order(), OrderStatus.SENT, Decimal(0), Decimal(0), 0))
    assert [type(event) for event in desk.events] == [Fill, OrderUpdate, FundsSeen]


async def test_after_a_new_listen_key_the_gap_is_asked_for(desk: Desk) -> None:
    desk.binance.answers |= {PLACE: says(reply())}
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.statuses == [OrderStatus.NEW])
    desk.binance.answers |= {QUERY: says(reply("FILLED", "0.010")), TRADES: says([TRADE])}
    await desk.push({"e": "listenKeyExpired", "E": 1, "listenKey": "key-1"})
    await until(lambda: desk.statuses == [OrderStatus.NEW, OrderStatus.FILLED])
    assert [fill.trade_id for fill in desk.fills] == [55]


async def test_while_an_order_is_open_the_exchange_would_cancel_it_should_we_fall_silent(desk: Desk) -> None:
    countdown = "POST /fapi/v1/countdownCancelAll"
    desk.binance.answers |= {
        PLACE: says(reply()),
        QUERY: says(reply()),
        countdown: says({"symbol": "BTCUSDT", "countdownTime": "100"}),
    }
    desk.broker.patience = replace(HASTE, dead_man_s=0.04)
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: len(desk.binance.seen(countdown)) >= 2)
    assert desk.binance.seen(countdown)[0]["countdownTime"] == "40"
    await desk.push(FILLED)
    await until(lambda: desk.binance.seen(countdown)[-1]["countdownTime"] == "0")
    quiet = len(desk.binance.seen(countdown))
    await desk.broker.execute(PlaceOrder(an_order(client_order_id="o-2")))
    await until(lambda: len(desk.binance.seen(countdown)) > quiet)
    await desk.broker.stop()
    assert desk.binance.seen(countdown)[-1]["countdownTime"] == "0"  # a clean stop leaves the order where it is


async def test_the_first_order_of_a_symbol_is_guarded_at_once_not_at_the_next_look(desk: Desk) -> None:
    countdown = "POST /fapi/v1/countdownCancelAll"
    desk.binance.answers |= {
        PLACE: says(reply()),
        QUERY: says(reply()),
        countdown: says({"symbol": "BTCUSDT", "countdownTime": "4000000"}),
    }
    desk.broker.patience = replace(HASTE, dead_man_s=4_000.0)  # the next look is in a quarter of an hour
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: desk.binance.seen(countdown))
    assert desk.binance.seen(countdown)[0]["countdownTime"] == "4000000"


async def test_a_switch_that_cannot_be_set_is_put_on_record_and_stops_nothing(desk: Desk) -> None:
    desk.binance.answers[PLACE] = says(reply())
    desk.broker.patience = replace(HASTE, dead_man_s=0.04)
    await desk.open()
    await desk.broker.execute(PlaceOrder(an_order()))
    await until(lambda: len(desk.binance.seen("POST /fapi/v1/countdownCancelAll")) >= 2)
    assert desk.statuses == [OrderStatus.NEW]


FUNDED = {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": "-0.12000000", "asset": "USDT", "info": "",
          "time": SERVER_MS, "tranId": 4711, "tradeId": ""}  # fmt: skip


def only(kind: str, row: dict[str, Any]) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response([row] if request.query["incomeType"] == kind else [])

    return answer


async def test_funding_is_told_when_the_stream_speaks_of_it_and_once(desk: Desk) -> None:
    await desk.open()
    desk.binance.answers[INCOME] = only("FUNDING_FEE", FUNDED)
    await desk.push(
        {"e": "ACCOUNT_UPDATE", "E": SERVER_MS, "T": SERVER_MS, "a": {"m": "FUNDING_FEE", "B": [], "P": []}}
    )
    await until(lambda: any(isinstance(event, IncomeSeen) for event in desk.events))
    await desk.broker.reconcile({})
    assert [each for each in desk.events if isinstance(each, IncomeSeen)] == [
        IncomeSeen(IncomeKind.FUNDING, 4711, "BTCUSDT", "USDT", Decimal("-0.12"), SERVER_MS)
    ]


async def test_money_is_told_after_what_the_exchange_did_by_itself(desk: Desk) -> None:
    desk.binance.answers[INCOME] = only("FUNDING_FEE", FUNDED)
    await desk.open()
    assert [type(event) for event in desk.events] == [IncomeSeen, FundsSeen]


async def test_a_liquidation_is_told_with_its_trades_by_stream_or_by_look(desk: Desk) -> None:
    await desk.open()
    order = reply("FILLED", "0.010") | {"clientOrderId": "autoclose-7001", "time": SERVER_MS}
    desk.binance.answers |= {FORCED: says([order]), TRADES: says([TRADE])}
    await desk.push(report("TRADE", "FILLED", c="autoclose-7001", z="0.010", l="0.010", L="100", t=9))
    await until(lambda: desk.fills)
    await desk.broker.reconcile({})
    (fill,) = desk.fills
    assert (fill.client_order_id, fill.quantity) == ("autoclose-7001", Decimal("0.010"))


async def test_a_settlement_that_no_list_shows_is_told_once_the_order_that_the_stream_named_is_shown(
    desk: Desk,
) -> None:
    await desk.open()
    order = reply("FILLED", "0.010") | {"clientOrderId": "settlement_autoclose-7", "time": SERVER_MS}
    absent = says({"code": -2013, "msg": "Order does not exist."}, 400)
    desk.binance.answers |= {FORCED: says([]), QUERY: absent, TRADES: says([TRADE])}
    await desk.push(report("TRADE", "FILLED", c="settlement_autoclose-7", z="0.010", l="0.010", L="100", t=9))
    await until(lambda: desk.binance.seen(QUERY))
    await desk.broker.reconcile({})
    assert not desk.fills, "not shown yet, and no reason for a look to fail"
    desk.binance.answers[QUERY] = says(order)
    for _ in range(2):
        await desk.broker.reconcile({})
    (fill,) = desk.fills
    assert (fill.client_order_id, fill.quantity) == ("settlement_autoclose-7", Decimal("0.010"))
