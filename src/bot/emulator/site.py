"""A site: one face with all who are connected to it, over a port or within this process, REST and sockets together."""

import asyncio
import errno
import logging
from collections.abc import Callable
from functools import partial

import msgspec
import structlog
from aiohttp import web

from bot.domain.errors import Misconfigured
from bot.emulator.connection import Connection, Peer
from bot.emulator.entrance import Attendant, Opening, admit
from bot.emulator.face import Face
from bot.emulator.frames import framed
from bot.emulator.line import Line
from bot.emulator.rest import Answer, Request, answer
from bot.emulator.wire import encode

log = structlog.get_logger(__name__)

_LARGEST_FRAME = 1 << 20
_LARGEST_LINE = 1 << 16
_SILENT = logging.getLogger("bot.emulator.http")
"""Where aiohttp writes a traceback for each request that is no HTTP; that is the client's fault, and no news."""
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_GOODBYE_S = 1.0
"""How long a client may take to answer a goodbye."""


class Lifetimes(msgspec.Struct, frozen=True):
    """How often the server pings (real seconds), and how long a connection may live (server time)."""

    ping_every_s: float = 20.0
    longest_s: float = 86_400.0


class Site:
    """Where clients connect to a face."""

    def __init__(self, face: Face, host: str, port: int, lifetimes: Lifetimes) -> None:
        self.face = face
        self.port = port
        self._host, self._lifetimes = host, lifetimes
        self._peers: dict[Peer, None] = {}
        self._runner: web.ServerRunner | None = None
        face.gate.clock.on_jump(self.end_old_connections)

    @property
    def url(self) -> str:
        """Give the REST address, without a path."""
        return f"http://{self._host}:{self.port}"

    @property
    def stream_url(self) -> str:
        """Give the address of sockets, without a path."""
        return f"ws://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen; Misconfigured when the port is taken."""
        server = web.Server(
            self._guarded, access_log=None, logger=_SILENT, max_line_size=_LARGEST_LINE, max_field_size=_LARGEST_LINE
        )
        self._runner, self.port = await listen(server, self._host, self.port, f"the emulator ({self.face.gate.name})")

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await asyncio.gather(*(connection.close() for connection in tuple(self._peers)))
        if self._runner is not None:
            await self._runner.cleanup()

    async def answer(self, request: Request) -> Answer | None:
        """Serve a request of this process; None when its connection would have ended without an answer."""
        return await answer(self.face, request)

    def connect(self, opening: Opening, on_text: Callable[[bytes], None], on_end: Callable[[], None]) -> Line | Answer:
        """Let a client of this process in, or say why not. `on_text` and `on_end` are called from inside the market."""
        admitted = admit(self.face, opening)
        if isinstance(admitted, Answer):
            return admitted
        line = Line(on_text, **admitted.kind)
        attendant = admitted.attend(line)

        def end() -> None:
            self._forget(line, attendant)
            on_end()

        line.begin(attendant, end)
        self._know(line)
        return line

    async def drained(self) -> None:
        """Wait until everything is written to every client."""
        await asyncio.gather(*(connection.drained() for connection in tuple(self._peers)))

    def end_old_connections(self) -> None:
        """Part with connections that have lived as long as they may."""
        for connection in tuple(self._peers):
            if connection.is_too_old():
                connection.abort()

    def disconnect(self, path: str = "", account: str = "") -> int:
        """Cut connections without a word; give how many."""
        fitting = self._fitting(path, account)
        for connection in fitting:
            connection.abort()
        return len(fitting)

    def shut_down(self, path: str = "", account: str = "") -> int:
        """Tell connections that the server will go; give how many. It does not go."""
        fitting = self._fitting(path, account)
        event = {"e": "serverShutdown", "E": self.face.gate.clock.now_ms}
        for connection in fitting:
            if self.face.api_path in connection.path:
                connection.send(framed(encode({"event": event})))
            elif connection.combined:
                connection.send(framed(encode({"stream": "!serverShutdown", "data": event})))
            else:
                connection.send(framed(encode(event)))
        return len(fitting)

    def _fitting(self, path: str, account: str) -> list[Peer]:
        return [one for one in self._peers if path in one.path and (not account or one.account == account)]

    async def _guarded(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, and log what is our own fault; not a body that is too long, or a client that went away in between."""
        try:
            return await self._handle(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("emulator.request_broke", path=request.path)
            raise

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Tell sockets from requests."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self._answer(request)
        address = request.remote or ""
        admitted = admit(self.face, Opening(request.path, request.query, address))
        if isinstance(admitted, Answer):
            return web.Response(body=admitted.body, status=admitted.status, headers=admitted.headers)
        socket = web.WebSocketResponse(timeout=_GOODBYE_S, compress=False, autoping=False, max_msg_size=_LARGEST_FRAME)
        await socket.prepare(request)
        if request.transport is None:
            return socket
        connection = Connection(socket, request.transport, **admitted.kind)
        connection.frames_a_second = None if admitted.streams is None else self.face.stream_frames_a_second
        connection.pings_empty = self._pings_empty(request.path)
        attendant = admitted.attend(connection)
        self._know(connection)
        try:
            await connection.serve(attendant.on_text, self._lifetimes.ping_every_s)
        finally:
            self._forget(connection, attendant)
        return socket

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        query = request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape")
        body = await request.read() if request.can_read_body else b""
        asked = Request(request.method, request.path, query, body, request.headers, request.remote or "")
        given = await answer(self.face, asked)
        if given is not None:
            return web.Response(body=given.body, status=given.status, headers=given.headers)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=444)

    def _know(self, peer: Peer) -> None:
        peer.is_too_old = partial(self._is_too_old, peer)
        self._peers[peer] = None

    def _forget(self, peer: Peer, attendant: Attendant) -> None:
        self._peers.pop(peer, None)
        attendant.leave()

    def _is_too_old(self, connection: Peer) -> bool:
        return self.face.gate.clock.now_ms - connection.opened_ms >= self._lifetimes.longest_s * 1000

    def _pings_empty(self, path: str) -> Callable[[], bool]:
        faults, name = self.face.gate.faults, self.face.gate.name
        return lambda: faults.on_connections and faults.for_connection("empty_ping", name, path) is not None


async def listen(server: web.Server, host: str, port: int, who: str) -> tuple[web.ServerRunner, int]:
    """Start a server on a port (0: any free one), and give it with its port; Misconfigured when it cannot be had."""
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise Misconfigured(_why_not_listening(error, f"{host}:{port}", who)) from error
    return runner, int(runner.addresses[0][1])


def _why_not_listening(error: OSError, where: str, who: str) -> str:
    """Say in one line why the port cannot be had, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"{who} cannot listen on {where}: the port is taken; stop who has it or choose another port"
    return f"{who} cannot listen on {where}: {error.strerror}; choose another host or port"
