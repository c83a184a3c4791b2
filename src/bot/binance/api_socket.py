"""One connection to the WebSocket API: requests matched with their replies by id, and events handed on."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from bot.binance.clock import ExchangeClock
from bot.binance.errors import BAD_TIMESTAMP, error_code, refusal
from bot.binance.limits import told_wait_s
from bot.binance.rest import RECV_WINDOW_MS
from bot.binance.signing import Credentials, Params, is_edwards, signed_params, signer_for
from bot.binance.wire_orders import ApiReply, read_api_reply
from bot.binance.wires import NETWORK, Dial, Line
from bot.domain.market import Market
from bot.killpoints import reached
from bot.ports import Clock

log = structlog.get_logger()

STALLED_S = 1.0
"""A connection that carries nothing back for so long, though it was asked something, may be a line at a standstill."""


class Lost(Exception):
    """The connection ended, or time ran out, before the reply came."""


class Signer:
    """Writes parameters with key, timestamp and signature; after a logon the timestamp alone is enough."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._key = credentials.key
        self._sign = signer_for(credentials)
        self._clock = clock
        self.can_log_on = is_edwards(credentials)
        """Sessions are for Ed25519 keys alone."""

    def signed(self, params: Params, signed_ms: int | None = None) -> Params:
        """Give the parameters of a request that proves who asks, signed now unless another time is told."""
        stamp: dict[str, str | int] = {
            "apiKey": self._key,
            "recvWindow": RECV_WINDOW_MS,
            "timestamp": self._clock.now_ms() if signed_ms is None else signed_ms,
        }
        return signed_params({**params, **stamp}, self._sign)

    def named(self, params: Params) -> Params:
        """Give the parameters of a request that says who asks, and need not prove it."""
        return {**params, "apiKey": self._key}

    def stamped(self, params: Params, signed_ms: int | None = None) -> Params:
        """Give the parameters of a request on a connection that is logged on."""
        stamp = self._clock.now_ms() if signed_ms is None else signed_ms
        return {**params, "recvWindow": RECV_WINDOW_MS, "timestamp": stamp}


class ApiSocket:
    """A connection. `on_event` takes what is no reply: the event's text, and the status of a stray frame."""

    def __init__(
        self,
        url: str,
        on_event: Callable[[msgspec.Raw], None],
        on_stray: Callable[[int], None],
        dial: Dial = NETWORK.dial,
    ) -> None:
        self._url = url
        self._dial = dial
        self._on_event = on_event
        self._on_stray = on_stray
        self._ids = itertools.count(1)
        self._waiting: dict[int | str | None, asyncio.Future[ApiReply]] = {}
        self._socket: Line | None = None
        self._silent_since: float | None = None
        """When the first request left of those since which nothing was heard."""
        self.is_logged_on = False

    @property
    def gone(self) -> asyncio.Event:
        """Set when the connection has ended."""
        assert self._socket is not None
        return self._socket.gone

    @property
    def silent_s(self) -> float:
        """Give for how long it has owed an answer and carried nothing at all."""
        return 0.0 if self._silent_since is None else asyncio.get_running_loop().time() - self._silent_since

    @property
    def stands_still(self) -> bool:
        """Say whether what is sent now may have to wait behind requests that wait already."""
        return bool(self._waiting) and self.silent_s >= STALLED_S

    async def open(self) -> None:
        """Connect. Raises Unavailable."""
        self._socket = await self._dial(self._url, self._take, on_gone=self._lose)

    async def log_on(self, signer: Signer, timeout_s: float) -> ApiReply:
        """Prove once who asks on this connection."""
        reply = await self.ask("session.logon", signer.signed({}), timeout_s)
        self.is_logged_on = reply.status == 200
        return reply

    async def ask(self, method: str, params: Params, timeout_s: float, *, is_order: bool = False) -> ApiReply:
        """Send a request, once, and give its reply. Raises Lost when it does not come."""
        assert self._socket is not None
        if self._socket.gone.is_set():
            raise Lost("the connection was gone already")
        number = next(self._ids)
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[ApiReply] = loop.create_future()
        if self._silent_since is None or not self._waiting:
            self._silent_since = loop.time()
        self._waiting[number] = reply
        try:
            self._socket.send(msgspec.json.encode({"id": number, "method": method, "params": params}))
            if is_order:
                reached("wire.last_byte")
                reply.add_done_callback(lambda _: reached("reply.first_byte"))
            async with asyncio.timeout(timeout_s):
                return await reply
        except TimeoutError as error:
            raise Lost(f"no answer within {timeout_s:.0f} s") from error
        finally:
            del self._waiting[number]

    async def drain(self, timeout_s: float) -> None:
        """Wait for the replies under way."""
        if self._waiting:
            await asyncio.wait(self._waiting.values(), timeout=timeout_s)

    async def close(self) -> None:
        """End the connection; what awaits a reply is told."""
        if self._socket is not None:
            await self._socket.close()

    def _lose(self) -> None:
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(Lost("the connection ended before the answer came"))

    def _take(self, text: bytes) -> None:
        self._silent_since = None
        try:
            frame = read_api_reply(text)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("api_frame.unreadable", reason=str(error), size=len(text))
            self._on_stray(0)
            return
        waiting = self._waiting.get(frame.id)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(frame)
        elif bytes(frame.event):
            self._on_event(frame.event)
        elif frame.status != 200:
            self._on_stray(frame.status)


async def asked_in_time(ask: Callable[[], Awaitable[ApiReply]], clock: ExchangeClock) -> ApiReply:
    """Ask, and once more with a fresh look at the exchange's clock when ours was off."""
    reply = await ask()
    if reply.status != 200 and error_code(bytes(reply.error)) == BAD_TIMESTAMP:
        await clock.sync()
        reply = await ask()
    return reply


def check(reply: ApiReply, market: Market) -> None:
    """Raise what a refusal of something that may be repeated means."""
    if reply.status != 200:
        raise refusal(reply.status, bytes(reply.error), market, repeatable=True, wait_s=wait_told(reply))


def wait_told(reply: ApiReply) -> float:
    """Give the seconds that a reply tells us to wait (0: none)."""
    usual = told_wait_s(reply.status, {})
    if not usual:
        return 0.0
    try:
        data = msgspec.json.decode(reply.error, type=_LimitError).data
    except msgspec.MsgspecError:
        return usual
    return max((data.retryAfter - data.serverTime) / 1000, 1.0) if data and data.retryAfter else usual


class _LimitData(msgspec.Struct):
    serverTime: int = 0  # noqa: N815 - Binance's name
    retryAfter: int = 0  # noqa: N815 - Binance's name


class _LimitError(msgspec.Struct):
    data: _LimitData | None = None
