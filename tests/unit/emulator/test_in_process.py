"""An emulator without ports: requests and connections of the same process, through the same doors."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.entrance import Opening
from bot.emulator.faults import Rule
from bot.emulator.line import Line
from bot.emulator.rest import Answer, Request
from bot.emulator.server import Emulator
from bot.emulator.site import Site

NOW_MS = 1_800_000_000_000
HERE = "10.0.0.1"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator that listens nowhere, whose real time stands still."""
    account = AccountConfig("key", "secret", {"USDT": Decimal(1000)})
    made = Emulator(EmulatorConfig(Synthetic(1), (account,), speed=0, warmup=20), lambda: NOW_MS * 1_000_000)
    made.begin()
    yield made
    await made.stop()


@pytest.fixture
def spot(emulator: Emulator) -> Site:
    return emulator.sites["spot"]


class Client:
    """What reaches a client, and whether it is still connected."""

    def __init__(self, spot: Site, path: str, **query: str) -> None:
        self.heard: list[Any] = []
        self.is_gone = False
        line = spot.connect(Opening(path, query, HERE), lambda text: self.heard.append(json.loads(text)), self._end)
        assert isinstance(line, Line)
        self.line = line

    def ask(self, method: str, **params: Any) -> Any:
        self.line.take(json.dumps({"id": 1, "method": method, "params": signed(params)}))
        return self.heard[-1] if self.heard else None

    def _end(self) -> None:
        self.is_gone = True


def signed(params: dict[str, Any]) -> dict[str, Any]:
    stamped = {**params, "apiKey": "key", "timestamp": NOW_MS}
    text = "&".join(f"{name}={stamped[name]}" for name in sorted(stamped))
    return stamped | {"signature": hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()}


async def rest(spot: Site, method: str, path: str, query: str = "", body: bytes = b"") -> Answer | None:
    payload = f"{query}&" * bool(query) + f"timestamp={NOW_MS}"
    sign = hmac.new(b"secret", payload.encode() + body, hashlib.sha256).hexdigest()
    text = f"{payload}&signature={sign}".encode()
    return await spot.answer(Request(method, path, text, body, {"X-MBX-APIKEY": "key"}, HERE))


async def test_a_signed_request_is_answered_with_its_headers(spot: Site) -> None:
    answer = await rest(spot, "GET", "/api/v3/account")
    assert answer is not None
    assert (answer.status, answer.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "20")
    assert json.loads(answer.body)["balances"][0]["asset"] == "USDT"


async def test_a_refusal_and_an_unknown_path_are_answers_too(spot: Site) -> None:
    refused = await rest(spot, "GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=x")
    nowhere = await rest(spot, "GET", "/api/v3/nowhere")
    assert refused is not None
    assert nowhere is not None
    assert (refused.status, json.loads(refused.body)["code"], nowhere.status) == (400, -2013, 404)


async def test_a_request_whose_reply_is_dropped_has_no_answer_and_was_carried_out(spot: Site) -> None:
    spot.face.gate.faults.add(Rule(kind="drop_reply", path="/api/v3/order"))
    order = "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=100&newClientOrderId=mine"
    assert await rest(spot, "POST", "/api/v3/order", order) is None
    assert spot.face.gate.truth.read(kind="trade")


async def test_a_stream_is_heard_until_its_client_goes(emulator: Emulator, spot: Site) -> None:
    client = Client(spot, "/stream", streams="btcusdt@kline_1m")
    assert await emulator.step()
    assert client.heard[0]["stream"] == "btcusdt@kline_1m"
    client.line.abort()
    heard = len(client.heard)
    assert await emulator.step()
    assert client.is_gone
    assert len(client.heard) == heard
    assert not spot.face.hub.wants("btcusdt@kline_1m")


async def test_user_events_come_over_the_socket_that_subscribed(spot: Site) -> None:
    client = Client(spot, "/ws-api/v3")
    assert client.ask("userDataStream.subscribe.signature")["result"]["subscriptionId"] == 0
    await rest(spot, "POST", "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=100")
    assert [each["event"]["e"] for each in client.heard[1:]][:2] == ["executionReport", "executionReport"]


async def test_a_disturbed_request_of_a_socket_is_answered_later_and_survives_its_client(spot: Site) -> None:
    spot.face.gate.faults.add(Rule(kind="delay_request", path="order.place", delay_ms=1))
    client = Client(spot, "/ws-api/v3")
    client.ask("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
    client.line.abort()
    async with asyncio.timeout(5):
        while not spot.face.gate.truth.read(kind="trade"):
            await asyncio.sleep(0)
    assert client.heard == []


async def test_the_server_cuts_connections_of_this_process_like_any_other(spot: Site) -> None:
    client = Client(spot, "/ws/btcusdt@kline_1m")
    assert spot.shut_down() == 1
    assert client.heard == [{"e": "serverShutdown", "E": NOW_MS}]
    assert (spot.disconnect(), client.is_gone) == (1, True)
    assert spot.disconnect() == 0


async def test_whoever_is_not_let_in_is_told_why(spot: Site) -> None:
    nowhere = spot.connect(Opening("/nowhere", {}, HERE), lambda _: None, lambda: None)
    odd = spot.connect(Opening("/stream", {"timeUnit": "hour"}, HERE), lambda _: None, lambda: None)
    assert isinstance(nowhere, Answer)
    assert isinstance(odd, Answer)
    assert (nowhere.status, odd.status) == (404, 400)
