"""Orders over the WebSocket API: the same endings as by REST, and never a second request for one order."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fake_binance import FakeBinance, until

from bot.binance import futures, spot
from bot.binance import wire_new_spot as new_spot
from bot.binance import wire_requests as ask
from bot.binance.clock import LocalClock
from bot.binance.endpoints import Priority
from bot.binance.errors import Throttled
from bot.binance.limits import OrderCounts, WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials, signed_params, signer_for
from bot.binance.streams import Pace
from bot.binance.ws_sender import WsSender
from bot.domain.errors import Misconfigured, OutcomeUnknown, Rejected, Unavailable

KEY = Credentials("the-key", "the-secret")
ORDER = new_spot.NewSpotOrder(
    symbol="BTCUSDT", side="BUY", type="MARKET", quantity=Decimal("0.0150"), newClientOrderId="o-1"
)
DONE = {"symbol": "BTCUSDT", "orderId": 9, "clientOrderId": "o-1", "status": "FILLED", "executedQty": "0.015"}
LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 77},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 49},
]


class Scene:
    """A sender, and what it leans on."""

    def __init__(self, binance: FakeBinance, credentials: Credentials = KEY, timeout_s: float = 5.0) -> None:
        self.binance = binance
        self.hosts = binance.hosts
        self.bank = WeightBank()
        self.counts = OrderCounts(self.hosts.market)
        clock = LocalClock()
        rest = Rest(self.hosts, self.bank, clock=clock, credentials=credentials, counts=self.counts)
        self.sender = WsSender(
            self.hosts, self.bank, rest, clock=clock, credentials=credentials, counts=self.counts,
            pace=Pace(retry_first_s=0.01, retry_max_s=0.02), order_timeout_s=timeout_s,
        )  # fmt: skip

    async def connect(self) -> None:
        self.sender.open()
        await until(lambda: self.sender.is_connected)

    def answers(self, status: int, **more: Any) -> None:
        self.binance.on_api = lambda _request: {"status": status, **more}

    @property
    def placed(self) -> list[dict[str, Any]]:
        return [each for each in self.binance.api_requests if each["method"] == "order.place"]


@pytest.fixture
async def scene(binance: FakeBinance) -> AsyncIterator[Scene]:
    made = Scene(binance)
    yield made
    await made.sender.close()


async def test_an_order_goes_by_socket_signed_and_its_reply_is_read(scene: Scene) -> None:
    await scene.connect()
    scene.answers(200, result=DONE, rateLimits=LIMITS)
    reply = await scene.sender.call(spot.PLACE_ORDER, ORDER)
    assert (reply.our_id, reply.executedQty) == ("o-1", Decimal("0.015"))
    (request,) = scene.placed
    params = dict(request["params"])
    signature = params.pop("signature")
    assert params["quantity"] == "0.015"
    assert signed_params(params, signer_for(KEY))["signature"] == signature
    assert scene.bank.used == 77
    assert scene.counts.wait_s(1, Priority.ORDER) > 0
    assert not scene.binance.requests


async def test_a_request_that_wants_a_key_alone_is_not_signed(scene: Scene) -> None:
    await scene.connect()
    scene.answers(200, result={"listenKey": "k-1"})
    assert (await scene.sender.call(futures.OPEN_LISTEN_KEY, ask.NOTHING)).listenKey == "k-1"
    (request,) = scene.binance.api_requests
    assert (request["method"], request["params"]) == ("userDataStream.start", {"apiKey": "the-key"})


async def test_replies_find_their_requests_in_any_order(scene: Scene) -> None:
    await scene.connect()
    scene.binance.on_api = lambda request: {
        "status": 200, "result": {**DONE, "clientOrderId": request["params"]["newClientOrderId"]},
    }  # fmt: skip
    orders = [
        new_spot.NewSpotOrder(symbol="A", side="BUY", type="MARKET", newClientOrderId=f"o-{n}") for n in range(20)
    ]
    replies = await asyncio.gather(*(scene.sender.call(spot.PLACE_ORDER, each) for each in orders))
    assert [each.our_id for each in replies] == [f"o-{n}" for n in range(20)]


@pytest.mark.parametrize(
    ("status", "error", "family"),
    [
        (400, {"code": -2010, "msg": "Account has insufficient balance for requested action."}, Rejected),
        (400, {"code": -1022, "msg": "Signature is not valid."}, Misconfigured),
        (400, {"code": -2010, "msg": "Duplicate order sent."}, OutcomeUnknown),
        (503, {"code": -1007, "msg": "Timeout"}, OutcomeUnknown),
        (500, {"code": -1000, "msg": "Unknown"}, OutcomeUnknown),
        (400, {"new": "shape"}, OutcomeUnknown),
        (200, None, OutcomeUnknown),
    ],
)
async def test_every_ending_is_of_the_same_family_as_by_rest(
    scene: Scene, status: int, error: dict[str, Any] | None, family: type[Exception]
) -> None:
    await scene.connect()
    scene.answers(status, **({"error": error} if error else {"result": {"symbol": 5}}))
    with pytest.raises(family):
        await scene.sender.call(spot.PLACE_ORDER, ORDER)
    assert len(scene.placed) == 1
    assert not scene.binance.requests  # never a second try by the other path


async def test_a_request_lost_with_its_connection_is_of_unknown_outcome_and_the_next_one_goes_by_socket_again(
    scene: Scene,
) -> None:
    await scene.connect()

    def hang_up(_request: dict[str, Any]) -> dict[str, Any]:
        transport = scene.binance.api_sockets[-1]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()
        return {}

    scene.binance.on_api = hang_up
    with pytest.raises(OutcomeUnknown, match="ended before the answer came"):
        await scene.sender.call(spot.PLACE_ORDER, ORDER)
    assert (len(scene.placed), scene.binance.requests) == (1, [])
    scene.answers(200, result=DONE)
    await until(lambda: scene.sender.is_connected)
    await scene.sender.call(spot.PLACE_ORDER, ORDER)
    assert len(scene.placed) == 2


async def test_an_answer_that_does_not_come_in_time_is_an_unknown_outcome(binance: FakeBinance) -> None:
    scene = Scene(binance, timeout_s=0.05)
    await scene.connect()
    binance.on_api = lambda _request: {"id": "another"}
    with pytest.raises(OutcomeUnknown, match="no answer within"):
        await scene.sender.call(spot.PLACE_ORDER, ORDER)
    await scene.sender.close()


async def test_while_the_line_stands_still_orders_go_by_rest_and_when_it_moves_again_by_socket(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def placed(_request: web.Request) -> web.StreamResponse:
        return web.json_response(DONE)

    await scene.connect()
    scene.binance.answers["POST /api/v3/order"] = placed
    scene.binance.on_api = lambda _request: None
    monkeypatch.setattr("bot.binance.api_socket.STALLED_S", 0.0)
    first = asyncio.create_task(scene.sender.call(spot.PLACE_ORDER, ORDER))
    await until(lambda: scene.placed)
    assert not scene.sender.is_connected
    assert (await scene.sender.call(spot.PLACE_ORDER, ORDER)).our_id == "o-1"
    assert len(scene.placed) == len(scene.binance.requests) == 1
    told = {"id": scene.placed[0]["id"], "status": 200, "result": DONE}
    await scene.binance.api_sockets[-1].send_str(json.dumps(told))
    assert (await first).our_id == "o-1"
    assert scene.sender.is_connected


async def test_a_connection_that_owed_an_answer_for_long_and_carried_nothing_is_left_for_another(
    binance: FakeBinance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.binance.ws_sender._DEAD_S", 0.01)
    scene = Scene(binance, timeout_s=0.05)
    await scene.connect()
    binance.on_api = lambda _request: None
    with pytest.raises(OutcomeUnknown, match="no answer within"):
        await scene.sender.call(spot.PLACE_ORDER, ORDER)
    await until(lambda: len(binance.api_sockets) > 1)
    await scene.sender.close()


async def test_before_there_is_a_connection_an_order_goes_by_rest(binance: FakeBinance) -> None:
    async def placed(_request: web.Request) -> web.StreamResponse:
        return web.json_response(DONE)

    binance.answers["POST /api/v3/order"] = placed
    scene = Scene(binance)
    assert (await scene.sender.call(spot.PLACE_ORDER, ORDER)).orderId == 9
    assert scene.placed == []
    await until(lambda: scene.sender.is_connected)
    await scene.sender.close()


async def test_what_the_websocket_api_does_not_know_goes_by_rest(scene: Scene) -> None:
    async def told(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"ipRestrict": True})

    scene.binance.answers["GET /sapi/v1/account/apiRestrictions"] = told
    await scene.connect()
    assert (await scene.sender.call(spot.RESTRICTIONS, ask.NOTHING)).ipRestrict


async def test_a_limit_stops_all_requests_of_this_address_until_it_is_over(scene: Scene) -> None:
    await scene.connect()
    data = {"serverTime": 1_000_000, "retryAfter": 1_090_000}
    scene.answers(418, error={"code": -1003, "msg": "banned", "data": data})
    with pytest.raises(Throttled) as caught:
        await scene.sender.call(spot.PLACE_ORDER, ORDER)
    assert caught.value.wait_s == 90
    assert scene.bank.banned_s == pytest.approx(90, abs=2)
    with pytest.raises(Throttled, match="nothing was sent"):
        await scene.sender.call(spot.CANCEL_ORDER, new_spot.CancelRequest(symbol="A", orderId=1))
    assert len(scene.placed) == 1


async def test_too_many_orders_hold_back_this_accounts_orders_alone(scene: Scene) -> None:
    await scene.connect()
    scene.answers(429, error={"code": -1015, "msg": "Too many new orders."})
    with pytest.raises(Throttled):
        await scene.sender.call(spot.PLACE_ORDER, ORDER)
    assert scene.bank.banned_s == 0
    assert scene.counts.wait_s(1, Priority.STOP) > 0


async def test_an_ed25519_key_logs_on_once_and_signs_no_order(binance: FakeBinance) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    scene = Scene(binance, Credentials("the-key", pem))
    await scene.connect()
    scene.answers(200, result=DONE)
    await scene.sender.call(spot.PLACE_ORDER, ORDER)
    assert [each["method"] for each in binance.api_requests] == ["session.logon", "order.place"]
    assert {"signature", "apiKey"}.isdisjoint(scene.placed[0]["params"])
    assert "timestamp" in scene.placed[0]["params"]
    await scene.sender.close()


async def test_a_server_that_is_about_to_go_is_left_when_its_last_answer_came(scene: Scene) -> None:
    await scene.connect()
    scene.answers(200, result=DONE)
    await scene.binance.api_sockets[0].send_str('{"event":{"e":"serverShutdown","E":1}}')
    await until(lambda: len(scene.binance.api_sockets) == 2)
    await until(lambda: scene.binance.api_sockets[0].closed)
    assert scene.sender.is_connected
    await scene.sender.call(spot.PLACE_ORDER, ORDER)


async def test_a_read_that_is_lost_happened_to_nobody(binance: FakeBinance) -> None:
    scene = Scene(binance)
    await scene.connect()
    scene.answers(200, result=["nonsense"])
    with pytest.raises(Unavailable):
        await scene.sender.call(spot.ORDER, ask.OfOrder(symbol="A", orderId=1))
    await scene.sender.close()
