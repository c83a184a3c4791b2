"""The futures user stream: its key is kept, and replaced when it ends; each kind of event is told apart."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from fake_binance import FakeBinance, until

from bot.binance.client import build_futures
from bot.binance.clock import LocalClock
from bot.binance.listen_key import ListenKeyStream
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.user_stream import OrderEvent
from bot.binance.wire_user import AccountEvent, ConfigEvent, FuturesEvent, MarginCallEvent
from bot.domain.errors import Misconfigured
from bot.domain.market import Market

KEY = "/fapi/v1/listenKey"
ORDER = {
    "e": "ORDER_TRADE_UPDATE", "E": 5, "T": 5,
    "o": {"s": "BTCUSDT", "c": "o-1", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.002", "p": "7100.50", "ap": "0",
          "sp": "0", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 8886774, "l": "0.001", "z": "0.001", "L": "7100.50",
          "N": "USDT", "n": "0.01", "T": 4, "t": 12345678, "m": True, "R": False, "rp": "0", "new": {}},
}  # fmt: skip


class Scene:
    """A stream, its keys, and what it told."""

    def __init__(self, binance: FakeBinance, **more: Any) -> None:
        self.binance = binance
        self.keys = 1
        self.refuses_to_keep = False
        self.orders: list[OrderEvent] = []
        self.others: list[FuturesEvent] = []
        self.breaks = 0
        binance.answers[f"POST {KEY}"] = self._post
        binance.answers[f"PUT {KEY}"] = self._put
        self.client = build_futures(Credentials("the-key", "secret"), binance.futures_hosts, LocalClock())
        pace = Pace(retry_first_s=0.01, retry_max_s=0.02, life_s=more.pop("life_s", 3600.0))
        on_other: Callable[[FuturesEvent], None] = self.others.append
        self.stream = ListenKeyStream(
            self.client, self.orders.append, self._broken, pace, on_other=more.pop("on_other", on_other), **more
        )
        self.puzzles: list[str] = []
        self.stream.on_puzzle = self.puzzles.append

    async def close(self) -> None:
        await self.stream.close()
        await self.client.close()

    def _broken(self) -> None:
        self.breaks += 1

    async def push(self, event: dict[str, Any], socket: int = -1) -> None:
        await until(lambda: self.binance.private_sockets)
        await self.binance.private_sockets[socket].send_str(json.dumps(event))

    async def _post(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"listenKey": f"key-{self.keys}"})

    async def _put(self, _request: web.Request) -> web.StreamResponse:
        if self.refuses_to_keep:
            return web.json_response({"code": -1125, "msg": "This listenKey does not exist."}, status=400)
        return web.json_response({"listenKey": f"key-{self.keys}"})


@pytest.fixture
async def scene(binance: FakeBinance) -> AsyncIterator[Scene]:
    made = Scene(binance)
    yield made
    await made.close()


async def test_the_key_is_asked_for_with_the_api_key_and_no_signature(scene: Scene) -> None:
    await scene.stream.start()
    assert scene.binance.seen(f"POST {KEY}") == [{}]
    assert scene.binance.headers[0]["X-MBX-APIKEY"] == "the-key"
    await until(lambda: scene.binance.listen_keys == ["key-1"])


async def test_events_of_orders_and_all_others_are_told_apart(scene: Scene) -> None:
    await scene.stream.start()
    await scene.push(ORDER)
    await scene.push({"stream": "key-1", "data": ORDER})
    await scene.push(
        {"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "9"}]}}
    )
    await scene.push({"e": "MARGIN_CALL", "E": 1, "p": [{"s": "BTCUSDT"}]})
    await scene.push({"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 1, "ac": {"s": "BTCUSDT", "l": 25}})
    await scene.push({"e": "TOMORROWS_NEWS", "o": 7})
    await until(lambda: len(scene.others) == 4)
    assert [type(each) for each in scene.others[:3]] == [AccountEvent, MarginCallEvent, ConfigEvent]
    assert len(scene.orders) == 2
    fill = scene.orders[0].fill(Market.FUTURES)
    assert fill is not None
    assert (fill.client_order_id, fill.key, fill.is_maker) == ("o-1", ("futures", "BTCUSDT", 12345678), True)
    assert scene.breaks == 0


async def test_what_nobody_asked_for_is_put_on_record(binance: FakeBinance) -> None:
    scene = Scene(binance, on_other=None)
    await scene.stream.start()
    for event in (
        {"e": "ALGO_UPDATE", "o": {"caid": "a", "aid": 1, "X": "TRIGGERED", "s": "BTCUSDT"}},
        {"e": "MARGIN_CALL", "p": []},
        {"e": "ACCOUNT_CONFIG_UPDATE", "ac": {"s": "A", "l": 3}},
        {"e": "ACCOUNT_CONFIG_UPDATE", "ai": {"j": True}},
        {"e": "ACCOUNT_UPDATE", "a": {"m": "ORDER", "B": [{"a": "USDT", "wb": "1.50"}]}},
        {"e": "STRATEGY_UPDATE"},
        ORDER,
    ):
        await scene.push(event)
    await until(lambda: scene.orders)
    assert scene.breaks == 0
    await scene.close()


@pytest.mark.parametrize("text", ["{nonsense", '{"e":"ORDER_TRADE_UPDATE","o":{"s":1}}'])
async def test_an_event_that_cannot_be_read_is_a_puzzle(scene: Scene, text: str) -> None:
    await scene.stream.start()
    await until(lambda: scene.binance.private_sockets)
    await scene.binance.private_sockets[-1].send_str(text)
    await until(lambda: len(scene.puzzles) == 1)
    await scene.push(ORDER)
    await until(lambda: scene.orders)


async def test_an_expired_key_is_replaced_and_whoever_listens_is_told(scene: Scene) -> None:
    await scene.stream.start()
    scene.keys = 2
    await scene.push({"e": "listenKeyExpired", "E": 1, "listenKey": "another"})  # not ours: nothing happens
    await scene.push({"e": "listenKeyExpired", "E": 1, "listenKey": "key-1"})
    await until(lambda: scene.breaks == 1)
    await until(lambda: scene.binance.listen_keys == ["key-1", "key-2"])
    await until(lambda: scene.binance.private_sockets[0].closed)


async def test_a_key_is_kept_alive_and_replaced_when_the_exchange_knows_it_no_more(binance: FakeBinance) -> None:
    scene = Scene(binance, keep_every_s=0.01)
    await scene.stream.start()
    await until(lambda: len(binance.seen(f"PUT {KEY}")) >= 2)
    assert scene.breaks == 0
    scene.refuses_to_keep, scene.keys = True, 2
    await until(lambda: "key-2" in binance.listen_keys)
    await until(lambda: scene.breaks)
    await scene.close()


async def test_before_a_connection_grows_too_old_the_next_one_delivers(binance: FakeBinance) -> None:
    scene = Scene(binance, life_s=0.05)
    await scene.stream.start()
    await until(lambda: scene.breaks == 2)
    assert len(binance.listen_keys) >= 3
    await scene.close()


async def test_a_refused_key_is_said_plainly(scene: Scene) -> None:
    async def refused(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": -2015, "msg": "Invalid API-key, IP, or permissions"}, status=401)

    scene.binance.answers[f"POST {KEY}"] = refused
    with pytest.raises(Misconfigured, match="check all three"):
        await scene.stream.start()
