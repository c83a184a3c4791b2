"""The wires: HTTP and WebSocket as two protocols, so that the network can be replaced as a whole.

Everything here that opens a connection takes `Wires`; the default is the network itself.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import aiohttp
from yarl import URL

from bot import killpoints
from bot.binance.sockets import connect
from bot.killpoints import reached


class Reply(NamedTuple):
    """What came back. Headers are found by their names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NothingSent(Exception):
    """No connection came about, so nothing of the request left; the text says why."""


class NoAnswer(Exception):
    """The request may have arrived, and no readable answer came; the text says what came instead."""


class Http(Protocol):
    """A way for requests."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Reply:
        """Send one request, once, as these very bytes, and give its reply. Raises NothingSent or NoAnswer."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Line(Protocol):
    """One open WebSocket connection."""

    gone: asyncio.Event
    """Set when it has ended."""

    def send(self, text: bytes) -> None:
        """Send a text; one on a connection that is gone is lost, as it would be on the wire."""
        ...

    async def close(self) -> None:
        """End the connection and wait until it is gone."""
        ...


class Dial(Protocol):
    """A way to open WebSocket connections."""

    async def __call__(
        self,
        url: str,
        on_text: Callable[[bytes], None],
        timeout_s: float = 10.0,
        on_gone: Callable[[], None] | None = None,
    ) -> Line:
        """Open a connection; `on_gone` is called when it has ended. Raises Unavailable."""
        ...


class AioHttp:
    """Requests over aiohttp, which never sends anything twice. Connections are opened on first use."""

    def __init__(self, body_max: int) -> None:
        self._body_max = body_max
        self._session: aiohttp.ClientSession | None = None

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Reply:
        """Send one request, once, as these very bytes, and give its reply. Raises NothingSent or NoAnswer."""
        try:
            async with self._open_session().request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as reply:
                if body:
                    reached("reply.first_byte")
                return Reply(reply.status, reply.headers, await self._read(reply))
        except aiohttp.ClientConnectorError as error:
            raise NothingSent(error.os_error.strerror or "no connection") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _read(self, reply: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in reply.content.iter_chunked(65_536):
            body += chunk
            if len(body) > self._body_max:
                raise aiohttp.ClientPayloadError("reply is too large")
        return bytes(body)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=20), cookie_jar=aiohttp.DummyCookieJar(), trace_configs=_traces()
            )
        return self._session


def _traces() -> list[aiohttp.TraceConfig]:
    """Tell when a body has left, if anybody asked: aiohttp says so just before it writes it."""
    if killpoints.armed is None:
        return []
    trace = aiohttp.TraceConfig()

    async def leaves(*_: object) -> None:
        asyncio.get_running_loop().call_soon(reached, "wire.last_byte")

    trace.on_request_chunk_sent.append(leaves)
    return [trace]


@dataclass(frozen=True, slots=True)
class Wires:
    """What connections are made of. `http` is called with the most bytes that a reply's body may have."""

    http: Callable[[int], Http] = AioHttp
    dial: Dial = connect


NETWORK = Wires()
"""The real thing."""
