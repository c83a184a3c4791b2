"""A fault proxy: stands between two programs and spoils their line as asked, by TCP or unix sockets.

The kinds are toxiproxy's. `toxics` may be changed at any moment, and holds for the connections that are open, too.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Toxics:
    """What is wrong with a line, in both directions. Times are seconds, sizes bytes."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bandwidth: int = 0
    """Bytes a second; 0 is no limit."""
    slice_bytes: int = 0
    """Hand on pieces of this size, one write each; 0 leaves them whole."""
    slice_gap_s: float = 0.0
    slow_close_s: float = 0.0
    """How long the end of a connection takes to arrive."""
    is_down: bool = False
    """Open connections end, and new ones are refused at once."""
    is_silent: bool = False
    """Connections stay open and nothing passes: half-open, until it is lifted."""
    reset_after: int = 0
    """A connection is reset after so many bytes of its own; 0 is never."""
    limit: int = 0
    """A connection is closed after so many bytes of its own; 0 is never."""


CLEAN = Toxics()


class Proxy:
    """One listening place and where it leads to. An address is (host, port), or the path of a unix socket."""

    def __init__(self, target: tuple[str, int] | Path, listens: tuple[str, int] | Path, lots: Random) -> None:
        self.target, self.listens = target, listens
        self.connections = 0
        """How many there ever were."""
        self._lots = lots
        self._toxics = CLEAN
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._server: asyncio.Server | None = None
        self._lines: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}

    @property
    def toxics(self) -> Toxics:
        """What is wrong now."""
        return self._toxics

    @toxics.setter
    def toxics(self, toxics: Toxics) -> None:
        self._toxics = toxics
        if toxics.is_silent:
            self._speaks.clear()
        else:
            self._speaks.set()
        if toxics.is_down:
            self.cut()

    @property
    def port(self) -> int:
        """Where it listens, if that is a TCP port."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen."""
        if isinstance(self.listens, Path):
            self.listens.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._accept, self.listens)
        else:
            self._server = await asyncio.start_server(self._accept, *self.listens)

    async def stop(self) -> None:
        """End every connection and listen no more."""
        if self._server is not None:
            self._server.close()
        for task in list(self._lines):
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def cut(self) -> None:
        """Reset all connections that are open now."""
        for writers in self._lines.values():
            for writer in writers:
                _reset(writer)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._toxics.is_down:
            _reset(writer)
            return
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._lines[task] = (writer,)
        task.add_done_callback(lambda done: self._lines.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            async with self._reached() as (theirs, onward):
                self._lines[task] = (writer, onward)
                passed = _Passed()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(reader, onward, passed))
                    group.create_task(self._carry(theirs, writer, passed))
        except* (OSError, _Ended, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    @contextlib.asynccontextmanager
    async def _reached(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if isinstance(self.target, Path):
            reader, writer = await asyncio.open_unix_connection(self.target)
        else:
            reader, writer = await asyncio.open_connection(*self.target)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passed: "_Passed") -> None:
        while piece := await reader.read(CHUNK):
            await self._speaks.wait()
            await self._spoil(piece, writer, passed)
        await asyncio.sleep(self._toxics.slow_close_s)
        if writer.can_write_eof():
            writer.write_eof()
        else:
            raise _Ended

    async def _spoil(self, piece: bytes, writer: asyncio.StreamWriter, passed: "_Passed") -> None:
        toxics = self._toxics
        if toxics.latency_s or toxics.jitter_s:
            await asyncio.sleep(toxics.latency_s + self._lots.uniform(0, toxics.jitter_s))
        size = toxics.slice_bytes or len(piece)
        for begin in range(0, len(piece), size):
            part = piece[begin : begin + size]
            if toxics.bandwidth:
                await asyncio.sleep(len(part) / toxics.bandwidth)
            most = min((each for each in (toxics.limit, toxics.reset_after) if each), default=0)
            allowed = part[: max(0, most - passed.count)] if most else part
            passed.count += len(allowed)
            writer.write(allowed)
            await writer.drain()
            if len(allowed) < len(part):
                if toxics.reset_after and most == toxics.reset_after:
                    _reset(writer)
                raise _Ended
            if toxics.slice_bytes:
                await asyncio.sleep(toxics.slice_gap_s)


class _Ended(Exception):
    """A connection came to its end by our hand."""


@dataclass(slots=True)
class _Passed:
    count: int = 0


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side gets an error, where its kind of socket can."""
    its: socket.socket | None = writer.get_extra_info("socket")
    if its is not None and its.family in {socket.AF_INET, socket.AF_INET6} and its.fileno() >= 0:
        with contextlib.suppress(OSError):
            its.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
