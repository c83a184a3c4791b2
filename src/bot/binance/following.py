"""What becomes of our orders: each is followed until its end is known, by replies, the user stream, and by asking.

An outcome we did not read is UNKNOWN, and it leaves that state by proof alone: the exchange shows the order, or denies
it after the fence, when no late request of ours can arrive any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.binance.caution import EVENTS, STREAM, Caution
from bot.binance.client import Client, OrderSeen
from bot.binance.clock import ExchangeClock
from bot.binance.errors import ARCHIVED, NO_SUCH_ORDER, Throttled
from bot.binance.reconciliation import Reconciliation
from bot.binance.rest import RECV_WINDOW_MS
from bot.binance.tasks import Tasks
from bot.binance.tracking import Orders, Tracked
from bot.binance.user_stream import OrderEvent
from bot.domain.errors import BotError, Rejected
from bot.domain.market import Market
from bot.domain.messages import ForeignSeen, OrderUpdate
from bot.domain.order import Fill, Order, OrderStatus, Side
from bot.killpoints import reached
from bot.ports import Deliver, Newest, OpenOrder, Recall

log = structlog.get_logger()

AFTER_FENCE_S = 0.01
"""How long after the fence an order of unknown outcome is asked for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for proof."""

    fence_ms: int = RECV_WINDOW_MS + 10_000 + 5_000
    """After signing, in exchange time: recvWindow, the exchange's own 10 s limit, and 5 s for reads that lag."""
    poll_first_s: float = 0.25
    poll_max_s: float = 5.0
    cancel_rounds: int = 12
    dead_man_s: float = 120.0
    """Futures: how long the exchange leaves our open orders when it hears nothing of us; 0 is for ever."""
    stop_s: float = 2.0
    """What requests under way get at the end, before they become unknown."""


