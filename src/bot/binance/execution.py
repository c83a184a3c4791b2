"""Orders on the real exchange (or one that looks like it): sent once, cancelled until they ended."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from bot.binance.cancel_all import cancel_all
from bot.binance.client import Client, OrderSeen
from bot.binance.clock import ExchangeClock
from bot.binance.endpoints import Sending
from bot.binance.errors import ClockOff, Throttled
from bot.binance.following import Following, Patience
from bot.binance.listen_key import ListenKeyStream
from bot.binance.rest import RECV_WINDOW_MS
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.tasks import Tasks
from bot.binance.tracking import Tracked
from bot.binance.user_data import UserData
from bot.binance.user_stream import UserStream
from bot.domain.errors import BotError, Misconfigured, OutcomeUnknown, Rejected, Unavailable
from bot.domain.market import Candle, Market
from bot.domain.messages import Attempt, CancelOrder, Command, PlaceOrder
from bot.domain.order import Order, OrderStatus, Purpose
from bot.killpoints import reached
from bot.ports import Deliver, Doubts, OpenOrder, Permit, Swept

log = structlog.get_logger()


AHEAD_MS = 1_000
"""The exchange takes no request that was signed further ahead of its time."""


class SignedBroker(Following):
    """The broker of one account (`ports.Broker`), for rehearsal and live. It owns its client: `stop` closes it."""

    def __init__(
        self,
        client: Client,
        credentials: Credentials,
        clock: ExchangeClock,
        *,
        patience: Patience | None = None,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(client, clock, patience)
        self._cancelling: set[str] = set()
        self._watchers = Tasks()
        self._user = self._user_stream(credentials, pace)
        self._user.on_lost = self._caution.lost
        self._user.on_puzzle = self._caution.puzzled
        self._user.on_refused = self._caution.halt
        self._permit: Permit = _always

    def _user_stream(self, credentials: Credentials, pace: Pace | None) -> UserStream:
        if self._client.hosts.market is Market.FUTURES:
            return ListenKeyStream(self._client, self._on_event, self._on_break, pace)
        client = self._client
        return UserData(
            client.hosts.ws_api, credentials, self._clock, self._on_event, self._on_break, pace, client.wires.dial,
            bank=client.bank,
        )  # fmt: skip

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        """Look at the clock and open the user stream. Raises Misconfigured, Unavailable or Rejected."""
        self._deliver = deliver
        self._permit = permit or _always
        self._caution.doubts = doubts
        await self._clock.sync()
        await self._client.open()
        await self._user.start()
        self._take_over(open_orders)
        self._watchers.start(self._clock.keep(), "clock")

    def prepare(self, order: Order, take: Order | None = None) -> Attempt:
        """Say how an order will be sent: the time in it is the one that it will be signed with."""
        digest = self._client.digest(order, take)
        return Attempt(order.client_order_id, self._clock.now_ms(), RECV_WINDOW_MS, digest=digest)

    async def execute(self, command: Command, attempt: Attempt | None = None, take: Order | None = None) -> None:
        """Carry a command out in a task of its own; what becomes of it is delivered."""
        if isinstance(command, CancelOrder):
            name = command.client_order_id
            if name not in self._cancelling:  # (asked for again, it goes on as it does)
                self._cancelling.add(name)
                task = self._tasks.start(self._cancel(command), f"cancel-{name}")
                task.add_done_callback(lambda _: self._cancelling.discard(name))
        else:
            order = command.order
            self._track(order)
            attempt = attempt or self.prepare(order, take)
            if take is not None:
                self._track(take)
            self._tasks.start(self._place(command, attempt, take), f"place-{order.client_order_id}")

    async def cancel_all(self, *, everything: bool = False) -> Swept:
        """Cancel every open order of the account on this market but our stops, or `everything`. Raises BotError."""
        return await cancel_all(self._client, self._clock, everything=everything)

    def see(self, candle: Candle) -> None:
        """Nothing to do: this broker's fills come from the exchange."""

    async def stop(self) -> None:
        """Let go; requests under way get a moment, then their orders are UNKNOWN."""
        await self._watchers.close()
        await self._tasks.close(grace_s=self.patience.stop_s)
        await self._user.close()
        await self._tasks.close()  # what the user stream's last words began
        await self._client.close()

    async def _place(self, command: PlaceOrder, attempt: Attempt, take: Order | None) -> None:
        """Send an order, or the one list that it is with its take profit; each of them is followed by itself."""
        order = command.order
        orders = (order,) if take is None else (order, take)
        tracked = [self._track(each) for each in orders]
        try:
            replies = await self._send(
                order, take, Sending(attempt.signed_ms, lambda: self._objection(command, attempt))
            )
            reached("reply.parsed")
            if order.purpose is Purpose.STOP:
                reached("stop.placed")
        except OutcomeUnknown as error:
            self._tell_all(tracked, OrderStatus.UNKNOWN, str(error))
        except Unavailable as error:
            self._tell_all(tracked, OrderStatus.VOID, str(error))
            return
        except (Rejected, Misconfigured) as error:
            for each in tracked:
                self._refused(each, error)
            return
        except asyncio.CancelledError:
            self._tell_all(tracked, OrderStatus.UNKNOWN, "stopped before the answer came")
            raise
        else:
            log.info("order.sent", client_order_id=order.client_order_id, symbol=order.symbol)
            for each in tracked:
                reply = next((told for told in replies if told.our_id == each.id), replies[0] if replies else None)
                if reply is None or not await self._adopt_safely(reply, each, order.side):
                    self._tell_unknown(each, "the answer did not fit the order")
        await asyncio.gather(*(self._resolve(each, attempt.signed_ms) for each in tracked))

    async def _send(self, order: Order, take: Order | None, sending: Sending) -> Sequence[OrderSeen]:
        async with self._caution:
            if take is None:
                replies: Sequence[OrderSeen] = [await self._client.place(order, sending)]
            else:
                replies = await self._client.place_pair(order, take, sending)
        return replies

    def _tell_all(self, tracked: Sequence[Tracked], status: OrderStatus, reason: str) -> None:
        for each in tracked:
            if status is OrderStatus.UNKNOWN:
                self._tell_unknown(each, reason)
            else:
                self._tell(each, status, reason=reason)

    def _objection(self, command: Command, attempt: Attempt | None) -> str:
        """Say why a command may not leave now, or nothing."""
        age_ms = self._clock.now_ms() - attempt.signed_ms if attempt else 0
        if age_ms < -AHEAD_MS:
            return f"it was signed by a clock that was {-age_ms / 1000:.1f} s ahead"
        if attempt and age_ms > attempt.recv_window_ms:
            return f"it was held up for {age_ms / 1000:.1f} s after its decision was written down"
        return self._permit(command, attempt)

    async def _cancel(self, command: CancelOrder) -> None:
        """Cancel until the order has ended: each refusal is followed by a question, none by an assumption."""
        tracked = self._orders.get(command.client_order_id)
        if tracked is None:
            return  # It ended before, and its end was told then.
        delay = self.patience.poll_first_s
        rounds = self.patience.cancel_rounds
        while rounds:
            if why := self._objection(command, None):
                log.warning("order.cancel_held_back", client_order_id=tracked.id, reason=why)
                return
            try:
                reached("cancel.wire")
                async with self._caution:
                    reply = await self._client.cancel(
                        command.symbol, command.client_order_id, is_conditional=tracked.is_conditional
                    )
                reached("cancel.ack")
            except Throttled as error:
                # Nothing was sent, or nothing was done: no round is lost while the exchange wants us to wait.
                await self._clock.sleep(error.wait_s)
                if not tracked.is_live:
                    return
                continue
            except Misconfigured as error:
                log.error("order.cancel_refused", client_order_id=tracked.id, reason=str(error))
                return
            except BotError as error:
                log.info("order.cancel_unanswered", client_order_id=tracked.id, reason=str(error))
            else:
                await self._adopt_safely(reply, tracked)
            if tracked.is_live:
                await self._ask(tracked)
            if not tracked.is_live:
                return
            rounds -= 1
            await self._clock.sleep(delay)
            delay = min(2 * delay, self.patience.poll_max_s)
        log.error("order.still_open", client_order_id=tracked.id, symbol=tracked.symbol)

    def _refused(self, tracked: Tracked, error: Rejected | Misconfigured) -> None:
        log.warning("order.refused", client_order_id=tracked.id, symbol=tracked.symbol, reason=str(error))
        code = error.code if isinstance(error, Rejected) else 0
        self._tell(tracked, OrderStatus.REJECTED, reason=str(error), code=code)
        if isinstance(error, ClockOff):
            self._tasks.start(self._set_clock(), "clock")

    async def _set_clock(self) -> None:
        with suppress(BotError):
            await self._caution.mend()


class SpotBroker(SignedBroker):
    """The broker of one spot account."""


def _always(_command: Command, _attempt: Attempt | None) -> str:
    """Object to nothing."""
    return ""
