"""Orders over the WebSocket API: one connection kept open, with REST beside it for what must not wait for it.

The rules are those of REST: nothing unsafe is sent twice, and a request that is lost with its connection is of unknown
outcome. REST takes over only what was never written to a socket.
"""

import asyncio
import random
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from bot.binance.api_socket import ApiSocket, Lost, Signer, check, wait_told
from bot.binance.endpoints import Endpoint, Security, Sending
from bot.binance.errors import TOO_MANY_ORDERS, error_code, refusal
from bot.binance.hosts import Hosts
from bot.binance.lanes import Lane
from bot.binance.limits import OrderCounts, WeightBank, told_weight
from bot.binance.rest import ORDER_TIMEOUT_S, READ_TIMEOUT_S, Rest
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.tasks import Tasks
from bot.binance.wire_orders import ApiReply
from bot.binance.wire_requests import params_of
from bot.binance.wires import NETWORK, Dial
from bot.domain.errors import BotError, OutcomeUnknown, Unavailable
from bot.killpoints import reached
from bot.ports import Clock

log = structlog.get_logger()

_DEAD_S = 5.0
"""A connection that owed an answer for so long, gave none in time, and carried nothing else, is given up."""


class WsSender:
    """A sender for one account (`client.Sender`). It owns `rest`, the other path: `close` closes both."""

    def __init__(
        self,
        hosts: Hosts,
        bank: WeightBank,
        rest: Rest,
        *,
        clock: Clock,
        credentials: Credentials,
        counts: OrderCounts,
        pace: Pace | None = None,
        order_timeout_s: float = ORDER_TIMEOUT_S,
        dial: Dial = NETWORK.dial,
    ) -> None:
        self._hosts = hosts
        self._dial = dial
        self._bank = bank
        self._rest = rest
        self._clock = clock
        self._counts = counts
        self._signer = Signer(credentials, clock)
        self._pace = pace or Pace()
        self._order_timeout_s = order_timeout_s
        self._tasks = Tasks()
        self._socket: ApiSocket | None = None
        self._end = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """True while requests go by socket."""
        return self._socket is not None and _is_of_use(self._socket)

    def open(self) -> None:
        """Connect in the background, and stay connected; the first request does so too."""
        if self._keeper is None:
            self._keeper = self._tasks.start(self._keep(), "order-socket")

    async def call[Q: Struct, R](self, endpoint: Endpoint[Q, R], request: Q, sending: Sending | None = None) -> R:
        """Send a request and give its reply read. Raises one of the four families."""
        self.open()
        socket = self._socket
        if not endpoint.ws_method or socket is None or not _is_of_use(socket):
            return await self._rest.call(endpoint, request, sending)
        weight, count = endpoint.weight_of(request), endpoint.orders_of(request)
        self._counts.admit(count, endpoint.priority)
        told: dict[str, str] = {}
        reply: ApiReply | None = None
        try:
            ticket = await self._bank.admit(weight, endpoint.priority, endpoint.pool)
            try:
                # It may have ended while this request waited for its turn; after this look nothing waits any more.
                if _is_of_use(socket):
                    reply = await self._ask(socket, endpoint, request, sending, ticket.lane)
                    told = {each.header: str(each.count) for each in reply.rateLimits}
            finally:
                is_free = reply is not None and reply.status == 200 and endpoint.is_free_when_done
                self._bank.settle(ticket, told=told_weight(told), is_free=is_free)
        finally:
            self._counts.settle(count, told)
        if reply is None:
            return await self._rest.call(endpoint, request, sending)
        return self._read(endpoint, reply)

    def _read[Q: Struct, R](self, endpoint: Endpoint[Q, R], reply: ApiReply) -> R:
        if reply.status != 200:
            raise self._refused(endpoint, reply)
        try:
            return endpoint.read(reply.result)
        except (msgspec.MsgspecError, ValueError) as error:
            text = f"Binance's reply to {endpoint.ws_method} could not be read: {error}"
            raise Unavailable(text) if endpoint.repeatable else OutcomeUnknown(text) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._tasks.close()
        if self._socket is not None:
            await self._socket.close()
        await self._rest.close()

    async def _ask[Q: Struct, R](
        self, socket: ApiSocket, endpoint: Endpoint[Q, R], request: Q, sending: Sending | None, lane: Lane
    ) -> ApiReply:
        # First the timestamp, then the last look: a request held up after that look is too old for the exchange.
        params: Any = params_of(request)
        signed_ms = sending.signed_ms if sending else None
        if endpoint.security is Security.KEY:
            params = self._signer.named(params)
        elif endpoint.security is Security.SIGNED:
            sign = self._signer.stamped if socket.is_logged_on else self._signer.signed
            params = sign(params, signed_ms)
        if sending:
            sending.check()
            reached("wire.first_byte")
        lane.is_out = True
        try:
            reply = await socket.ask(
                endpoint.ws_method,
                params,
                READ_TIMEOUT_S if endpoint.repeatable else self._order_timeout_s,
                is_order=sending is not None,
            )
        except Lost as error:
            if socket is self._socket and socket.silent_s >= _DEAD_S:
                self._end.set()  # another one takes over; what may still come by this one is waited for
            text = f"no answer to {endpoint.ws_method} from {self._hosts.ws_api}: {error}"
            raise Unavailable(text) if endpoint.repeatable else OutcomeUnknown(text) from error
        lane.is_out = False
        return reply

    def _refused(self, endpoint: Endpoint[Any, Any], reply: ApiReply) -> BotError:
        wait_s = wait_told(reply)
        if wait_s:
            is_ours = error_code(bytes(reply.error)) == TOO_MANY_ORDERS
            (self._counts if is_ours else self._bank).block(wait_s)
        error = refusal(
            reply.status, bytes(reply.error), self._hosts.market, repeatable=endpoint.repeatable, wait_s=wait_s
        )
        log.info("request.refused", request=endpoint.ws_method, status=reply.status, reason=str(error))
        return error

    async def _keep(self) -> None:
        """Stay connected; before the exchange ends a connection, the next one takes over."""
        failures = 0
        while True:
            try:
                fresh = await self._connect()
            except BotError as error:
                failures += 1
                log.warning("order_socket.unreachable", reason=str(error), attempt=failures)
                await asyncio.sleep(self._delay(failures))
                continue
            failures = 0
            old, self._socket = self._socket, fresh
            if old is not None:
                self._tasks.start(self._retire(old), "order-socket-old")
            await self._wait_for_the_end(fresh)
            if fresh.gone.is_set():
                await asyncio.sleep(self._delay(0))

    async def _connect(self) -> ApiSocket:
        self._end = asyncio.Event()
        socket = ApiSocket(self._hosts.ws_api, self._on_event, self._on_stray, self._dial)
        async with self._bank.opening():
            await socket.open()
            try:
                if self._signer.can_log_on:
                    check(await socket.log_on(self._signer, READ_TIMEOUT_S), self._hosts.market)
            except Lost as error:
                await socket.close()
                raise Unavailable(f"no answer to the logon at {self._hosts.ws_api}: {error}") from error
            except BaseException:
                await socket.close()
                raise
        log.info("order_socket.opened", url=self._hosts.ws_api)
        return socket

    async def _wait_for_the_end(self, socket: ApiSocket) -> None:
        waits = [asyncio.create_task(socket.gone.wait()), asyncio.create_task(self._end.wait())]
        try:
            await asyncio.wait(waits, timeout=self._pace.life_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _retire(self, old: ApiSocket) -> None:
        """Let an old connection end with its last answer."""
        try:
            await old.drain(self._order_timeout_s)
        finally:
            await old.close()

    def _on_event(self, _text: msgspec.Raw) -> None:
        # Nothing but news of the server comes here: no stream is subscribed on this connection.
        self._end.set()

    def _on_stray(self, status: int) -> None:
        log.warning("order_socket.stray", status=status)
        self._end.set()

    def _delay(self, failures: int) -> float:
        longest = min(self._pace.retry_max_s, self._pace.retry_first_s * 2.0 ** min(failures, 16))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _is_of_use(socket: ApiSocket) -> bool:
    """Say whether a connection carries a request now: REST does, while this one has ended or stands still."""
    return not socket.gone.is_set() and not socket.stands_still
