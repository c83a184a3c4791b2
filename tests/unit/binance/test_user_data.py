"""The user stream: opened with a fresh signature, and whoever listens is told what may have been missed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fake_binance import FakeBinance, until

from bot.binance.clock import ExchangeClock
from bot.binance.signing import Credentials, signed_params, signer_for
from bot.binance.streams import Pace
from bot.binance.user_data import UserData
from bot.binance.user_stream import OrderEvent
from bot.domain.errors import Misconfigured

CREDENTIALS = Credentials("the-key", "the-secret")
SERVER_MS = 1_790_000_000_123


class Watcher:
    """A user stream with what it told."""

    def __init__(self, binance: FakeBinance, pace: Pace, credentials: Credentials = CREDENTIALS) -> None:
        self.looks = 0
        self.events: list[OrderEvent] = []
        self.breaks = 0
        self.puzzles: list[str] = []
        clock = ExchangeClock(self._look, looks=1)
        self.stream = UserData(binance.hosts.ws_api, credentials, clock, self.events.append, self._broken, pace)
        self.stream.on_puzzle = self.puzzles.append

    async def _look(self) -> int:
        self.looks += 1
        return SERVER_MS

    def _broken(self) -> None:
        self.breaks += 1


@pytest.fixture
async def watcher(binance: FakeBinance) -> AsyncIterator[Watcher]:
    made = Watcher(binance, Pace(retry_first_s=0.01, retry_max_s=0.02))
    yield made
    await made.stream.close()


async def test_the_subscription_is_signed_as_the_exchange_checks_it(binance: FakeBinance, watcher: Watcher) -> None:
    await watcher.stream.start()
    (request,) = binance.api_requests
    params = dict(request["params"])
    signature = params.pop("signature")
    assert request["method"] == "userDataStream.subscribe.signature"
    assert signed_params(params, signer_for(CREDENTIALS))["signature"] == signature


async def test_a_clock_that_is_off_is_set_and_the_subscription_signed_again(
    binance: FakeBinance, watcher: Watcher
) -> None:
    def answer(_request: dict[str, Any]) -> dict[str, Any]:
        if len(binance.api_requests) == 1:
            return {"status": 400, "error": {"code": -1021, "msg": "Timestamp is outside of the recvWindow."}}
        return {"status": 200, "result": {"subscriptionId": 0}}

    binance.on_api = answer
    await watcher.stream.start()
    assert watcher.looks == 1
    first, second = (request["params"] for request in binance.api_requests)
    assert first["timestamp"] != second["timestamp"] >= SERVER_MS


async def test_a_refused_key_is_said_plainly_and_leaves_no_connection(binance: FakeBinance, watcher: Watcher) -> None:
    binance.on_api = lambda _request: {"status": 400, "error": {"code": -1022, "msg": "Signature is not valid."}}
    with pytest.raises(Misconfigured, match="store it again") as caught:
        await watcher.stream.start()
    assert "the-secret" not in str(caught.value)
    await until(lambda: binance.api_sockets[-1].closed)


async def test_an_event_that_cannot_be_read_or_is_unknown_is_a_puzzle(binance: FakeBinance, watcher: Watcher) -> None:
    await watcher.stream.start()
    await binance.push_user({"e": "executionReport", "l": "not a number"})
    await binance.push_user({"e": "somethingNew", "l": ["of", "tomorrow"]})
    await binance.push_user({"e": "executionReport", "c": "o-1", "X": "NEW"})
    await until(lambda: watcher.events)
    assert [event.our_id for event in watcher.events] == ["o-1"]
    assert ["could not be read" in each for each in watcher.puzzles] == [True, False]
    assert "somethingNew" in watcher.puzzles[1]
    assert watcher.breaks == 0


async def test_a_break_is_told_once_the_stream_is_open_again(binance: FakeBinance, watcher: Watcher) -> None:
    refused = iter([True, True])

    def answer(_request: dict[str, Any]) -> dict[str, Any]:
        is_refused = len(binance.api_requests) > 1 and next(refused, False)
        return {"status": 503, "error": {"code": -1008, "msg": "busy"}} if is_refused else {"status": 200, "result": {}}

    binance.on_api = answer
    await watcher.stream.start()
    await binance.api_sockets[0].close()
    await until(lambda: watcher.breaks == 1)
    assert len(binance.api_requests) == 4


async def test_a_revoked_key_amid_the_session_reopens_the_stream(binance: FakeBinance, watcher: Watcher) -> None:
    await watcher.stream.start()
    await binance.api_sockets[-1].send_str('{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key"}}')
    await until(lambda: watcher.breaks == 1)


async def test_a_server_that_is_about_to_go_is_left_when_its_successor_delivers(
    binance: FakeBinance, watcher: Watcher
) -> None:
    await watcher.stream.start()
    await binance.push_user({"e": "serverShutdown", "E": SERVER_MS})
    await until(lambda: watcher.breaks == 1)
    assert len(binance.api_requests) == 2
    await until(lambda: binance.api_sockets[0].closed)
    await binance.push_user({"e": "executionReport", "c": "o-1", "X": "NEW"})
    await until(lambda: watcher.events)


async def test_a_stream_that_the_exchange_ended_tells_nothing_more_and_is_replaced(
    binance: FakeBinance, watcher: Watcher
) -> None:
    await watcher.stream.start()
    await binance.push_user({"e": "eventStreamTerminated", "E": SERVER_MS})
    await until(lambda: watcher.breaks == 1)
    assert len(binance.api_sockets) == 2


async def test_an_old_connection_is_replaced_before_the_exchange_ends_it(binance: FakeBinance) -> None:
    watcher = Watcher(binance, Pace(life_s=0.05, retry_first_s=0.01))
    await watcher.stream.start()
    await until(lambda: watcher.breaks == 2)
    await watcher.stream.close()


async def test_an_ed25519_key_logs_on_once_and_subscribes_without_a_signature(binance: FakeBinance) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    watcher = Watcher(binance, Pace(), Credentials("the-key", pem))
    await watcher.stream.start()
    logon, subscription = binance.api_requests
    assert (logon["method"], set(logon["params"])) == (
        "session.logon", {"apiKey", "recvWindow", "timestamp", "signature"},
    )  # fmt: skip
    assert (subscription["method"], subscription["params"]) == ("userDataStream.subscribe", {})
    await watcher.stream.close()
