"""Asks a real host what no document settles: harmless requests, each compared with what we assume.

Nothing is ordered and nothing is changed. What a probe cannot see without a key is left out unless one is given.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from bot.binance.hosts import Hosts
from bot.binance.signing import Credentials, signed_query, signer_for
from bot.ports import Clock

ANSWER_S = 10.0
SILENCE_S = 4.0
KNOWN_FILTERS = frozenset({
    "PRICE_FILTER", "PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE", "LOT_SIZE", "MIN_NOTIONAL", "NOTIONAL", "ICEBERG_PARTS",
    "MARKET_LOT_SIZE", "MAX_NUM_ORDERS", "MAX_NUM_ALGO_ORDERS", "MAX_NUM_ICEBERG_ORDERS", "MAX_POSITION",
    "TRAILING_DELTA", "MAX_NUM_ORDER_AMENDS", "MAX_NUM_ORDER_LISTS", "T_PLUS_SELL",
})  # fmt: skip


class Seen(msgspec.Struct, frozen=True):
    """One point: what the host did. `setting` names the switch of the emulator that it settles, with its value."""

    point: str
    seen: str
    setting: str = ""
    value: bool | str | None = None


class Prober:
    """Looks at one spot host."""

    def __init__(
        self, hosts: Hosts, clock: Clock, credentials: Credentials | None = None, symbol: str = "BTCUSDT"
    ) -> None:
        self._hosts = hosts
        self._clock = clock
        self._credentials = credentials
        self._symbol = symbol

    async def run(self) -> Sequence[Seen]:
        """Ask everything; a question that fails is told as such and stops no other."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        looks = [self._time, self._order_of_checks, self._filters, self._silent_ack, self._request_ids]
        if self._credentials is not None:
            looks += [self._client_ids, self._discount]
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return [await self._guarded(look, session) for look in looks]

    async def _guarded(
        self, look: Callable[[aiohttp.ClientSession], Awaitable[Seen]], session: aiohttp.ClientSession
    ) -> Seen:
        try:
            return await look(session)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError) as error:
            return Seen(look.__name__.strip("_").replace("_", " "), f"could not be asked: {type(error).__name__}")

    async def _time(self, session: aiohttp.ClientSession) -> Seen:
        """Microseconds by header."""
        _, body = await self._get(session, "time", headers={"X-MBX-TIME-UNIT": "MICROSECOND"})
        is_micro = int(body["serverTime"]) > 10**15
        return Seen("time unit by header", "microseconds" if is_micro else "milliseconds: the header is not heard")

    async def _order_of_checks(self, session: aiohttp.ClientSession) -> Seen:
        """A request with neither key nor parameters: which of the two is missed first."""
        _, body = await self._get(session, "order")
        first = int(body["code"])
        return Seen(
            "parameters or key first",
            f"code {first} ({body['msg']})",
            "parameters_before_key",
            value=first in range(-1199, -1099),
        )

    async def _filters(self, session: aiohttp.ClientSession) -> Seen:
        """Filters that we have never heard of."""
        _, body = await self._get(session, "exchangeInfo")
        symbols = body["symbols"]
        unknown = sorted({each["filterType"] for row in symbols for each in row["filters"]} - KNOWN_FILTERS)
        found = f"unknown to us: {', '.join(unknown)}" if unknown else "all known"
        return Seen("filters", f"{len(symbols)} symbols, {found}")

    async def _silent_ack(self, session: aiohttp.ClientSession) -> Seen:
        """A stream that does not exist: acknowledged, then silent?"""
        async with session.ws_connect(f"{self._hosts.stream}/stream") as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": ["nosuch@kline_1m"], "id": 1})
            ack = await socket.receive_json(timeout=ANSWER_S)
            try:
                later = await socket.receive(timeout=SILENCE_S)
            except TimeoutError:
                return Seen("unknown stream", f"answered {json.dumps(ack)}, then silent")
            return Seen("unknown stream", f"answered {json.dumps(ack)}, then {later.type.name}")

    async def _request_ids(self, session: aiohttp.ClientSession) -> Seen:
        """A request id of a kind that is not documented."""
        async with session.ws_connect(self._hosts.ws_api) as socket:
            await socket.send_json({"id": [1, "x"], "method": "ping"})
            reply = await socket.receive_json(timeout=ANSWER_S)
        is_echoed = reply.get("id") == [1, "x"] and reply.get("status") == 200
        return Seen("odd request ids", json.dumps(reply)[:120], "accepts_any_request_id", value=is_echoed)

    async def _client_ids(self, session: aiohttp.ClientSession) -> Seen:
        """Which characters a client order id may have, by test orders that never reach the book."""
        refused = []
        for sign in ".:/_-~ é":
            code = await self._test_order(session, newClientOrderId=f"probe{sign}1")
            if code:
                refused.append(f"{sign!r} {code}")
        return Seen("client order ids", f"refused: {', '.join(refused) or 'none'}", "client_id_pattern")

    async def _discount(self, session: aiohttp.ClientSession) -> Seen:
        """What `discount` says."""
        _, body = await self._signed(session, "GET", "account/commission", {"symbol": self._symbol})
        return Seen("BNB discount", f"discount {body['discount']['discount']}", "bnb_discount")

    async def _test_order(self, session: aiohttp.ClientSession, **extra: str) -> int:
        _, price = await self._get(session, f"ticker/price?symbol={self._symbol}")
        params: dict[str, str | int] = {
            "symbol": self._symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001",
            "price": f"{float(price['price']) * 0.9:.2f}", **extra,
        }  # fmt: skip
        _, body = await self._signed(session, "POST", "order/test", params)
        return int(body.get("code", 0))

    async def _get(
        self, session: aiohttp.ClientSession, name: str, *, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        async with session.get(f"{self._hosts.rest}/api/v3/{name}", headers=headers) as reply:
            return reply.status, await reply.json()

    async def _signed(
        self, session: aiohttp.ClientSession, method: str, name: str, params: dict[str, str | int]
    ) -> tuple[int, dict[str, Any]]:
        assert self._credentials is not None
        query = signed_query({**params, "timestamp": self._clock.now_ms()}, signer_for(self._credentials))
        # The signed text must go out as it is.
        address = URL(f"{self._hosts.rest}/api/v3/{name}?{query}", encoded=True)
        async with session.request(method, address, headers={"X-MBX-APIKEY": self._credentials.key}) as reply:
            return reply.status, await reply.json()


def probe(hosts: Hosts, clock: Clock, credentials: Credentials | None = None) -> Sequence[Seen]:
    """Ask a host everything, and give what was seen."""
    return asyncio.run(Prober(hosts, clock, credentials).run())
