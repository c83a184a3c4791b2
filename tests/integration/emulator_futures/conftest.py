import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.futures.venue import FuturesVenue
from bot.emulator.server import Emulator

KEY, SECRET = "demo-key-not-real-0001", "demo-secret-not-real-0001"
OTHER_KEY, OTHER_SECRET = "other-key-not-real-0002", "other-secret-not-real-0002"
ACCOUNTS = (
    AccountConfig(KEY, SECRET, {"USDT": Decimal(100_000), "BNB": Decimal(10)}),
    AccountConfig(OTHER_KEY, OTHER_SECRET, {"USDT": Decimal(50_000)}),
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
    """Somebody who talks to the futures face by hand, with raw requests."""

    emulator: Emulator
    session: aiohttp.ClientSession
    key: str = KEY
    secret: str = SECRET

    @property
    def venue(self) -> FuturesVenue:
        assert self.emulator.futures is not None
        return self.emulator.futures

    async def raw(self, method: str, path: str, *, body: str = "", key: str | None = None) -> Reply:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["X-MBX-APIKEY"] = key
        url = URL(f"{self.emulator.um_url}{path}", encoded=True)
        async with self.session.request(method, url, data=body.encode(), headers=headers) as reply:
            return Reply(reply.status, await reply.json(), dict(reply.headers))

    async def get(self, path: str) -> Reply:
        return await self.raw("GET", f"/fapi/{path}")

    async def signed(self, method: str, path: str, *, in_body: bool = False, **params: Any) -> Reply:
        values = {"timestamp": now_ms()} | {name: value for name, value in params.items() if value is not None}
        text = "&".join(f"{name}={quote(str(value))}" for name, value in values.items())
        text = f"{text}&signature={signature(text, self.secret)}"
        query, body = ("", text) if in_body else (f"?{text}", "")
        return await self.raw(method, f"/fapi/{path}{query}", body=body, key=self.key)

    async def place(self, **changes: Any) -> Reply:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"} | changes
        return await self.signed("POST", "v1/order", **order)

    async def limit(self, price: Any, **changes: Any) -> Reply:
        return await self.place(**{"type": "LIMIT", "timeInForce": "GTC", "price": price} | changes)

    async def algo(self, **changes: Any) -> Reply:
        order = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.010"} | changes
        return await self.signed("POST", "v1/algoOrder", **order)

    async def listen(self, connect: "Connect", route: str = "/private/ws?listenKey=") -> "Socket":
        """Open the user stream."""
        opened = await self.raw("POST", "/fapi/v1/listenKey", key=self.key)
        return await connect(route + opened.body["listenKey"])

    def price(self) -> Decimal:
        price = self.venue.exchange.last_price("BTCUSDT")
        assert price is not None
        return price

    def away(self, share: str) -> Decimal:
        """Give a price at a share of the last one, on the tick."""
        return (self.price() * Decimal(share)).quantize(Decimal("0.1"))

    def move(self, price: Decimal) -> None:
        """Let the market trade at a price, and the mark price follow it."""
        self.venue.move("BTCUSDT", price)


@dataclass
class Socket:
    """A WebSocket whose frames are read with a deadline."""

    socket: aiohttp.ClientWebSocketResponse
    numbers: int = 0

    async def frame(self) -> Any:
        message = await asyncio.wait_for(self.socket.receive(), 30)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def event(self, kind: str) -> Any:
        """Give the next event of a kind; others are passed over."""
        while (event := await self.frame()).get("e") != kind:
            pass
        return event

    async def ask(self, request: dict[str, Any]) -> Any:
        await self.socket.send_str(json.dumps(request))
        return await self.frame()

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
        base: dict[str, Any] = {
            "source": Synthetic(7), "accounts": ACCOUNTS, "speed": 0, "warmup": 50, "futures_port": 0
        }  # fmt: skip
        emulator = Emulator(EmulatorConfig(**(base | changes)))
        await emulator.start()
        started.append(emulator)
        return emulator

    yield make
    for emulator in started:
        await emulator.stop()


@pytest.fixture
def make_visitor(
    make_emulator: Callable[..., Awaitable[Emulator]], session: aiohttp.ClientSession
) -> Callable[..., Awaitable[tuple[Visitor, Visitor]]]:
    """Start an emulator, and give both of its customers."""

    async def make(**changes: Any) -> tuple[Visitor, Visitor]:
        emulator = await make_emulator(**changes)
        return Visitor(emulator, session), Visitor(emulator, session, OTHER_KEY, OTHER_SECRET)

    return make


@pytest.fixture
async def emulator(make_emulator: Callable[..., Awaitable[Emulator]]) -> Emulator:
    return await make_emulator()


@pytest.fixture
def visitor(emulator: Emulator, session: aiohttp.ClientSession) -> Visitor:
    return Visitor(emulator, session)


@pytest.fixture
async def connect(emulator: Emulator, session: aiohttp.ClientSession) -> AsyncIterator[Connect]:
    """Open sockets on the futures port."""
    opened: list[Socket] = []

    async def connect(path: str) -> Socket:
        socket = Socket(await session.ws_connect(f"{emulator.um_stream_url}{path}"))
        opened.append(socket)
        return socket

    yield connect
    for one in opened:
        await one.socket.close()
