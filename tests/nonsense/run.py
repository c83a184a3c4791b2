"""Sends malformed requests to a market of the emulator, over REST and the WebSocket API, and counts the answers."""

import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
from structlog.testing import capture_logs
from tests.nonsense.documented import DOCUMENTED, UNDOCUMENTED
from tests.nonsense.requests import Request, requests
from tests.nonsense.tables import FUTURES, SPOT
from yarl import URL

from bot.domain.market import Market
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.limits import Bounds, OrderCount
from bot.emulator.server import Emulator

_TABLES = {Market.SPOT: SPOT, Market.FUTURES: FUTURES}
_ENDLESS = 10**9
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ACCOUNT = AccountConfig("key", "secret", {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}, name="me")


@dataclass
class Tally:
    """What came back of a market."""

    market: Market
    answers: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    """By channel, HTTP status and code; 0 is success."""
    faults: list[str] = field(default_factory=list)
    """What no client should ever see, each in one line."""

    @property
    def _known(self) -> frozenset[int]:
        return DOCUMENTED[self.market] | UNDOCUMENTED[self.market]

    def add(self, channel: str, status: int, body: Any, request: Request) -> None:
        """Count an answer."""
        code = 0 if status == 200 else int(body["code"])
        self.answers[channel, status, code] += 1
        if status >= 500 or (code and (code not in self._known or not body["msg"])):
            self.faults.append(f"{channel} {status} {body}: {request}")

    def table(self) -> str:
        """Give the counts as lines."""
        rows = [
            f"| {self.market} | {channel} | {status} | {code or '-'} | {count} |"
            for (channel, status, code), count in sorted(self.answers.items(), key=lambda row: (row[0][0], -row[1]))
        ]
        return "\n".join(rows)


async def bombard(market: Market, count: int, seed: int) -> Tally:
    """Send so many requests, the same for the same seed."""
    tally = Tally(market)
    config = EmulatorConfig(
        Synthetic(7), (_ACCOUNT,), speed=0, warmup=50, futures_port=0, weight_per_minute=_ENDLESS,
        raw_requests_5m=_ENDLESS, orders_per_10s=_ENDLESS, orders_per_day=_ENDLESS, keep_finished=count,
    )  # fmt: skip
    with capture_logs() as logs:
        async with Emulator(config) as emulator, aiohttp.ClientSession() as session:
            futures = emulator.futures
            assert futures is not None
            futures.gate.weight.bounds = Bounds(_ENDLESS, _ENDLESS, _ENDLESS)
            futures.count_orders_of("me", OrderCount({("MINUTE", 1): _ENDLESS}))
            await _send(emulator, session, tally, count, seed)
    tally.faults += [str(each) for each in logs if each["log_level"] in {"error", "critical"}]
    return tally


async def _send(emulator: Emulator, session: aiohttp.ClientSession, tally: Tally, count: int, seed: int) -> None:
    is_spot = tally.market is Market.SPOT
    base = emulator.spot_url if is_spot else emulator.um_url
    address = emulator.ws_api_url if is_spot else f"{emulator.um_stream_url}/ws-fapi/v1"
    made = requests(
        seed, count, key="key", secret="secret", now_ms=time.time_ns() // 1_000_000, table=_TABLES[tally.market]
    )
    async with session.ws_connect(address) as socket:
        for request in made:
            if request.method:
                headers = _FORM | ({"X-MBX-APIKEY": request.key} if request.key is not None else {})
                url = URL(f"{base}{request.path}", encoded=True)
                async with session.request(request.method, url, data=request.body.encode(), headers=headers) as reply:
                    tally.add("REST", reply.status, await reply.json(content_type=None), request)
            else:
                await socket.send_str(request.text)
                while "event" in (answer := await socket.receive_json(timeout=30)):
                    pass
                tally.add("WebSocket", answer["status"], answer.get("error"), request)
