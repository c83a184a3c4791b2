"""Orders: exactly one request whatever happens to its answer, and an end that is proven."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from aiohttp import web
from fake_binance import Answer, FakeBinance, until
from tests.fakes.looker import Looker

from bot.binance import spot
from bot.binance.client import SpotClient, build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SpotBroker
from bot.binance.following import Patience
from bot.binance.limits import WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.domain.errors import Misconfigured, Unavailable
from bot.domain.market import Market
from bot.domain.messages import CancelOrder, FundsSeen, OrderUpdate, PlaceOrder
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.ports import OpenOrder

CREDENTIALS = Credentials("the-key", "the-secret")
SERVER_MS = 1_790_000_000_123
HASTE = Patience(fence_ms=150, poll_first_s=0.01, poll_max_s=0.02, stop_s=0.05)
PACE = Pace(retry_first_s=0.01, retry_max_s=0.02)
PLACE, QUERY, CANCEL, TRADES = "POST /api/v3/order", "GET /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/myTrades"


def says(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def refuses(code: int, message: str, status: int = 400) -> Answer:
    return says({"code": code, "msg": message}, status)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def babbles(_request: web.Request) -> web.StreamResponse:
    return web.Response(text='{"symbol":"BTCUSDT","orderId":')


def order_reply(status: str = "FILLED", executed: str = "0.015", **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "orderId": 9001, "orderListId": -1, "clientOrderId": "o-1", "transactTime": SERVER_MS,
        "price": "0", "origQty": "0.015", "executedQty": executed, "cummulativeQuoteQty": "918.7575", "status": status,
        "timeInForce": "GTC", "type": "MARKET", "side": "BUY", "aNewField": {"x": 1}, **more,
    }  # fmt: skip


FILL = {"price": "61250.50", "qty": "0.01500000", "commission": "0.00001500", "commissionAsset": "BTC", "tradeId": 771}
TRADE = {
    "symbol": "BTCUSDT", "id": 771, "orderId": 9001, "price": "61250.50", "qty": "0.01500000", "quoteQty": "918.75",
    "commission": "0.00001500", "commissionAsset": "BTC", "time": SERVER_MS, "isBuyer": True, "isMaker": False,
}  # fmt: skip


def report(execution: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "e": "executionReport", "E": SERVER_MS, "s": "BTCUSDT", "c": "o-1", "S": "BUY", "o": "MARKET", "f": "GTC",
        "q": "0.015", "p": "0", "x": execution, "X": status, "r": "NONE", "i": 9001, "l": "0", "z": "0", "L": "0",
        "n": "0", "N": None, "T": SERVER_MS, "t": -1, "w": False, "m": False, "O": SERVER_MS, "Z": "0", "C": "", **more,
    }  # fmt: skip


def an_order(**more: Any) -> Order:
    values: dict[str, Any] = {
        "client_order_id": "o-1", "strategy_id": 1, "symbol": "BTCUSDT", "side": Side.BUY, "type": OrderType.MARKET,
        "quantity": Quantity(Decimal("0.01500")), "created_ms": SERVER_MS, **more,
    }  # fmt: skip
    return Order(**values)


class Desk:
    """A broker with what it delivered."""

    def __init__(self, binance: FakeBinance, broker: SpotBroker) -> None:
        self.binance = binance
        self.broker = broker
        self.events: list[object] = []
        self.looker = Looker(broker)

    async def open(self, *open_orders: OpenOrder) -> None:
        await self.broker.start(self.events.append, open_orders, None, self.looker)
        await self.looker.look()

    @property
    def statuses(self) -> list[OrderStatus]:
        return [event.status for event in self.events if isinstance(event, OrderUpdate)]

    @property
    def fills(self) -> list[Fill]:
        return [event for event in self.events if isinstance(event, Fill)]

    @property
    def last(self) -> OrderUpdate:
        return [event for event in self.events if isinstance(event, OrderUpdate)][-1]

    async def place(self, order: Order | None = None) -> None:
        await self.broker.execute(PlaceOrder(order or an_order()))


@pytest.fixture
def answer_s() -> float:
    """Seconds that an order's answer may take; a test that lets it run out gives less."""
    return 30.0


@pytest.fixture
async def desk(binance: FakeBinance, answer_s: float) -> AsyncIterator[Desk]:
    balances = [
        {"asset": "USDT", "free": "1500.25000000", "locked": "250.00000000"},
        {"asset": "BTC", "free": "0.00000000", "locked": "0.00000000"},
    ]
    binance.answers["GET /api/v3/account"] = says({"balances": balances, "canTrade": True})
    public = build_public(binance.hosts)
    clock = ExchangeClock(public.time_ms, looks=2)
    bank = WeightBank()
    sender = Rest(binance.hosts, bank, clock=clock, credentials=CREDENTIALS, order_timeout_s=answer_s)
    client = SpotClient(binance.hosts, sender)
    broker = SpotBroker(client, CREDENTIALS, clock, patience=HASTE, pace=PACE)
    made = Desk(binance, broker)
    yield made
    await made.looker.close()
    await broker.stop()
    await client.close()
    await public.close()


