"""A small Binance for tests: REST and combined streams on a loopback port, told by the test what to answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from bot.binance.hosts import Environment, Hosts, hosts_for
from bot.domain.market import Market

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

START = 1_790_000_040_000 // 60_000 * 60_000
"""Open time of candle number 0."""


def opened(number: int) -> int:
    return START + number * 60_000


def row(number: int, price: float = 100.0) -> list[object]:
    at = opened(number)
    text = f"{price + number:.2f}"
    return [at, text, text, text, text, "1.5", at + 59_999, "150.0", 3, "0", "0", "0"]


def kline(
    number: int, *, closed: bool = True, symbol: str = "BTCUSDT", trades: int = 3, volume: str = "1.5"
) -> dict[str, Any]:
    at = opened(number)
    text = f"{100.0 + number:.2f}"
    body = {
        "t": at, "T": at + 59_999, "s": symbol, "i": "1m", "f": 1, "L": 2, "o": text, "c": text, "h": text, "l": text,
        "v": volume, "n": trades, "x": closed, "q": "150.0", "V": "1", "Q": "1", "B": "0",
    }  # fmt: skip
    return {"stream": f"{symbol.lower()}@kline_1m", "data": {"e": "kline", "E": at, "s": symbol, "k": body}}


async def until(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Wait for a condition, never for a second."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)


class FakeBinance:
    """Counts what arrives; answers from `rows` and from the answers a test sets for `METHOD path`."""

    def __init__(self) -> None:
        self.rows: list[list[object]] = []
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.raw: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.api_sockets: list[web.WebSocketResponse] = []
        self.routes: list[str] = []
        self.subscribed: list[str] = []
        self.listen_keys: list[str] = []
        self.private_sockets: list[web.WebSocketResponse] = []
        self.controls: list[dict[str, Any]] = []
        self.api_requests: list[dict[str, Any]] = []
        self.on_api: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda request: {"status": 200, "result": {}}
        self.runner: web.AppRunner | None = None
        self.url = ""

    @property
    def hosts(self) -> Hosts:
        return hosts_for(Environment.EMULATOR, emulator_url=self.url)

    @property
    def futures_hosts(self) -> Hosts:
        return hosts_for(Environment.EMULATOR, Market.FUTURES, emulator_url=self.url)

    async def start(self, port: int = 0) -> "FakeBinance":
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/{route:public|market}/stream", self._stream)
        app.router.add_get("/private/ws", self._private)
        app.router.add_get("/ws-api/v3", self._api)
        app.router.add_get("/ws-fapi/v1", self._api)
        app.router.add_route("*", "/{path:.*}", self._rest)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        port = self.runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def stop(self) -> None:
        await self.drop()
        for socket in (*self.api_sockets, *self.private_sockets):
            await socket.close()
        assert self.runner is not None
        await self.runner.cleanup()

    def seen(self, what: str) -> list[dict[str, str]]:
        """Give the parameters of all requests to `METHOD path`."""
        return [params for method, path, params, _ in self.requests if f"{method} {path}" == what]

    async def push(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            await self.sockets[-1].send_str(json.dumps(frame))

    async def push_user(self, event: dict[str, Any]) -> None:
        await self.api_sockets[-1].send_str(json.dumps({"subscriptionId": 0, "event": event}))

    async def drop(self) -> None:
        for socket in self.sockets:
            await socket.close()

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        params = dict(request.query) | dict(await request.post())
        self.requests.append((request.method, request.path, {k: str(v) for k, v in params.items()}, body))
        self.raw.append(request.raw_path)
        self.headers.append(dict(request.headers))
        answer = self.answers.get(f"{request.method} {request.path}")
        if answer is not None:
            return await answer(request)
        if request.path == "/api/v3/klines":
            return web.json_response(self._klines(request.query))
        if request.path.endswith(("/openOrders", "/openAlgoOrders")) and request.method == "GET":
            return web.json_response([])
        if request.path == "/api/v3/time":
            return web.json_response({"serverTime": 1_790_000_000_123})
        return web.json_response({"code": -1000, "msg": "no answer set"}, status=404)

    def _klines(self, query: Any) -> list[list[object]]:
        rows = [
            row
            for row in self.rows
            if int(query.get("startTime", 0)) <= row[0] <= int(query.get("endTime", 1 << 60))  # type: ignore[operator]
        ]
        limit = int(query.get("limit", 500))
        return rows[:limit] if "startTime" in query else rows[-limit:]

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.routes.append(request.match_info.get("route", ""))
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                control = json.loads(message.data)
                self.controls.append(control)
                for name in control["params"]:
                    if control["method"] == "SUBSCRIBE":
                        self.subscribed.append(name)
                    elif name in self.subscribed:
                        self.subscribed.remove(name)
                await socket.send_str(json.dumps({"result": None, "id": control["id"]}))
        return socket

    async def _private(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.listen_keys.append(request.query["listenKey"])
        self.private_sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    async def _api(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.api_sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                asked = json.loads(message.data)
                self.api_requests.append(asked)
                if (answer := self.on_api(asked)) is not None:
                    await socket.send_str(json.dumps({"id": asked["id"], **answer}))
        return socket
