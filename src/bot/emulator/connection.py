"""One WebSocket connection: frames in, finished frames out in few large writes, and the server's own pings."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict, Unpack

from aiohttp import WSCloseCode, WSMsgType, web

from bot.emulator.frames import framed
from bot.emulator.wire import encode, in_microseconds

_UNSENT_MAX = 32 << 20
_PONG_WITHIN = 3
"""A client is dropped when it has not answered for so many ping periods."""


class Kind(TypedDict, total=False):
    """How a client came in: at which path, when (ms, server time), and in what shape it wants its frames."""

    path: str
    combined: bool
    in_microseconds: bool
    opened_ms: int


class Peer(ABC):
    """A client that is connected: where it came in, how it wants to be told, and a way to tell it."""

    def __init__(self, **kind: Unpack[Kind]) -> None:
        self.combined, self.in_microseconds = kind.get("combined", False), kind.get("in_microseconds", False)
        self.path, self.opened_ms = kind.get("path", ""), kind.get("opened_ms", 0)
        self.account = ""
        self.is_too_old: Callable[[], bool] = lambda: False
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] = []

    @abstractmethod
    def send(self, frame: bytes) -> None:
        """Send a finished frame, and those held back until after it; never waits."""

    def say(self, content: Any) -> None:
        """Send content as JSON, in the unit of time that the client chose."""
        self.send(framed(encode(in_microseconds(content) if self.in_microseconds else content)))

    def send_later(self, frame: bytes, delay_s: float) -> None:
        """Send a frame after a while."""
        self._loop.call_later(delay_s, self.send, frame)

    def hold(self, frame: bytes) -> None:
        """Keep a frame back until after the next one."""
        self._held.append(frame)

    @abstractmethod
    def abort(self) -> None:
        """End the connection without a word, after what is queued."""

    @abstractmethod
    async def close(self) -> None:
        """Say goodbye, after what is queued."""

    @abstractmethod
    async def drained(self) -> None:
        """Wait until everything is written to the client, or it is gone."""


class Connection(Peer):
    """A listener that never makes the market wait: a client too slow for its streams is disconnected."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport, **kind: Unpack[Kind]) -> None:
        super().__init__(**kind)
        self.pings_empty: Callable[[], bool] = lambda: False
        self.frames_a_second: int | None = None
        """How many frames a client may send within a second; None for as many as it likes."""
        self._recent: deque[float] = deque()
        self._socket, self._transport = socket, transport
        self._queue: list[bytes] = []
        self._is_over = False
        self._heard = self._loop.time()

    def send(self, frame: bytes) -> None:
        """Queue a finished frame; it is written with all others of this turn of the loop."""
        if self._is_over:
            return
        if not self._queue:
            self._loop.call_soon(self._write)
        self._queue.append(frame)
        if self._held:
            self._queue += self._held
            self._held.clear()

    async def drained(self) -> None:
        """Wait until every queued frame is written, or the connection is gone."""
        while not self._is_over and (self._queue or self._unsent()):  # noqa: ASYNC110
            # A transport has no event for "all is written".
            await asyncio.sleep(0)

    async def close(self, code: int = WSCloseCode.GOING_AWAY, message: bytes = b"shutting down") -> None:
        """Say goodbye, after what is queued."""
        self._write()
        self._is_over = True
        await self._socket.close(code=code, message=message)

    def abort(self) -> None:
        """End the connection without a word, after what is queued."""
        self._write()
        self._is_over = True
        self._transport.close()

    async def serve(self, on_text: Callable[[str], Awaitable[None] | None], ping_every_s: float) -> None:
        """Handle what the client sends until either side ends the connection."""
        async with asyncio.TaskGroup() as tasks:
            helper = tasks.create_task(self._ping(ping_every_s))
            with contextlib.suppress(ConnectionError):
                await self._read(on_text, tasks)
            helper.cancel()
        self._is_over = True
        self._queue.clear()

    async def _read(self, on_text: Callable[[str], Awaitable[None] | None], tasks: asyncio.TaskGroup) -> None:
        async for message in self._socket:
            self._heard = self._loop.time()
            if self._is_flooded():
                await self.close(WSCloseCode.POLICY_VIOLATION, b"too many requests")
                return
            if message.type is WSMsgType.TEXT:
                waiting = on_text(message.data)
                if waiting is not None:
                    tasks.create_task(_finish(waiting))
            elif message.type is WSMsgType.PING:
                self._write()
                await self._socket.pong(message.data)

    def _is_flooded(self) -> bool:
        """Count a frame that came in; True when it is one too many for a second."""
        if self.frames_a_second is None:
            return False
        while self._recent and self._recent[0] <= self._heard - 1:
            self._recent.popleft()
        self._recent.append(self._heard)
        return len(self._recent) > self.frames_a_second

    def _unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def _write(self) -> None:
        if self._queue and not self._is_over and not self._transport.is_closing():
            self._transport.write(b"".join(self._queue) if len(self._queue) > 1 else self._queue[0])
            if self._transport.get_write_buffer_size() > _UNSENT_MAX:
                self._is_over = True
                self._transport.abort()
        self._queue.clear()

    async def _ping(self, every_s: float) -> None:
        with contextlib.suppress(ConnectionError):
            while self._loop.time() - self._heard < every_s * _PONG_WITHIN:
                await asyncio.sleep(every_s)
                if self.is_too_old():
                    await self.close()
                    return
                self._write()
                payload = b"" if self.pings_empty() else str(time.time_ns() // 1_000_000).encode()
                await self._socket.ping(payload)
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"no pong")


async def _finish(waiting: Awaitable[None]) -> None:
    await waiting