@pytest.fixture
async def ready(desk: Desk) -> Desk:
    await desk.open()
    desk.events.clear()
    return desk


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


async def test_an_account_that_may_not_trade_is_refused_at_the_start(desk: Desk) -> None:
    desk.binance.answers["GET /api/v3/account"] = says({"balances": [], "canTrade": False})
    await desk.broker.start(desk.events.append)
    with pytest.raises(Misconfigured, match="not trade"):
        await desk.broker.reconcile({})


async def test_an_event_that_the_user_stream_dropped_is_found_by_a_look(binance: FakeBinance, desk: Desk) -> None:
    desk.looker.every_s = 0.02
    await desk.open()
    binance.answers[PLACE] = says(order_reply("NEW", "0"))
    binance.answers[QUERY] = says(order_reply())
    binance.answers[TRADES] = says([TRADE])
    await desk.place()
    await until(lambda: OrderStatus.FILLED in desk.statuses)
    assert [fill.trade_id for fill in desk.fills] == [771]


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


async def test_cancelling_an_order_that_has_ended_asks_for_nothing(ready: Desk) -> None:
    ready.binance.answers[PLACE] = says(order_reply(fills=[FILL]))
    await ready.place()
    await until(lambda: ready.statuses == [OrderStatus.FILLED])
    await ready.broker.execute(CancelOrder("o-1", "BTCUSDT"))
    await ready.broker.stop()
    assert not ready.binance.seen(CANCEL)


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


@pytest.mark.parametrize(("code", "number"), [(-2026, 0), (-2026, 9001), (-2013, 9001)])
async def test_an_order_of_before_the_restart_that_the_exchange_had_and_shows_no_more_is_over_and_not_void(
    desk: Desk, code: int, number: int
) -> None:
    desk.binance.answers[QUERY] = refuses(code, "Order was archived, or does not exist.")
    open_order = OpenOrder(an_order(), OrderStatus.NEW, Decimal(0), Decimal(0), number)
    await desk.open(open_order)
    await until(lambda: desk.statuses == [OrderStatus.CANCELED])
    assert "archived" in desk.last.reason


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


async def test_a_trade_of_an_order_that_nobody_sent_from_here_is_not_told(ready: Desk) -> None:
    trade = report("TRADE", "FILLED", c="b-9-1-x-0", i=9009, t=771, l="0.015", L="61250.5", z="0.015", n="0", N="BTC")
    await ready.binance.push_user(trade)
    await until(lambda: ready.looker.was_in_doubt)
    assert ready.fills == []


# A stop and its take profit, in one list.

PLACE_LIST = "POST /api/v3/orderList/oco"


def a_pair() -> tuple[Order, Order]:
    made = msgspec.structs.replace(an_order(), side=Side.SELL, time_in_force=None, purpose=Purpose.STOP)
    stop = msgspec.structs.replace(made, type=OrderType.STOP_LOSS, price=None, stop_price=Price(Decimal(60_000)))
    take = msgspec.structs.replace(
        made, client_order_id="o-2", type=OrderType.LIMIT_MAKER, price=Price(Decimal(90_000)), purpose=Purpose.EXIT
    )
    return stop, take


async def place_pair(desk: Desk) -> None:
    stop, take = a_pair()
    await desk.broker.execute(PlaceOrder(stop), desk.broker.prepare(stop, take), take)


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


def the_list(status: str) -> dict[str, Any]:
    """Give the list as placing it and cancelling one of its legs are answered."""
    legs = [
        order_reply(status, "0", orderId=9001 + number, orderListId=7, clientOrderId=name, side="SELL")
        for number, name in enumerate(("o-1", "o-2"))
    ]
    if status == "CANCELED":
        legs = [{**leg, "clientOrderId": "cancel-9", "origClientOrderId": leg["clientOrderId"]} for leg in legs]
    return {
        "orderListId": 7, "contingencyType": "OCO", "listStatusType": "ALL_DONE", "listOrderStatus": "ALL_DONE",
        "listClientOrderId": "list", "transactionTime": SERVER_MS, "symbol": "BTCUSDT",
        "orders": [{"symbol": "BTCUSDT", "orderId": leg["orderId"], "clientOrderId": leg["clientOrderId"]} for leg in legs],
        "orderReports": legs,
    }  # fmt: skip


@pytest.mark.parametrize("leg", ["o-1", "o-2"])
async def test_cancelling_a_leg_is_answered_with_the_list_and_leaves_nothing_to_ask(ready: Desk, leg: str) -> None:
    ready.binance.answers[PLACE_LIST] = says(the_list("NEW"))
    ready.binance.answers[CANCEL] = says(the_list("CANCELED"))
    await place_pair(ready)
    await until(lambda: told_of(ready, "o-1") == told_of(ready, "o-2") == [OrderStatus.NEW])
    await ready.broker.execute(CancelOrder(leg, "BTCUSDT"))
    await until(lambda: told_of(ready, leg) == [OrderStatus.NEW, OrderStatus.CANCELED])
    assert not ready.binance.seen(QUERY)


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
