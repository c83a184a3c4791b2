"""The server: one port for REST, market streams and the WebSocket API, and the task that moves the market."""

import asyncio
import contextlib
import errno
import time

import structlog
from aiohttp import web

from bot.domain.errors import Misconfigured
from bot.emulator import rest
from bot.emulator.api_socket import ApiSocket
from bot.emulator.config import EmulatorConfig
from bot.emulator.connection import Connection
from bot.emulator.stream_socket import StreamSocket
from bot.emulator.venue import Venue

log = structlog.get_logger(__name__)

_LARGEST_FRAME = 1 << 20
_CONNECT_WEIGHT = 2
_GOODBYE_S = 1.0
"""How long a client may take to answer a goodbye."""


class Emulator:
    """A Binance of one's own. `start`, use `spot_url` and the accounts' keys, `stop`; or use it as a context."""

    def __init__(self, config: EmulatorConfig) -> None:
        self.venue = Venue(config)
        self._config = config
        self._connections: set[Connection] = set()
        self._runner: web.AppRunner | None = None
        self._player: asyncio.Task[None] | None = None
        self._port = 0
        self._slots = iter(self.venue.market.slots())

    @property
    def spot_url(self) -> str:
        """Give the REST address, without a path. Sockets are at the same host and port."""
        return f"http://{self._config.host}:{self._port}"

    @property
    def stream_url(self) -> str:
        """Give the address of the market streams, without `/ws` or `/stream`."""
        return f"ws://{self._config.host}:{self._port}"

    @property
    def ws_api_url(self) -> str:
        """Give the address of the WebSocket API."""
        return f"{self.stream_url}/ws-api/v3"

    async def start(self) -> None:
        """Listen, and let the market move; Misconfigured when the port is taken."""
        app = web.Application(client_max_size=_LARGEST_FRAME)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self._config.host, self._config.port)
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise Misconfigured(_why_not_listening(error, self._config)) from error
        self._port = self._runner.addresses[0][1]
        if self._config.speed:
            self._player = asyncio.create_task(self._play(), name="emulator market")
        log.info("emulator.started", url=self.spot_url, symbols=list(self.venue.instruments))

    async def stop(self) -> None:
        """Hold the market still, close every connection, stop listening; raises what had broken the market."""
        try:
            if self._player is not None:
                self._player.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._player
        finally:
            await asyncio.gather(*(connection.close() for connection in tuple(self._connections)))
            if self._runner is not None:
                await self._runner.cleanup()
                log.info("emulator.stopped")

    async def __aenter__(self) -> "Emulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def step(self) -> bool:
        """Let exactly one candle of every symbol happen, and be written to every client; False at the end.

        For a speed of 0 only. Minutes that no symbol has are passed over.
        """
        slot = next(self._slots, None)
        if slot is None:
            return False
        for index in range(self._config.ticks_per_candle):
            self.venue.market.play(slot, index)
        await asyncio.gather(*(connection.drained() for connection in tuple(self._connections)))
        return True

    async def wait(self) -> None:
        """Wait for as long as the market moves; raises what broke it."""
        if self._player is not None:
            await asyncio.shield(self._player)

    async def _play(self) -> None:
        """Play the market by absolute deadlines: a late tick is played at once, and none is left out."""
        market, speed = self.venue.market, self._config.speed
        if self._config.waits:
            await self.venue.hub.first_subscription.wait()
        began_s, origin_ms = time.monotonic(), market.now_ms
        for slot in self._slots:
            for index in range(self._config.ticks_per_candle):
                due_s = began_s + (market.tick_time(slot, index) - origin_ms) / 1_000 / speed
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                market.play(slot, index)
        log.info("emulator.market_ended", market_ms=market.now_ms)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Tell sockets from requests, and the two kinds of sockets by their path."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await rest.answer(self.venue, request)
        parts = request.path.strip("/").split("/")
        if "ws-api" in parts:
            return await self._serve_api(request)
        if parts[-1] == "stream":
            names = request.query.get("streams", "").split("/")
            return await self._serve_streams(request, names, combined=True)
        if "ws" in parts:
            # Whatever stands before `/ws` is passed over: one well-known client needs such a prefix.
            names = parts[len(parts) - parts[::-1].index("ws") :]
            return await self._serve_streams(request, names, combined=False)
        return web.Response(status=404)

    async def _serve_streams(self, request: web.Request, names: list[str], *, combined: bool) -> web.WebSocketResponse:
        socket = await self._accept(request)
        connection = Connection(socket, combined=combined)
        streams = StreamSocket(self.venue.hub, connection, [name for name in names if name])
        try:
            await self._keep(connection, streams)
        finally:
            streams.leave()
        return socket

    async def _serve_api(self, request: web.Request) -> web.WebSocketResponse:
        address = request.remote or ""
        self.venue.weight.add(address, _CONNECT_WEIGHT, self.venue.wall_ms)
        socket = await self._accept(request)
        connection = Connection(socket)
        shows_limits = request.query.get("returnRateLimits") != "false"
        api = ApiSocket(self.venue, connection, address, shows_limits=shows_limits)
        try:
            await self._keep(connection, api)
        finally:
            api.leave()
        return socket

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=_GOODBYE_S, compress=False, autoping=False, max_msg_size=_LARGEST_FRAME)
        await socket.prepare(request)
        return socket

    async def _keep(self, connection: Connection, face: StreamSocket | ApiSocket) -> None:
        self._connections.add(connection)
        try:
            await connection.serve(face.on_text, self._config.ping_every_s)
        finally:
            self._connections.discard(connection)


def _why_not_listening(error: OSError, config: EmulatorConfig) -> str:
    """Say in one line why the port cannot be had, and what to do."""
    where = f"{config.host}:{config.port}"
    if error.errno == errno.EADDRINUSE:
        return f"the emulator cannot listen on {where}: the port is taken; stop who has it or choose another port"
    return f"the emulator cannot listen on {where}: {error.strerror}; choose another host or port"
