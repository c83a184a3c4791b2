"""REST: reads are repeated, orders never; what is signed is what goes out."""

import hashlib
import hmac
from typing import Any

import pytest
from aiohttp import web
from fake_binance import FakeBinance, row

from bot.binance.client import SpotClient, build_public
from bot.binance.clock import ExchangeClock, LocalClock
from bot.binance.endpoints import Endpoint, Priority, Security
from bot.binance.errors import Throttled
from bot.binance.limits import WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.wire_requests import NOTHING, Nothing, Request
from bot.domain.errors import Misconfigured, OutcomeUnknown, Rejected, Unavailable
from bot.domain.market import Market, Stream


class Odd(Request, frozen=True, kw_only=True):
    symbol: str
    newClientOrderId: str
    symbols: tuple[str, ...]


def thing(method: str, request: type[Any] = Nothing, **more: Any) -> Endpoint[Any, Any]:
    """Give an endpoint of no table, sent once."""
    return Endpoint(method=method, path="/api/v3/thing", request=request, reply=dict, **{"repeatable": False, **more})


STREAM = Stream(Market.SPOT, "BTCUSDT", "1m")


async def test_a_read_is_repeated_until_it_is_answered(binance: FakeBinance) -> None:
    async def fails_twice(_request: web.Request) -> web.StreamResponse:
        if len(binance.requests) < 3:
            return web.json_response({"code": -1001, "msg": "Internal error"}, status=503)
        return web.json_response({"serverTime": 7})

    binance.answers["GET /api/v3/time"] = fails_twice
    client = build_public(binance.hosts)
    assert await client.time_ms() == 7
    assert len(binance.requests) == 3
    await client.close()


async def test_a_read_that_is_refused_is_not_repeated(binance: FakeBinance) -> None:
    async def unknown(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)

    binance.answers["GET /api/v3/klines"] = unknown
    client = build_public(binance.hosts)
    with pytest.raises(Rejected, match="check its spelling") as caught:
        await client.klines(STREAM)
    assert caught.value.code == -1121
    assert len(binance.requests) == 1
    await client.close()


async def test_a_read_waits_as_long_as_a_limit_tells_and_no_request_goes_out_meanwhile(binance: FakeBinance) -> None:
    async def limited(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": -1003, "msg": "Too many"}, status=418, headers={"Retry-After": "3600"})

    binance.answers["GET /api/v3/time"] = limited
    client = build_public(binance.hosts)
    for _ in range(2):
        with pytest.raises(Throttled):
            await client.time_ms()
    assert len(binance.requests) == 1
    await client.close()


async def test_an_endless_reply_is_cut_off(binance: FakeBinance) -> None:
    async def flood(_request: web.Request) -> web.StreamResponse:
        reply = web.Response(body=b"[" * 300_000)
        reply.enable_compression()
        return reply

    binance.answers["GET /api/v3/thing"] = flood
    sender = Rest(binance.hosts, WeightBank(), body_max=100_000)
    with pytest.raises(OutcomeUnknown):
        await sender.call(thing("GET"), NOTHING)
    await sender.close()


async def test_the_bytes_that_were_signed_are_the_bytes_that_go_out(binance: FakeBinance) -> None:
    async def empty(_request: web.Request) -> web.StreamResponse:
        return web.json_response({})

    binance.answers["GET /api/v3/thing"] = binance.answers["POST /api/v3/thing"] = empty
    clock = ExchangeClock(build_public(binance.hosts).time_ms)
    sender = Rest(binance.hosts, WeightBank(), clock=clock, credentials=Credentials("key", "secret"))
    asked = Odd(symbol="测试USDT", newClientOrderId="a b+c/d", symbols=("A", "B"))
    for method in ("GET", "POST"):
        await sender.call(thing(method, Odd, priority=Priority.ORDER, security=Security.SIGNED), asked)
        sent = binance.raw[-1].partition("?")[2] if method == "GET" else binance.requests[-1][3].decode()
        payload, _, signature = sent.partition("&signature=")
        assert signature == hmac.new(b"secret", payload.encode(), hashlib.sha256).hexdigest()
        assert "%E6%B5%8B%E8%AF%95USDT" in payload
    await sender.close()


async def test_a_signed_request_without_a_key_says_what_is_missing(binance: FakeBinance) -> None:
    sender = Rest(binance.hosts, WeightBank(), clock=LocalClock())
    with pytest.raises(Misconfigured, match="add one to the account"):
        await SpotClient(binance.hosts, sender).funds(0)
    assert not binance.requests


async def test_a_reply_that_cannot_be_read_is_asked_for_again(binance: FakeBinance) -> None:
    async def half(_request: web.Request) -> web.StreamResponse:
        return web.Response(text='{"serverTime":' if len(binance.requests) == 1 else '{"serverTime":9,"new":[]}')

    binance.answers["GET /api/v3/time"] = half
    client = build_public(binance.hosts)
    assert await client.time_ms() == 9
    await client.close()


async def test_klines_are_asked_for_by_range(binance: FakeBinance) -> None:
    binance.rows = [row(number) for number in range(5)]
    client = build_public(binance.hosts)
    candles = await client.klines(STREAM, start=int(str(row(1)[0])), end=int(str(row(3)[0])), limit=2)
    assert [candle.close for candle in candles] == [101.0, 102.0]
    assert candles[0].market is Market.SPOT
    await client.close()


async def test_no_connection_means_that_nothing_was_sent(binance: FakeBinance) -> None:
    sender = Rest(binance.hosts, WeightBank())
    await binance.stop()
    with pytest.raises(Unavailable, match="nothing was sent"):
        await sender.call(thing("POST"), NOTHING)
    await sender.close()
    await binance.start()
