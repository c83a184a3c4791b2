"""Orders on the real exchange (or one that looks like it): sent once, and followed until their end is known.

An outcome we did not read is UNKNOWN, and it leaves that state by proof alone: the exchange shows the order, or denies
it after the fence, when no late request of ours can arrive any more.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from bot.binance.cancel_all import cancel_all
from bot.binance.caution import EVENTS, STREAM, Caution
from bot.binance.client import Client, OrderSeen
from bot.binance.clock import ExchangeClock
from bot.binance.endpoints import Sending
from bot.binance.errors import NO_SUCH_ORDER, ClockOff, Throttled
from bot.binance.listen_key import ListenKeyStream
from bot.binance.reconciliation import Reconciliation
from bot.binance.rest import RECV_WINDOW_MS
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.tasks import Tasks
from bot.binance.tracking import Orders, Tracked
from bot.binance.user_data import UserData
from bot.binance.user_stream import OrderEvent, UserStream
from bot.domain.errors import BotError, Misconfigured, OutcomeUnknown, Rejected, Unavailable
from bot.domain.market import Candle, Market
from bot.domain.messages import Attempt, CancelOrder, Command, OrderUpdate, PlaceOrder
from bot.domain.order import Fill, Order, OrderStatus, Purpose, Side
from bot.killpoints import reached
from bot.ports import Deliver, Doubts, Foreign, Newest, OpenOrder, Permit, Swept

log = structlog.get_logger()


AHEAD_MS = 1_000
"""The exchange takes no request that was signed further ahead of its time."""
AFTER_FENCE_S = 0.01
"""How long after the fence an order of unknown outcome is asked for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for proof."""

    fence_ms: int = RECV_WINDOW_MS + 10_000 + 5_000
    """After signing, in exchange time: recvWindow, the exchange's own 10 s limit, and 5 s for reads that lag."""
    poll_first_s: float = 0.25
    poll_max_s: float = 5.0
    audit_s: float = 30.0
    """Between looks at open orders, for the day on which the user stream drops an event."""
    cancel_rounds: int = 12
    dead_man_s: float = 120.0
    """Futures: how long the exchange leaves our open orders when it hears nothing of us; 0 is for ever."""
    stop_s: float = 2.0
    """What requests under way get at the end, before they become unknown."""


