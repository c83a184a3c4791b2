"""One WebSocket connection: frames in, a bounded queue of frames out, and the server's own pings."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType, web

_QUEUE_MAX = 50_000
_PONG_WITHIN = 3
"""A client is dropped when it has not answered for so many ping periods."""


class Connection:
    """A listener that never makes the market wait: a client too slow for its streams is disconnected."""

    def __init__(self, socket: web.WebSocketResponse, *, combined: bool = False) -> None:
        self.combined = combined
        self._socket = socket
        self._queue: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self._is_over = False
        self._heard = time.monotonic()

    def send(self, frame: bytes) -> None:
        """Queue a text frame; never waits."""
        if len(self._queue) >= _QUEUE_MAX:
            self._is_over = True
        elif not self._is_over:
            self._queue.append(frame)
            self._written.clear()
        self._ready.set()

    async def drained(self) -> None:
        """Wait until every queued frame is written, or the connection is gone."""
        await self._written.wait()

    async def close(self) -> None:
        """Say goodbye, as a server that shuts down."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"shutting down")

    async def serve(self, on_text: Callable[[str], None], ping_every_s: float) -> None:
        """Handle what the client sends until either side ends the connection."""
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(self._write()), tasks.create_task(self._ping(ping_every_s))]
            with contextlib.suppress(ConnectionError):
                await self._read(on_text)
            for helper in helpers:
                helper.cancel()
        self._is_over = True
        self._queue.clear()
        self._written.set()

    async def _read(self, on_text: Callable[[str], None]) -> None:
        async for message in self._socket:
            self._heard = time.monotonic()
            if message.type is WSMsgType.TEXT:
                on_text(message.data)
            elif message.type is WSMsgType.PING:
                await self._socket.pong(message.data)

    async def _write(self) -> None:
        try:
            while not self._is_over:
                await self._ready.wait()
                self._ready.clear()
                while self._queue:
                    await self._socket.send_frame(self._queue[0], WSMsgType.TEXT)
                    self._queue.popleft()
                self._written.set()
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")
        except ConnectionError:
            self._is_over = True
            self._written.set()

    async def _ping(self, every_s: float) -> None:
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - self._heard < every_s * _PONG_WITHIN:
                await asyncio.sleep(every_s)
                await self._socket.ping(str(time.time_ns() // 1_000_000).encode())
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"no pong")
