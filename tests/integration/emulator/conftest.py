import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator

KEY, SECRET = "demo-key-not-real-0001", "demo-secret-not-real-0001"
ACCOUNTS = (
    AccountConfig(KEY, SECRET, {"USDT": Decimal(100_000), "BTC": Decimal(2)}),
    AccountConfig("other-key", "other-secret", {"USDT": Decimal(50)}),
)


@dataclass
class Reply:
    """What came back over REST."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> int:
        return int(self.body["code"])


def signature(payload: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Visitor:
    """Somebody who talks to an emulator by hand, with raw requests."""

    emulator: Emulator
    session: aiohttp.ClientSession
    key: str = KEY
    secret: str = SECRET

    async def raw(self, method: str, path: str, *, body: str = "", key: str | None = None) -> Reply:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["X-MBX-APIKEY"] = key
        url = URL(self.emulator.spot_url + path, encoded=True)
        async with self.session.request(method, url, data=body.encode(), headers=headers) as reply:
            return Reply(reply.status, await reply.json(), dict(reply.headers))

    async def get(self, path: str) -> Reply:
        return await self.raw("GET", f"/api/v3/{path}")

    async def signed(self, method: str, path: str, *, in_body: bool = False, **params: Any) -> Reply:
        text = "&".join(f"{name}={value}" for name, value in ({"timestamp": now_ms()} | params).items())
        text = f"{text}&signature={signature(text, self.secret)}"
        query, body = ("", text) if in_body else (f"?{text}", "")
        return await self.raw(method, f"/api/v3/{path}{query}", body=body, key=self.key)

    async def place(self, **changes: Any) -> Reply:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"} | changes
        return await self.signed("POST", "order", **{name: value for name, value in order.items() if value is not None})

    async def limit(self, price: Any, **changes: Any) -> Reply:
        return await self.place(type="LIMIT", timeInForce="GTC", price=price, **changes)

    def price(self) -> Decimal:
        price = self.emulator.venue.exchange.last_price("BTCUSDT")
        assert price is not None
        return price

    def away(self, share: str) -> Decimal:
        """Give a price at a share of the last one, on the tick."""
        return (self.price() * Decimal(share)).quantize(Decimal("0.01"))


@dataclass
class Socket:
    """A WebSocket whose frames are read with a deadline."""

    socket: aiohttp.ClientWebSocketResponse
    numbers: int = 0
    events: list[Any] = field(default_factory=list)

    async def frame(self) -> Any:
        message = await asyncio.wait_for(self.socket.receive(), 30)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def ask(self, request: dict[str, Any] | str) -> Any:
        """Send a request and give its answer; events that come before it are kept."""
        await self.socket.send_str(request if isinstance(request, str) else json.dumps(request))
        while "event" in (answer := await self.frame()):
            self.events.append(answer)
        return answer

    async def call(self, method: str, **params: Any) -> Any:
        self.numbers += 1
        return await self.ask({"id": self.numbers, "method": method, "params": params})

    async def signed(self, method: str, key: str = KEY, secret: str = SECRET, **params: Any) -> Any:
        values = {"apiKey": key, "timestamp": now_ms()} | params
        payload = "&".join(f"{name}={values[name]}" for name in sorted(values))
        return await self.call(method, **values, signature=signature(payload, secret))


Connect = Callable[[str], Awaitable[Socket]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def make_emulator() -> AsyncIterator[Callable[..., Awaitable[Emulator]]]:
    """Start emulators over a made-up market that stands still; changes go into their configuration."""
    started: list[Emulator] = []

    async def make(**changes: Any) -> Emulator:
        base: dict[str, Any] = {"source": Synthetic(7), "accounts": ACCOUNTS, "speed": 0, "warmup": 50}
        emulator = Emulator(EmulatorConfig(**(base | changes)))
        await emulator.start()
        started.append(emulator)
        return emulator

    yield make
    for emulator in started:
        await emulator.stop()


@pytest.fixture
async def visitor(make_emulator: Callable[..., Awaitable[Emulator]], session: aiohttp.ClientSession) -> Visitor:
    return Visitor(await make_emulator(), session)


@pytest.fixture
async def connect(visitor: Visitor) -> AsyncIterator[Connect]:
    """Open a socket at a path of the visitor's emulator."""
    opened: list[aiohttp.ClientWebSocketResponse] = []

    async def open_socket(path: str) -> Socket:
        opened.append(await visitor.session.ws_connect(visitor.emulator.stream_url + path))
        return Socket(opened[-1])

    yield open_socket
    for socket in opened:
        await socket.close()