class SignedBroker:
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
        self._client = client
        self._clock = clock
        self.patience = patience or Patience()
        self._orders = Orders()
        self._caution = Caution(clock)
        self._looks = Reconciliation(client, clock, self._orders, self._adopt, self._tell_fill)
        self._left_open: dict[str, int] = {}
        """When orders were signed that nobody asks for until the next look."""
        self._cancelling: set[str] = set()
        self._tasks = Tasks()
        self._watchers = Tasks()
        self._user = self._user_stream(credentials, pace)
        self._user.on_lost = self._caution.lost
        self._user.on_puzzle = self._on_puzzle
        self._user.on_refused = self._caution.halt
        self._deliver: Deliver = _nowhere
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
        for each in open_orders:
            tracked = self._track(each.order.client_order_id, each.order.symbol, each.order.market)
            self._orders.name(tracked, each.exchange_order_id)
            # Signed at a time that nobody wrote down, it was signed before now.
            signed_ms = each.attempt.signed_ms if each.attempt else self._clock.now_ms()
            self._left_open[tracked.id] = signed_ms
        self._watchers.start(self._clock.keep(), "clock")
        self._watchers.start(self._audit(), "audit")

    async def reconcile(self, newest: Newest) -> Sequence[Foreign]:
        """Look at the exchange, tell what we missed, then the money; give what is not ours. Raises BotError."""
        reached("recon.started")
        async with self._caution:
            seen = await self._looks.look(newest, set(self._left_open))
        if seen.funds is not None:
            self._deliver(seen.funds)
        reached("recon.repaired")
        self._resolve_left_open()
        return seen.foreign

    def prepare(self, order: Order) -> Attempt:
        """Say how an order will be sent: the time in it is the one that it will be signed with."""
        digest = self._client.digest(order)
        return Attempt(order.client_order_id, self._clock.now_ms(), RECV_WINDOW_MS, digest=digest)

    async def execute(self, command: Command, attempt: Attempt | None = None) -> None:
        """Carry a command out in a task of its own; what becomes of it is delivered."""
        if isinstance(command, CancelOrder):
            name = command.client_order_id
            if name not in self._cancelling:  # (asked for again, it goes on as it does)
                self._cancelling.add(name)
                task = self._tasks.start(self._cancel(command), f"cancel-{name}")
                task.add_done_callback(lambda _: self._cancelling.discard(name))
        else:
            order = command.order
            self._track(order.client_order_id, order.symbol, order.market)
            attempt = attempt or self.prepare(order)
            self._tasks.start(self._place(command, attempt), f"place-{order.client_order_id}")

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

    def _resolve_left_open(self) -> None:
        """Go on asking for orders that were left open and that the exchange has not shown."""
        left_open, self._left_open = self._left_open, {}
        for client_order_id, signed_ms in left_open.items():
            tracked = self._orders.get(client_order_id)
            if tracked is not None and not tracked.was_found:
                self._tasks.start(self._resolve(tracked, signed_ms), f"resolve-{tracked.id}")

    async def _place(self, command: PlaceOrder, attempt: Attempt) -> None:
        order = command.order
        tracked = self._track(order.client_order_id, order.symbol, order.market)
        sending = Sending(attempt.signed_ms, lambda: self._objection(command, attempt))
        try:
            async with self._caution:
                reply = await self._client.place(order, sending)
            reached("reply.parsed")
            if order.purpose is Purpose.STOP:
                reached("stop.placed")
        except OutcomeUnknown as error:
            self._tell_unknown(tracked, str(error))
        except Unavailable as error:
            self._tell(tracked, OrderStatus.VOID, reason=str(error))
            return
        except (Rejected, Misconfigured) as error:
            self._refused(tracked, error)
            return
        except asyncio.CancelledError:
            self._tell_unknown(tracked, "stopped before the answer came")
            raise
        else:
            log.info("order.sent", client_order_id=order.client_order_id, symbol=order.symbol, status=reply.status)
            if await self._adopt_safely(reply, tracked, order.side):
                return
            self._tell_unknown(tracked, "the answer did not fit the order")
        await self._resolve(tracked, attempt.signed_ms)

    def _objection(self, command: Command, attempt: Attempt | None) -> str:
        """Say why a command may not leave now, or nothing."""
        age_ms = self._clock.now_ms() - attempt.signed_ms if attempt else 0
        if age_ms < -AHEAD_MS:
            return f"it was signed by a clock that was {-age_ms / 1000:.1f} s ahead"
        if attempt and age_ms > attempt.recv_window_ms:
            return f"it was held up for {age_ms / 1000:.1f} s after its decision was written down"
        return self._permit(command, attempt)

    async def _resolve(self, tracked: Tracked, signed_ms: int) -> None:
        """Ask until the exchange shows the order, or denies it after the fence."""
        delay = self.patience.poll_first_s
        while tracked.is_unproven:
            asked_ms = self._clock.now_ms()
            try:
                async with self._caution:
                    if await self._adopt(await self._client.query(tracked.symbol, tracked.id), tracked):
                        return
            except Throttled as error:
                await self._clock.sleep(error.wait_s)
                delay = self.patience.poll_first_s
                continue
            except Rejected as error:
                if error.code == NO_SUCH_ORDER and asked_ms >= signed_ms + self.patience.fence_ms:
                    self._tell(tracked, OrderStatus.VOID, reason="the exchange never had it")
                    return
            except (BotError, ValueError) as error:
                log.warning("order.unresolved", client_order_id=tracked.id, reason=str(error))
            if self._caution.is_refused:
                self._left_open[tracked.id] = signed_ms
                return
            fence_s = self._clock.seconds_until(signed_ms + self.patience.fence_ms)
            if 0 < fence_s < delay:
                await self._clock.sleep(fence_s + AFTER_FENCE_S)
                delay = self.patience.poll_first_s
            else:
                await self._clock.sleep(delay)
                delay = min(2 * delay, self.patience.poll_max_s)

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
                    reply = await self._client.cancel(command.symbol, command.client_order_id)
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

    async def _adopt(self, reply: OrderSeen, tracked: Tracked) -> bool:
        """Take over what the exchange says of an order, its trades first; False when it does not make sense (yet)."""
        update = reply.update()
        if update is None or not tracked.fits(reply):
            log.error("order.reply_unfit", client_order_id=tracked.id, told=reply.our_id, status=reply.status)
            return False
        self._orders.name(tracked, reply.orderId)
        if reply.executedQty > tracked.filled:
            for row in await self._client.trades_of(tracked.symbol, reply.orderId):
                self._tell_fill(row.fill(tracked.id, tracked.market))
            if reply.executedQty > tracked.filled:
                return False  # The exchange's reads lag behind its orders.
        tracked.was_found = True
        self._tell(tracked, update.status, update.exchange_order_id, update.reason, time_ms=update.time_ms)
        return True

    async def _adopt_safely(self, reply: OrderSeen, tracked: Tracked, side: Side | None = None) -> bool:
        """Take over a reply, with the fills that it carries when its `side` is told; False when it cannot be."""
        try:
            if side is not None and tracked.fits(reply):
                for fill in reply.our_fills(side, tracked.market):
                    self._tell_fill(fill)
            return await self._adopt(reply, tracked)
        except (BotError, ValueError) as error:
            log.warning("order.unresolved", client_order_id=tracked.id, reason=str(error))
            return False

    async def _ask(self, tracked: Tracked) -> bool:
        """Ask once where an order stands; False when there is no answer to take over (yet)."""
        try:
            async with self._caution:
                return await self._adopt(await self._client.query(tracked.symbol, tracked.id), tracked)
        except (BotError, ValueError) as error:
            log.info("order.unanswered", client_order_id=tracked.id, reason=str(error))
            return False

    async def _catch_up(self, tracked: Tracked) -> None:
        """Ask until no trade is missing: the user stream dropped some, and the order may have ended since."""
        delay = self.patience.poll_first_s
        while tracked.is_live:
            doubts = tracked.doubts
            if (await self._ask(tracked) and tracked.doubts == doubts) or self._caution.is_refused:
                break
            await self._clock.sleep(delay)
            delay = min(2 * delay, self.patience.poll_max_s)
        tracked.doubts = 0

    async def _audit(self) -> None:
        while True:
            await self._clock.sleep(self.patience.audit_s)
            await self._ask_about_all()

    async def _ask_about_all(self) -> None:
        for tracked in self._orders.live:
            if tracked.was_found and tracked.is_live:
                await self._ask(tracked)

    def _on_break(self) -> None:
        """Events of the user stream may have been missed, and come again."""
        self._caution.look_again(STREAM)
        self._tasks.start(self._ask_about_all(), "gap")

    def _on_puzzle(self, reason: str) -> None:
        """Something was told that may mean anything."""
        self._caution.puzzled(reason)
        self._tasks.start(self._ask_about_all(), "puzzle")

    def _on_event(self, event: OrderEvent) -> None:
        reached("event.received")
        if fill := event.fill(self._client.hosts.market):
            self._tell_fill(fill)
        update = event.update()
        tracked = self._orders.get(event.our_id)
        if tracked is None:
            self._wonder(event)
            return
        tracked.was_found = True
        self._orders.name(tracked, event.number)
        if update is None:
            self._on_puzzle(f"order {tracked.id} is in a state that is not known here: it may be an end")
            return
        if event.filled > tracked.filled:
            # Told now, the order would count as ended without its trades: nobody would ask for them again.
            tracked.doubts += 1
            if tracked.doubts == 1:
                self._tasks.start(self._catch_up(tracked), f"catch-up-{tracked.id}")
            return
        self._tell(tracked, update.status, update.exchange_order_id, update.reason, time_ms=update.time_ms)

    def _wonder(self, event: OrderEvent) -> None:
        """Ask for a look at an order that nobody sent from here; once it was looked at, it is no reason for doubt."""
        if self._orders.knew(event.our_id):
            return
        if self._looks.has_given(event.number):
            self._caution.look_again(EVENTS)
        else:
            self._caution.puzzled(f"order {event.our_id} is not of this bot, or it was forgotten")

    def _refused(self, tracked: Tracked, error: Rejected | Misconfigured) -> None:
        log.warning("order.refused", client_order_id=tracked.id, symbol=tracked.symbol, reason=str(error))
        code = error.code if isinstance(error, Rejected) else 0
        self._tell(tracked, OrderStatus.REJECTED, reason=str(error), code=code)
        if isinstance(error, ClockOff):
            self._tasks.start(self._set_clock(), "clock")

    async def _set_clock(self) -> None:
        with suppress(BotError):
            await self._caution.mend()

    def _tell_unknown(self, tracked: Tracked, reason: str) -> None:
        log.warning("order.unknown", client_order_id=tracked.id, symbol=tracked.symbol, reason=reason)
        self._tell(tracked, OrderStatus.UNKNOWN, reason=reason)

    def _tell(
        self,
        tracked: Tracked,
        status: OrderStatus,
        exchange_order_id: int = 0,
        reason: str = "",
        *,
        code: int = 0,
        time_ms: int = 0,
    ) -> None:
        if tracked.move(status):
            at = time_ms or self._clock.now_ms()
            self._deliver(OrderUpdate(tracked.id, status, at, exchange_order_id, reason, code))
            if not tracked.is_live:
                self._orders.end(tracked)
            self._caution.count_unknown(self._orders.unknown)

    def _tell_fill(self, fill: Fill) -> None:
        if self._orders.is_news(fill):
            self._deliver(fill)

    def _track(self, client_order_id: str, symbol: str, market: Market) -> Tracked:
        return self._orders.track(client_order_id, symbol, market)


class SpotBroker(SignedBroker):
    """The broker of one spot account."""


def _always(_command: Command, _attempt: Attempt | None) -> str:
    """Object to nothing."""
    return ""


def _nowhere(_event: object) -> None:
    """Take an event before anybody listens."""
