"""The wires: what the sender and the streams make of other wires than the network's."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bot.binance.client import build_public
from bot.binance.clock import ExchangeClock, LocalClock
from bot.binance.endpoints import Endpoint
from bot.binance.hosts import hosts_for
from bot.binance.limits import WeightBank
from bot.binance.market_data import MarketData
from bot.binance.rest import Rest
from bot.binance.wire_requests import NOTHING, Nothing
from bot.binance.wires import NoAnswer, NothingSent, Reply, Wires
from bot.domain.errors import OutcomeUnknown, Unavailable
from bot.domain.market import Market, Stream

HOSTS = hosts_for("emulator", emulator_url="http://nowhere")
ORDER: Endpoint[Any, Any] = Endpoint(method="POST", path="/x", request=Nothing, reply=dict, repeatable=False)
READ: Endpoint[Any, Any] = Endpoint(method="GET", path="/x", request=Nothing, reply=dict)


class ScriptedHttp:
    """Answers in turn with what is given: a reply, or an error to raise."""

    def __init__(self, *endings: Reply | Exception) -> None:
        self.endings = list(endings)
        self.sent: list[tuple[str, str, bytes | None]] = []
        self.is_closed = False

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Reply:
        self.sent.append((method, url, body))
        ending = self.endings.pop(0)
        if isinstance(ending, Exception):
            raise ending
        return ending

    async def close(self) -> None:
        self.is_closed = True


class DeafLine:
    """A connection that keeps what it is sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.gone = asyncio.Event()
        self.sent: list[bytes] = []

    def send(self, text: bytes) -> None:
        self.sent.append(text)

    async def close(self) -> None:
        self.gone.set()


def rest_over(http: ScriptedHttp) -> Rest:
    return Rest(HOSTS, WeightBank(), wires=Wires(http=lambda _: http))


async def test_an_order_of_which_nothing_was_sent_may_be_tried_later() -> None:
    http = ScriptedHttp(NothingSent("Connection refused"))
    with pytest.raises(Unavailable, match=r"Connection refused.*nothing was sent"):
        await rest_over(http).call(ORDER, NOTHING)


async def test_an_order_without_a_readable_answer_is_unknown_and_not_sent_again() -> None:
    http = ScriptedHttp(NoAnswer("ServerDisconnectedError"))
    with pytest.raises(OutcomeUnknown, match="ServerDisconnectedError"):
        await rest_over(http).call(ORDER, NOTHING)
    assert len(http.sent) == 1


async def test_a_read_is_repeated_over_whatever_the_wires_did() -> None:
    http = ScriptedHttp(NothingSent("refused"), NoAnswer("TimeoutError"), Reply(200, {}, b'{"a":1}'))
    sender = rest_over(http)
    assert await sender.call(READ, NOTHING) == {"a": 1}
    assert http.sent == [("GET", "http://nowhere/x", None)] * 3
    await sender.close()
    assert http.is_closed


async def test_streams_are_opened_by_the_wires_of_their_client() -> None:
    lines: list[DeafLine] = []

    async def dial(
        url: str, on_text: Callable[[bytes], None], timeout_s: float = 10.0, on_gone: Callable[[], None] | None = None
    ) -> DeafLine:
        lines.append(DeafLine(url))
        return lines[-1]

    hub = MarketData(build_public(HOSTS, wires=Wires(dial=dial)), LocalClock())
    await hub.subscribe([Stream(Market.SPOT, "BTCUSDT", "1m")], lambda _: None)
    while not (lines and lines[0].sent):
        await asyncio.sleep(0)
    assert lines[0].url == "ws://nowhere/stream"
    assert b"btcusdt@kline_1m" in lines[0].sent[0]
    await hub.close()


def test_an_exchange_clock_starts_from_the_wall_it_is_given() -> None:
    async def ask() -> int:
        return 0

    assert ExchangeClock(ask, monotonic=lambda: 5.0, wall=lambda: 1_790_000_000.25).now_ms() == 1_790_000_000_250
