"""Truth, faults and clock on a port of their own, and what clients see of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from bot.emulator.faults import UNKNOWN_KEY, UNKNOWN_WORD, Rule
from bot.emulator.unverified import Unverified

from .conftest import Connect, Reply, Visitor

PATH = "/ws-api/v3"


class Controlled(Visitor):
    """A visitor who also holds the control port."""

    async def control(self, method: str, path: str, content: Any = None) -> Any:
        url = f"{self.emulator.control_url}{path}"
        async with self.session.request(method, url, data=None if content is None else json.dumps(content)) as reply:
            return {"status": reply.status, "body": await reply.json()}

    async def fault(self, kind: str, **rule: Any) -> None:
        assert (await self.control("POST", "/_faults", {"kind": kind} | rule))["status"] == 200

    async def truth(self, **ask: Any) -> list[dict[str, Any]]:
        query = "&".join(f"{name}={value}" for name, value in ask.items())
        return list((await self.control("GET", f"/_truth?{query}"))["body"]["rows"])


@pytest.fixture
async def visitor(make_emulator: Callable[..., Awaitable[Any]], session: aiohttp.ClientSession) -> Controlled:
    return Controlled(await make_emulator(control_port=0, settings=Unverified(refusals_before_ban=2)), session)


async def test_an_order_behind_a_bad_gateway_was_placed_all_the_same(visitor: Controlled) -> None:
    await visitor.fault("bad_gateway", method="POST", path="/api/v3/order", count=1)
    url = f"{visitor.emulator.spot_url}/api/v3/ping"
    async with visitor.session.get(url) as ping:
        assert ping.status == 200
    with pytest.raises(aiohttp.ContentTypeError):
        await visitor.limit(visitor.away("0.9"), newClientOrderId="ghost")
    found = await visitor.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="ghost")
    assert found.body["status"] == "NEW"
    kinds = [
        (row["kind"], row.get("fault", row.get("code"))) for row in await visitor.truth(kind="fault,request,order")
    ]
    assert ("fault", "bad_gateway") in kinds
    assert [row["client_order_id"] for row in await visitor.truth(kind="order")] == ["ghost"]


@pytest.mark.parametrize(
    ("rule", "status", "code", "is_placed"),
    [
        ({"code": -1007, "status": 504}, 504, -1007, True),
        ({"code": -1021, "status": 400, "accept": False}, 400, -1021, False),
        ({"code": -1001, "status": 503, "accept": False, "message": "Service Unavailable."}, 503, -1001, False),
        ({"code": -1003, "status": 429, "accept": False, "retry_after_s": 7}, 429, -1003, False),
    ],
)
async def test_an_error_on_purpose_hides_what_really_happened(
    visitor: Controlled, rule: dict[str, Any], status: int, code: int, is_placed: bool
) -> None:
    await visitor.fault("error", path="/api/v3/order", count=1, **rule)
    reply = await visitor.limit(visitor.away("0.9"))
    assert (reply.status, reply.code) == (status, code)
    assert len((await visitor.signed("GET", "openOrders")).body) == is_placed
    assert reply.headers.get("Retry-After") == ("7" if status == 429 else None)


@pytest.mark.parametrize(("kind", "is_placed"), [("drop_reply", True), ("drop_request", False)])
async def test_a_cut_connection_leaves_the_outcome_open(visitor: Controlled, kind: str, is_placed: bool) -> None:
    await visitor.fault(kind, method="POST", count=1)
    with pytest.raises(aiohttp.ClientError):
        await visitor.limit(visitor.away("0.9"))
    assert len((await visitor.signed("GET", "openOrders")).body) == is_placed


async def test_a_delayed_reply_comes_after_the_order_exists(visitor: Controlled) -> None:
    await visitor.fault("delay_reply", method="POST", delay_ms=200, count=1)
    waiting = asyncio.create_task(visitor.limit(visitor.away("0.9")))
    while not await visitor.truth(kind="order"):
        await asyncio.sleep(0)
    assert not waiting.done()
    assert (await waiting).status == 200


async def test_a_request_that_waits_too_long_for_the_engine_is_refused_there_and_counts(visitor: Controlled) -> None:
    await visitor.fault("delay_request", method="POST", delay_ms=1_600, count=1)
    reply = await visitor.limit(visitor.away("0.9"), recvWindow=1_500)
    assert (reply.status, reply.code) == (400, -1021)
    counts = (await visitor.signed("GET", "rateLimit/order")).body
    assert [row["count"] for row in counts if row["interval"] == "DAY"] == [1]


async def test_a_limit_that_is_ignored_becomes_a_ban(visitor: Controlled) -> None:
    await visitor.fault("limit", path="/api/v3/time", retry_after_s=30, count=1)
    seen = [await visitor.get("time") for _ in range(5)]
    assert [reply.status for reply in seen] == [429, 429, 429, 418, 418]
    assert seen[0].headers["Retry-After"] == "30"
    assert "IP banned until" in seen[4].body["msg"]
    assert (await visitor.control("GET", "/_limits"))["body"]["spot"]["127.0.0.1"]["bans"] == 1
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await visitor.session.ws_connect(visitor.emulator.ws_api_url)
    await visitor.control("POST", "/_clock", {"advance_ms": 121_000})
    assert (await visitor.get("time")).status == 200


async def test_unknown_keys_and_words_come_where_a_rule_says_so(visitor: Controlled) -> None:
    await visitor.fault("extra_keys", path="/api/v3/exchangeInfo", count=1)
    body = (await visitor.get("exchangeInfo?symbol=BTCUSDT")).body
    assert UNKNOWN_KEY in body
    assert UNKNOWN_KEY in body["symbols"][0]
    await visitor.fault("unknown_enum", path="/api/v3/order", field="status")
    assert (await visitor.place()).body["status"] == UNKNOWN_WORD


async def test_a_user_event_gets_lost_on_purpose_but_not_from_the_truth(visitor: Controlled, connect: Connect) -> None:
    api = await connect(PATH)
    await api.signed("userDataStream.subscribe.signature")
    await visitor.fault("drop_frame", event="executionReport", script=".x")
    await visitor.place()
    await api.call("ping")
    assert [event["event"].get("x") for event in api.events] == ["NEW", None]
    assert [row["execution"] for row in await visitor.truth(kind="move")] == ["TRADE"]


async def test_a_candle_without_its_last_frame_and_a_hole_in_the_book(visitor: Controlled, connect: Connect) -> None:
    await visitor.fault("drop_frame", stream="*@kline_1m", closed=True, count=1)
    await visitor.fault("drop_frame", stream="*@depth", skip=1, count=1)
    candles, book = await connect("/ws/btcusdt@kline_1m"), await connect("/ws/btcusdt@depth")
    for _ in range(2):
        assert await visitor.emulator.step()
    closed = [frame["k"]["x"] for frame in [await candles.frame() for _ in range(7)]]
    assert closed == [False] * 6 + [True]
    changes = [await book.frame() for _ in range(3)]
    assert changes[1]["U"] != changes[0]["u"] + 1
    assert changes[2]["U"] == changes[1]["u"] + 1


async def test_a_frame_that_cuts_the_connection(visitor: Controlled, connect: Connect) -> None:
    await visitor.fault("disconnect", stream="btcusdt@bookTicker", skip=1)
    stream = await connect("/ws/btcusdt@bookTicker")
    await visitor.emulator.step()
    assert (await stream.frame())["s"] == "BTCUSDT"
    message = await asyncio.wait_for(stream.socket.receive(), 30)
    assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE}


async def test_a_taker_expires_by_the_price_range_rule(visitor: Controlled) -> None:
    await visitor.fault("expire_by_rule", count=2)
    for order in (visitor.place(), visitor.limit(visitor.away("1.001"))):
        body = (await order).body
        assert (body["status"], body["expiryReason"]) == ("EXPIRED", "EXECUTION_RULE_PRICE_RANGE_EXCEEDED")
    assert (await visitor.place()).body["status"] == "FILLED"


async def test_a_silent_acknowledgement_says_yes_and_sends_nothing(visitor: Controlled, connect: Connect) -> None:
    await visitor.fault("silent_ack", count=2)
    stream = await connect("/ws")
    assert (await stream.ask({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1}))["result"] is None
    assert not visitor.emulator.venue.hub.wants("btcusdt@bookTicker")


async def test_connections_are_told_of_a_shutdown_and_can_be_cut(visitor: Controlled, connect: Connect) -> None:
    raw, wrapped, api = await connect("/ws/a"), await connect("/stream?streams=a"), await connect(PATH)
    told = await visitor.control("POST", "/_connections", {"how": "server_shutdown"})
    assert told["body"] == {"connections": 3}
    assert (await raw.frame())["e"] == "serverShutdown"
    assert (await wrapped.frame())["stream"] == "!serverShutdown"
    assert (await api.frame())["event"]["e"] == "serverShutdown"
    await visitor.control("POST", "/_connections", {"path": "ws-api"})
    assert (await asyncio.wait_for(api.socket.receive(), 30)).type is not aiohttp.WSMsgType.TEXT
    assert (await raw.ask({"method": "LIST_SUBSCRIPTIONS", "id": 1}))["result"] == ["a"]


async def test_a_day_passes_and_old_connections_end(visitor: Controlled, connect: Connect) -> None:
    stream = await connect("/ws/btcusdt@trade")
    before = (await visitor.get("time")).body["serverTime"]
    await visitor.control("POST", "/_clock", {"advance_ms": 86_400_000})
    assert (await visitor.get("time")).body["serverTime"] - before >= 86_400_000
    assert (await asyncio.wait_for(stream.socket.receive(), 30)).type is not aiohttp.WSMsgType.TEXT


async def test_the_clock_can_be_stopped_and_the_market_stepped(visitor: Controlled) -> None:
    stopped = (await visitor.control("POST", "/_clock", {"rate": 0}))["body"]
    again = (await visitor.control("GET", "/_clock"))["body"]
    assert again["server_ms"] == stopped["server_ms"]
    stepped = (await visitor.control("POST", "/_clock", {"step": 3}))["body"]
    assert stepped["market_ms"] - again["market_ms"] == 180_000
    assert (await visitor.control("POST", "/_clock", {"speed": 1}))["status"] == 200
    assert "set speed to 0" in (await visitor.control("POST", "/_clock", {"step": 1}))["body"]["error"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/_faults", {"kind": "nonsense"}), ("/_faults", {"kind": "ban", "unknown": 1}), ("/_clock", {"rate": -1}),
        ("/_connections", {"how": "gently"}), ("/_balances", {"account": "account-1", "asset": "USDT", "delta": "x"}),
        ("/_balances", {"account": "account-1", "asset": "USDT", "delta": "-1000000"}),
        ("/_symbols", {"symbol": "NOPE", "status": "HALT"}),
    ],
)  # fmt: skip
async def test_nonsense_on_the_control_port_is_refused(visitor: Controlled, path: str, content: Any) -> None:
    answer = await visitor.control("POST", path, content)
    assert answer["status"] == 400
    assert answer["body"]["error"]
    assert (await visitor.control("GET", "/nothing"))["status"] == 404


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("/_symbols", {"symbol": "BTCUSDT", "status": "ASLEEP"}, "no status 'ASLEEP' on spot; there is TRADING,"),
        ("/_symbols", {"symbol": "NOPE", "status": "HALT"}, "no symbol 'NOPE' on spot"),
        ("/_balances", {"account": "bob", "asset": "USDT", "delta": "1"}, "no account 'bob' here; there is account-1"),
        ("/_balances", {"account": "account-1", "asset": "USDT", "delta": "1", "face": "cm"}, "no face 'cm' here"),
    ],
)
async def test_unknown_words_on_the_control_port_are_told_with_the_known_ones(
    visitor: Controlled, path: str, content: Any, said: str
) -> None:
    answer = await visitor.control("POST", path, content)
    assert answer["status"] == 400
    assert said in answer["body"]["error"]


async def test_a_web_page_may_not_touch_the_control_port(visitor: Controlled) -> None:
    url = f"{visitor.emulator.control_url}/_faults"
    async with visitor.session.post(url, data='{"kind": "ban"}', headers={"Origin": "http://evil.example"}) as reply:
        assert reply.status == 403
    assert (await visitor.control("GET", "/_faults"))["body"] == []


async def test_faults_are_listed_with_their_hits_and_lifted(visitor: Controlled) -> None:
    await visitor.fault("error", path="/api/v3/time", code=-1000, count=1)
    await visitor.get("time")
    (row,) = (await visitor.control("GET", "/_faults"))["body"]
    assert (row["kind"], row["hits"]) == ("error", 1)
    assert (await visitor.control("DELETE", f"/_faults?id={row['id']}"))["body"] == {"lifted": 1}
    assert (await visitor.control("GET", "/_faults"))["body"] == []


async def test_money_and_symbols_can_be_moved_from_outside(visitor: Controlled, connect: Connect) -> None:
    api = await connect(PATH)
    await api.signed("userDataStream.subscribe.signature")
    await visitor.control("POST", "/_balances", {"account": "account-1", "asset": "ETH", "delta": "2.5"})
    await api.call("ping")
    assert [event["event"]["e"] for event in api.events] == ["balanceUpdate", "outboundAccountPosition"]
    await visitor.control("POST", "/_symbols", {"symbol": "BTCUSDT", "status": "HALT"})
    assert (await visitor.get("exchangeInfo?symbol=BTCUSDT")).body["symbols"][0]["status"] == "HALT"
    refused: Reply = await visitor.place()
    assert (refused.code, refused.body["msg"]) == (-2010, "Market is closed.")


async def test_faults_by_chance_are_the_same_for_the_same_seed(
    make_emulator: Callable[..., Awaitable[Any]], session: aiohttp.ClientSession
) -> None:
    rule: dict[str, Any] = {"kind": "error", "path": "/api/v3/time", "code": -1000, "probability": 0.5, "seed": 11}
    seen = []
    for _ in range(2):
        visitor = Visitor(await make_emulator(faults=(Rule(**rule),)), session)
        seen.append([(await visitor.get("time")).status for _ in range(20)])
    assert seen[0] == seen[1]
    assert set(seen[0]) == {200, 503}