class Following:
    """Follows the orders of one account, and tells `deliver` each thing once."""

    def __init__(self, client: Client, clock: ExchangeClock, patience: Patience | None) -> None:
        self.patience = patience or Patience()
        self._client = client
        self._clock = clock
        self._deliver: Deliver = _nowhere
        self._orders = Orders()
        self._left_open: dict[str, int] = {}
        """When orders were signed that nobody asks for until the next look."""
        self._caution = Caution(clock)
        self._looks = Reconciliation(client, clock, self._orders, self._adopt, self._tell_fill, self._bury)
        self._tasks = Tasks()

    async def reconcile(self, newest: Newest, recall: Recall | None = None) -> Sequence[ForeignSeen]:
        """Look at the exchange, tell what we missed, then the money; give what is not ours. Raises BotError."""
        reached("recon.started")
        async with self._caution:
            seen = await self._looks.look(newest, set(self._left_open), recall)
        if seen.risen:
            self._caution.accuse(
                f"{'; '.join(seen.risen)}: an order that counts as ended lives; cancel at Binance what is not wanted, "
                "compare (bot reconcile --dry-run), then: bot resume"
            )
        elif seen.suspects:
            self._caution.puzzled(f"ended on record, and shown as open: {', '.join(seen.suspects)}")
        if seen.funds is not None:
            self._deliver(seen.funds)
        reached("recon.repaired")
        self._resolve_left_open()
        return seen.foreign

    def _take_over(self, open_orders: Sequence[OpenOrder]) -> None:
        """Go on with orders of before the start, from the next look on."""
        for each in open_orders:
            tracked = self._track(each.order)
            if tracked.is_conditional:  # (which of its two numbers was told last, nobody wrote down)
                tracked.was_shown = bool(each.exchange_order_id)
            else:
                self._orders.name(tracked, each.exchange_order_id)
            # Signed at a time that nobody wrote down, it was signed before now.
            self._left_open[tracked.id] = each.attempt.signed_ms if each.attempt else self._clock.now_ms()

    def _resolve_left_open(self) -> None:
        """Go on asking for orders that were left open and that the exchange has not shown."""
        left_open, self._left_open = self._left_open, {}
        for client_order_id, signed_ms in left_open.items():
            tracked = self._orders.get(client_order_id)
            if tracked is not None and not tracked.was_found:
                self._tasks.start(self._resolve(tracked, signed_ms), f"resolve-{tracked.id}")

    async def _resolve(self, tracked: Tracked, signed_ms: int) -> None:
        """Ask until the exchange shows the order, or denies it after the fence."""
        delay = self.patience.poll_first_s
        fence_ms = signed_ms + self.patience.fence_ms
        while tracked.is_unproven:
            asked_ms = self._clock.now_ms()
            try:
                async with self._caution:
                    if await self._adopt(await self._query(tracked), tracked):
                        return
            except Throttled as error:
                await self._clock.sleep(error.wait_s)
                delay = self.patience.poll_first_s
                continue
            except Rejected as error:
                is_denied = error.code == NO_SUCH_ORDER and asked_ms >= fence_ms
                if error.code == ARCHIVED or (is_denied and tracked.was_there):
                    self._bury(tracked)  # (it was there once: whoever denies it now has forgotten it)
                    return
                if is_denied:
                    self._tell(tracked, OrderStatus.VOID, reason="the exchange never had it")
                    return
            except (BotError, ValueError) as error:
                log.warning("order.unresolved", client_order_id=tracked.id, reason=str(error))
            if self._caution.is_refused:
                self._left_open[tracked.id] = signed_ms
                return
            fence_s = self._clock.seconds_until(fence_ms)
            if 0 < fence_s < delay:
                await self._clock.sleep(fence_s + AFTER_FENCE_S)
                delay = self.patience.poll_first_s
            else:
                await self._clock.sleep(delay)
                delay = min(2 * delay, self.patience.poll_max_s)

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

    async def _query(self, tracked: Tracked) -> OrderSeen:
        return await self._client.query(tracked.symbol, tracked.id, is_conditional=tracked.is_conditional)

    async def _ask(self, tracked: Tracked) -> bool:
        """Ask once where an order stands; False when there is no answer to take over (yet)."""
        try:
            async with self._caution:
                return await self._adopt(await self._query(tracked), tracked)
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

    def _on_break(self) -> None:
        """Events of the user stream may have been missed, and come again."""
        self._caution.look_again(STREAM)

    def _on_event(self, event: OrderEvent) -> None:
        reached("event.received")
        fill = event.fill(self._client.hosts.market)
        update = event.update()
        tracked = self._orders.get(event.our_id)
        if fill is not None and self._orders.remembers(event.our_id):
            self._tell_fill(fill)
        if tracked is None:
            self._wonder(event, is_alive=fill is not None or (update is not None and update.status.is_open))
            return
        tracked.was_found = True
        self._orders.name(tracked, event.number)
        if update is None:
            self._caution.puzzled(f"order {tracked.id} is in a state that is not known here: it may be an end")
            return
        if event.filled > tracked.filled:
            # Told now, the order would count as ended without its trades: nobody would ask for them again.
            self._doubt(tracked)
            return
        self._tell(tracked, update.status, update.exchange_order_id, update.reason, time_ms=update.time_ms)

    def _doubt(self, tracked: Tracked) -> None:
        """Ask how an order stands: the user stream knows more of it than we were told."""
        tracked.doubts += 1
        if tracked.doubts == 1:
            self._tasks.start(self._catch_up(tracked), f"catch-up-{tracked.id}")

    def _wonder(self, event: OrderEvent, *, is_alive: bool) -> None:
        """Ask for a look at an order that nobody sent from here; once it was looked at, it is no reason for doubt."""
        if ended := self._orders.end_of(event.our_id):
            if is_alive and ended in {OrderStatus.VOID, OrderStatus.REJECTED}:
                self._caution.puzzled(f"order {event.our_id} is {ended} on record, and the exchange tells of it")
            return
        if self._looks.has_given(event.number):
            self._caution.look_again(EVENTS)
        else:
            self._caution.puzzled(f"order {event.our_id} is not of this bot, or it was forgotten")

    def _bury(self, tracked: Tracked) -> None:
        """Tell the end of an order that the exchange has had and shows no more."""
        self._tell(tracked, OrderStatus.CANCELED, reason="the exchange has archived it: it ended long ago")

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

    def _track(self, order: Order) -> Tracked:
        is_conditional = order.market is Market.FUTURES and order.stop_price is not None
        return self._orders.track(order.client_order_id, order.symbol, order.market, is_conditional=is_conditional)


def _nowhere(_event: object) -> None:
    """Take an event before anybody listens."""
