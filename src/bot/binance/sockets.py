"""One WebSocket connection over picows: text in, text out, and an event when it is gone."""

import asyncio
from collections.abc import Callable, Mapping

from picows import WSError, WSFrame, WSInvalidStatusError, WSListener, WSMsgType, WSTransport, ws_connect

from bot.binance.errors import Throttled
from bot.binance.limits import told_wait_s
from bot.domain.errors import Unavailable

FRAME_MAX = 4 * 1024 * 1024
_TEXT = WSMsgType.TEXT


class Socket(WSListener):
    """A connection that hands each text on at once; pings are answered by picows itself."""

    def __init__(self, on_text: Callable[[bytes], None], on_gone: Callable[[], None] | None = None) -> None:
        self._on_text = on_text
        self._on_gone = on_gone
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []
        self.gone = asyncio.Event()

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport (picows calls this)."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand a text on (picows calls this; the frame's memory is its own, so the payload is copied)."""
        kind = frame.msg_type
        if kind is _TEXT and frame.fin:
            self._on_text(frame.get_payload_as_bytes())
        elif kind is _TEXT or kind is WSMsgType.CONTINUATION:
            self._parts.append(frame.get_payload_as_bytes())
            if frame.fin:
                whole, self._parts = b"".join(self._parts), []
                self._on_text(whole)
        elif kind is WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """Say that it is over (picows calls this)."""
        self.gone.set()
        if self._on_gone is not None:
            self._on_gone()

    def send(self, text: bytes) -> None:
        """Send a text; one on a connection that is gone is lost, as it would be on the wire."""
        if self._transport is not None and not self.gone.is_set():
            self._transport.send(WSMsgType.TEXT, text)

    async def close(self) -> None:
        """End the connection and wait until it is gone."""
        if self._transport is not None:
            self._transport.disconnect()
            await self._transport.wait_disconnected()


async def connect(
    url: str,
    on_text: Callable[[bytes], None],
    timeout_s: float = 10.0,
    on_gone: Callable[[], None] | None = None,
) -> Socket:
    """Open a connection; `on_gone` is called when it has ended. Raises Unavailable, Throttled when told to wait."""
    try:
        async with asyncio.timeout(timeout_s):
            _, listener = await ws_connect(
                lambda: Socket(on_text, on_gone),
                url,
                websocket_handshake_timeout=timeout_s,
                max_frame_size=FRAME_MAX,
                # A peer that vanished without a word is found out by its silence to our pings.
                enable_auto_ping=True,
                auto_ping_idle_timeout=20,
                auto_ping_reply_timeout=10,
            )
    except WSInvalidStatusError as error:
        raise refused_to_open(url, *_told(error)) from error
    except (OSError, TimeoutError, WSError) as error:
        raise Unavailable(
            f"cannot open {url.partition('?')[0]} ({type(error).__name__}): check network and address"
        ) from error
    assert isinstance(listener, Socket)
    return listener


def refused_to_open(url: str, status: int, headers: Mapping[str, str]) -> Unavailable:
    """Give the error for a connection that was answered with a status instead."""
    place, wait_s = url.partition("?")[0], told_wait_s(status, headers)
    if wait_s:
        return Throttled(f"{place} is closed to us for {wait_s:.0f} s (HTTP {status}): it goes on by itself", wait_s)
    return Unavailable(f"cannot open {place} (HTTP {status}): check network and address")


def _told(error: WSInvalidStatusError) -> tuple[int, Mapping[str, str]]:
    answer = error.response
    return (int(answer.status), answer.headers) if answer is not None else (0, {})
