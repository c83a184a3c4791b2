"""The user stream: what happens to an account's orders, told by the WebSocket API as it happens.

It has no memory: after each break whoever listens is told to ask for what was missed.
"""

import asyncio
import random
from collections.abc import Callable

import msgspec
import structlog

from bot.binance.clock import ExchangeClock
from bot.binance.errors import BAD_TIMESTAMP, parse_error, refusal
from bot.binance.rest import RECV_WINDOW_MS
from bot.binance.signing import Credentials, signed_params, signer_for
from bot.binance.sockets import Socket, connect
from bot.binance.streams import Pace
from bot.binance.tasks import Tasks
from bot.binance.wire_orders import ApiReply, UserEvent, read_api_reply, read_user_event
from bot.domain.errors import BotError, Misconfigured, Unavailable

log = structlog.get_logger()

REPLY_S = 10.0


class UserData:
    """One account's user stream. `on_event` and `on_break` are called in the event loop and must not block."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        clock: ExchangeClock,
        on_event: Callable[[UserEvent], None],
        on_break: Callable[[], None],
        pace: Pace | None = None,
    ) -> None:
        self._url = url
        self._key = credentials.key
        self._sign = signer_for(credentials)
        self._clock = clock
        self._on_event = on_event
        self._on_break = on_break
        self._pace = pace or Pace()
        self._tasks = Tasks()
        self._reply: asyncio.Future[ApiReply] | None = None
        self._end = asyncio.Event()
        self._socket: Socket | None = None

    async def start(self) -> None:
        """Open the stream for the first time. Raises Misconfigured, Unavailable or Rejected."""
        self._socket = await self._open()
        self._tasks.start(self._keep(), "user-stream")

    async def close(self) -> None:
        """Close the stream."""
        await self._tasks.close()
        if self._socket is not None:
            await self._socket.close()

    async def _keep(self) -> None:
        """Wait for the end of the connection and open the next one, for good."""
        while True:
            await self._ended()
            failures = 0
            while True:
                await asyncio.sleep(self._delay(failures))
                try:
                    self._socket = await self._open()
                    break
                except Misconfigured as error:
                    log.error("user_stream.refused", reason=str(error))
                    failures = 16  # A person has to act: ask rarely.
                except BotError as error:
                    failures += 1
                    log.warning("user_stream.unreachable", reason=str(error), attempt=failures)
            self._on_break()

    async def _ended(self) -> None:
        assert self._socket is not None
        waits = [asyncio.create_task(self._socket.gone.wait()), asyncio.create_task(self._end.wait())]
        try:
            await asyncio.wait(waits, timeout=self._pace.life_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        log.warning("user_stream.ended", url=self._url)
        await self._socket.close()

    def _delay(self, failures: int) -> float:
        longest = min(self._pace.retry_max_s, self._pace.retry_first_s * 2.0 ** min(failures, 16))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    async def _open(self) -> Socket:
        self._end = asyncio.Event()
        socket = await connect(self._url, self._take)
        try:
            reply = await self._subscribe(socket)
            if reply.status != 200 and _code(reply) == BAD_TIMESTAMP:
                await self._clock.sync()
                reply = await self._subscribe(socket)
            _check(reply)
        except BaseException:
            await socket.close()
            raise
        log.info("user_stream.opened", url=self._url)
        return socket

    async def _subscribe(self, socket: Socket) -> ApiReply:
        self._reply = asyncio.get_running_loop().create_future()
        # Each subscription is signed anew: the exchange refuses a timestamp that has grown old.
        params: dict[str, str | int] = {
            "apiKey": self._key,
            "recvWindow": RECV_WINDOW_MS,
            "timestamp": self._clock.now_ms(),
        }
        request = {
            "id": "user-stream",
            "method": "userDataStream.subscribe.signature",
            "params": signed_params(params, self._sign),
        }
        socket.send(msgspec.json.encode(request))
        try:
            async with asyncio.timeout(REPLY_S):
                return await self._reply
        except TimeoutError as error:
            raise Unavailable(f"no answer from {self._url} to the subscription of the user stream") from error
        finally:
            self._reply = None

    def _take(self, text: bytes) -> None:
        try:
            frame = read_api_reply(text)
            event = read_user_event(frame.event) if bytes(frame.event) else None
            if event is None:
                self._answered(frame)
            elif event.e in {"eventStreamTerminated", "serverShutdown"}:
                self._end.set()
            else:
                self._on_event(event)
        except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
            # Also from whoever listens: numbers that are none. An error that left here would end the stream for good.
            log.error("user_event.unreadable", reason=str(error), size=len(text))
            self._on_break()

    def _answered(self, frame: ApiReply) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(frame)
        elif frame.status not in {0, 200}:
            log.error("user_stream.refused", status=frame.status)
            self._end.set()


def _check(reply: ApiReply) -> None:
    if reply.status != 200:
        raise refusal(reply.status, bytes(reply.error), repeatable=True)


def _code(reply: ApiReply) -> int:
    error = parse_error(bytes(reply.error))
    return error.code if error else 0
