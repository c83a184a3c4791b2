"""REST: one sender for every request of the tables.

What is safe to repeat is repeated at one place, around Unavailable alone. Everything else goes out once, and an
ending we did not read is OutcomeUnknown.
"""

from typing import Any

import msgspec
import structlog
from msgspec import Struct
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from bot.binance.endpoints import Endpoint, Pool, Security, Sending
from bot.binance.errors import TOO_MANY_ORDERS, Throttled, error_code, refusal
from bot.binance.hosts import Hosts
from bot.binance.lanes import Lane
from bot.binance.limits import OrderCounts, WeightBank, told_wait_s, told_weight
from bot.binance.signing import Credentials, Params, query_text, signed_query, signer_for
from bot.binance.wire_requests import params_of
from bot.binance.wires import NETWORK, NoAnswer, NothingSent, Reply, Wires
from bot.domain.errors import BotError, Misconfigured, OutcomeUnknown, Unavailable
from bot.killpoints import reached
from bot.ports import Clock

log = structlog.get_logger()

RECV_WINDOW_MS = 5_000
ORDER_TIMEOUT_S = 15.0
"""The exchange itself gives up after 10 s; asking less would make known endings unknown."""
READ_TIMEOUT_S = 10.0
BODY_MAX = 64 * 1024 * 1024
ATTEMPTS = 4
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Rest:
    """Sends requests to one market's hosts, and reads the replies."""

    def __init__(
        self,
        hosts: Hosts,
        bank: WeightBank,
        *,
        clock: Clock | None = None,
        credentials: Credentials | None = None,
        counts: OrderCounts | None = None,
        order_timeout_s: float = ORDER_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        body_max: int = BODY_MAX,
        wires: Wires = NETWORK,
    ) -> None:
        self._hosts = hosts
        self._bank = bank
        self._clock = clock
        self._counts = counts or OrderCounts(hosts.market)
        self._key = {"X-MBX-APIKEY": credentials.key} if credentials else {}
        self._sign = signer_for(credentials) if credentials else None
        self._order_timeout_s = order_timeout_s
        self._read_timeout_s = read_timeout_s
        self._http = wires.http(body_max)

    async def call[Q: Struct, R](self, endpoint: Endpoint[Q, R], request: Q, sending: Sending | None = None) -> R:
        """Send a request and give its reply read. Raises one of the four families."""
        if not endpoint.repeatable:
            return await self._once(endpoint, request, sending)
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_worth_repeating), stop=stop_after_attempt(ATTEMPTS), wait=_pause, reraise=True
        ):
            with attempt:
                return await self._once(endpoint, request, sending)
        raise AssertionError("tenacity either returns or raises")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _once[Q: Struct, R](self, endpoint: Endpoint[Q, R], request: Q, sending: Sending | None) -> R:
        weight, count = endpoint.weight_of(request), endpoint.orders_of(request)
        self._counts.admit(count, endpoint.priority)
        reply = _NONE
        try:
            ticket = await self._bank.admit(weight, endpoint.priority, endpoint.pool)
            try:
                reply = await self._exchange(endpoint, params_of(request), sending, ticket.lane)
            finally:
                told = told_weight(reply.headers) if endpoint.pool is Pool.MARKET else None
                is_free = endpoint.is_free_when_done and reply.status == 200
                self._bank.settle(ticket, told=told, is_free=is_free)
        finally:
            self._counts.settle(count, reply.headers)
        if reply.status != 200:
            raise self._refused(endpoint, reply)
        try:
            return endpoint.read(reply.body)
        except (msgspec.MsgspecError, ValueError) as error:
            text = f"Binance's reply to {endpoint} could not be read: {error}"
            raise Unavailable(text) if endpoint.repeatable else OutcomeUnknown(text) from error

    def _refused(self, endpoint: Endpoint[Any, Any], reply: Reply) -> BotError:
        wait_s = told_wait_s(reply.status, reply.headers)
        if wait_s:
            # Too many orders is this account's own affair; anything else holds for the whole address.
            is_ours = error_code(reply.body) == TOO_MANY_ORDERS
            (self._counts if is_ours else self._bank).block(wait_s)
        error = refusal(reply.status, reply.body, self._hosts.market, repeatable=endpoint.repeatable, wait_s=wait_s)
        log.info("request.refused", request=str(endpoint), status=reply.status, reason=str(error))
        return error

    async def _exchange(
        self, endpoint: Endpoint[Any, Any], params: Params, sending: Sending | None, lane: Lane
    ) -> Reply:
        # First the timestamp, then the last look: a request held up after that look is too old for the exchange.
        url, form = self._address(endpoint, params, sending.signed_ms if sending else None)
        headers = self._key | (_FORM if form is not None else {}) if endpoint.security in _KEYED else {}
        timeout_s = self._read_timeout_s if endpoint.repeatable else self._order_timeout_s
        if sending:
            sending.check()
            reached("wire.first_byte")
        lane.is_out = True
        try:
            reply = await self._http.exchange(endpoint.method, url, form, headers, timeout_s)
        except NothingSent as error:
            lane.is_out = False
            raise Unavailable(
                f"cannot reach {self._hosts.rest} ({error}): nothing was sent; check network and address"
            ) from error
        except NoAnswer as error:
            text = f"no readable answer to {endpoint} from {self._hosts.rest} ({error})"
            raise Unavailable(text) if endpoint.repeatable else OutcomeUnknown(text) from error
        lane.is_out = False
        return reply

    def _address(self, endpoint: Endpoint[Any, Any], params: Params, signed_ms: int | None) -> tuple[str, bytes | None]:
        text = self._signed(params, signed_ms) if endpoint.security is Security.SIGNED else query_text(params)
        base = f"{self._hosts.rest}{endpoint.path}"
        if endpoint.method in {"POST", "PUT"}:
            return base, text.encode()
        return f"{base}?{text}" if text else base, None

    def _signed(self, params: Params, signed_ms: int | None) -> str:
        if self._sign is None or self._clock is None:
            raise Misconfigured("this request needs an API key: add one to the account")
        stamp = {
            "recvWindow": RECV_WINDOW_MS,
            "timestamp": self._clock.now_ms() if signed_ms is None else signed_ms,
        }
        return signed_query({**params, **stamp}, self._sign)


_NONE = Reply(0, {}, b"")
_KEYED = frozenset({Security.KEY, Security.SIGNED})


def _worth_repeating(error: BaseException) -> bool:
    # A wait that the bank itself refused to sit out is for the caller to decide about.
    return isinstance(error, Unavailable) and not (isinstance(error, Throttled) and error.wait_s > 60)


_backoff = wait_random_exponential(multiplier=0.1, max=5.0)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.wait_s if isinstance(error, Throttled) else _backoff(state)
