"""Orders on USD-M futures: as on spot, with a dead-man switch held by the exchange."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from bot.binance import futures
from bot.binance.caution import EVENTS
from bot.binance.client import Client
from bot.binance.clock import ExchangeClock
from bot.binance.conditional import News
from bot.binance.errors import NO_SUCH_ORDER
from bot.binance.execution import SignedBroker
from bot.binance.following import Patience
from bot.binance.listen_key import ListenKeyStream, tell
from bot.binance.own_acts import OwnActs
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.tracking import Tracked
from bot.binance.user_stream import OrderEvent, UserStream
from bot.binance.wire_new_futures import Countdown
from bot.binance.wire_user import AccountEvent, AlgoEvent, FuturesEvent, FuturesOrderEvent
from bot.domain.errors import BotError, Rejected
from bot.domain.messages import Event, ForeignSeen, FundsSeen, IncomeKind
from bot.domain.order import FORCED_PREFIXES, Order
from bot.ports import Deliver, Doubts, Newest, OpenOrder, Permit, Recall

log = structlog.get_logger()

LOOK_EVERY_S = 45.0
"""Between looks at what the exchange did by itself, when it says nothing of any; each costs 110 weight."""


class FuturesBroker(SignedBroker):
    """The broker of one USD-M account in one-way mode: one position a symbol.

    While an order of ours is open, the exchange holds a countdown that we keep pushing back: should we fall silent, it
    cancels the symbol's open orders by itself. A clean stop takes the countdown away and leaves the orders.

    Where a stop of ours stands there is no countdown: nobody says whether it would take the stop, too, and that has to
    outlive us.
    """

    def __init__(
        self,
        client: Client,
        credentials: Credentials,
        clock: ExchangeClock,
        *,
        patience: Patience | None = None,
        pace: Pace | None = None,
        income_since_ms: Mapping[str, int] | None = None,
    ) -> None:
        """`income_since_ms` is when the newest income on record was, by kind."""
        super().__init__(client, credentials, clock, patience=patience, pace=pace)
        self._acts = OwnActs(client, clock, self._hand_on, self._tell_fill, income_since_ms or {})
        self._has_acted = asyncio.Event()
        """Set when the exchange did something by itself, or may have."""
        self._looked = False
        """Whether the account was looked at since the last time that its turn came."""
        self._hear: Deliver = _nowhere
        self._funds: FundsSeen | None = None
        """The newest look at the money, until it is known to be no older than what was told."""
        self._armed: set[str] = set()
        """Symbols whose countdown runs."""
        self._unguarded = asyncio.Event()
        """Set when an order is sent on a symbol without a countdown, or a stop on one that has it."""

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        """Look at the clock and open the user stream. Raises Misconfigured, Unavailable or Rejected."""
        self._hear = deliver
        await super().start(self._hand_on, open_orders, permit, doubts)
        self._watchers.start(self._follow_acts(), "own-acts")
        if self.patience.dead_man_s:
            self._watchers.start(self._keep_armed(), "dead-man")

    async def reconcile(self, newest: Newest, recall: Recall | None = None) -> Sequence[ForeignSeen]:
        """Look at orders, at what the exchange did by itself, then at money. Raises BotError."""
        foreign: dict[ForeignSeen, None] = {}
        told = -1
        while self._acts.told != told:  # the money must not be older than what was told
            told = self._acts.told
            found = await super().reconcile(newest, recall)
            foreign |= dict.fromkeys(each for each in found if not each.client_order_id.startswith(FORCED_PREFIXES))
            await self._acts.look(self._ask_all_live)
        self._looked = True
        if self._funds is not None:
            self._hear(self._funds)
            self._funds = None
        return tuple(foreign)

    async def stop(self) -> None:
        """Let go; requests under way get a moment, then their orders are UNKNOWN."""
        await self._watchers.close()
        for symbol in sorted(self._armed):
            await self._arm(symbol, 0)
        await super().stop()

    def _user_stream(self, credentials: Credentials, pace: Pace | None) -> UserStream:  # noqa: ARG002
        return ListenKeyStream(self._client, self._on_event, self._on_break, pace, on_other=self._on_other)

    def _hand_on(self, event: Event) -> None:
        if isinstance(event, FundsSeen):
            self._funds = event
        else:
            self._hear(event)

    def _on_event(self, event: OrderEvent) -> None:
        if isinstance(event, FuturesOrderEvent) and event.our_id.startswith(FORCED_PREFIXES):
            self._acts.hear_of(event.o.s, event.number)
            self._has_acted.set()  # its trades are told when those before it are known
        else:
            super()._on_event(event)

    def _on_other(self, event: FuturesEvent) -> None:
        tell(event)
        if isinstance(event, AlgoEvent):
            self._on_conditional(event)
        elif isinstance(event, AccountEvent) and event.a.m in set(IncomeKind):
            self._has_acted.set()

    def _on_conditional(self, event: AlgoEvent) -> None:
        """Hear of an order that waits for a price; what it becomes is told like every order."""
        news = News(event)
        tracked = self._orders.get(news.our_id)
        if tracked is None and self._looks.has_given(event.o.aid):
            self._caution.look_again(EVENTS)  # (somebody else's, which was looked at before)
        elif tracked is not None and news.is_finished:
            self._doubt(tracked)  # what it became has ended, and we were not told how
        else:
            self._on_event(news)

    def _on_break(self) -> None:
        super()._on_break()
        self._has_acted.set()

    async def _follow_acts(self) -> None:
        """Look whenever the exchange said that it did something, and now and then: it may have said so in vain."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._has_acted.wait()
            looked, self._looked = self._looked, False
            if self._has_acted.is_set() or not looked:
                self._has_acted.clear()
                await self._acts.look_until_seen(self._ask_all_live)

    async def _ask_all_live(self) -> bool:
        """Ask where each open order stands; True when each has an answer, though it be that there is none (yet)."""
        is_answered = True
        for tracked in list(self._orders.live):
            try:
                is_answered &= await self._adopt(await self._query(tracked), tracked)
            except Rejected as error:
                is_answered &= error.code == NO_SUCH_ORDER
            except (BotError, ValueError):
                is_answered = False
        return is_answered

    async def _keep_armed(self) -> None:
        while True:
            live = self._orders.live
            guarded = {tracked.symbol for tracked in live if tracked.is_conditional}
            wanted = {tracked.symbol for tracked in live} - guarded
            # Noted before it is asked for: a stop amidst the request has to call it off all the same.
            self._armed |= wanted
            for symbol in sorted(self._armed):
                await self._arm(symbol, int(self.patience.dead_man_s * 1000) if symbol in wanted else 0)
            self._armed = wanted
            await self._until_next_look()

    async def _until_next_look(self) -> None:
        """Wait a quarter of the countdown, or until one is missing, or must not be there any more."""
        looks = [
            asyncio.ensure_future(self._clock.sleep(self.patience.dead_man_s / 4)),
            asyncio.ensure_future(self._unguarded.wait()),
        ]
        try:
            await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
        self._unguarded.clear()

    def _track(self, order: Order) -> Tracked:
        tracked = super()._track(order)
        if (order.symbol in self._armed) is tracked.is_conditional:
            self._unguarded.set()
        return tracked

    async def _arm(self, symbol: str, countdown_ms: int) -> None:
        try:
            await self._client.call(futures.COUNTDOWN, Countdown(symbol=symbol, countdownTime=countdown_ms))
        except BotError as error:
            log.warning("dead_man.not_set", symbol=symbol, countdown_ms=countdown_ms, reason=str(error))


def _nowhere(_event: Event) -> None:
    """Take an event before anybody listens."""
