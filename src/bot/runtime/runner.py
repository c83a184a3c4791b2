"""The runner: take one event, decide, write it down, then act. The shell around one account's engine."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence

import msgspec
import structlog

from bot.domain.errors import Unavailable
from bot.domain.market import Candle
from bot.domain.messages import (
    Attempt,
    CancelOrder,
    Event,
    OrderUpdate,
    Outcome,
    PlaceOrder,
    Tick,
)
from bot.domain.order import Fill, Order, OrderStatus
from bot.engine.engine import Engine
from bot.killpoints import reached
from bot.ports import Broker, Clock, Doubts, Journal
from bot.runtime.chronicle import note
from bot.runtime.inbox import Inbox

log = structlog.get_logger()

PATIENCE_S = 5.0
"""How old a decision may grow while the database is away; older ones are never sent."""


DOUBT_AFTER_S = 1.0
"""How long one record may take before no new risk is taken: whatever is on its way out stops at the gate."""
DATABASE = "database"
"""The name of that doubt."""


_RESTING = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})

GRACE_S = 5.0
"""What a decision under way gets to be written down and sent when we are told to stop."""


class Runner:
    """Keeps one account's engine fed."""

    def __init__(
        self,
        account: str,
        engine: Engine,
        journal: Journal,
        broker: Broker,
        inbox: Inbox,
        clock: Clock,
        doubts: Doubts | None = None,
    ) -> None:
        self.account = account
        self.inbox = inbox
        self.candles = 0
        self.last_candle_ms = 0
        self.is_waiting_for_database = False
        self._late_candles = 0
        self._away_s = 0.0
        self._engine = engine
        self._journal = journal
        self._broker = broker
        self._clock = clock
        self._doubts = doubts
        self._writing_since: float | None = None
        self._is_in_doubt = False

    @property
    def is_settled(self) -> bool:
        """True while all that was sent is answered: no order is on its way, and no exit waits for another's end."""
        return all(
            slot.awaited_exit is None and all(live.status in _RESTING for live in slot.live.values())
            for slot in self._engine.slots.values()
        )

    async def run(self) -> None:
        """Go on until cancelled."""
        async for event in self.inbox:
            await self.step(event)

    async def watch(self) -> None:
        """Doubt what we know while the journal does not take a record, until cancelled."""
        while True:
            since, now = self._writing_since, self._clock.monotonic()
            if since is None or self._is_in_doubt or self._doubts is None:
                await self._clock.sleep(DOUBT_AFTER_S / 2)
            elif (left_s := since + DOUBT_AFTER_S - now) > 0.001:
                await self._clock.sleep(left_s)
            else:
                self._is_in_doubt = True
                self._doubts.doubt(DATABASE, f"the database has taken no record for {DOUBT_AFTER_S:g} s")

    async def step(self, event: Event) -> None:
        """Take one event, and then all order facts that it brought about."""
        age_s = 0.0
        if isinstance(event, Candle):
            self._broker.see(event)
            await self._take_facts()
            if event.is_closed:
                self.candles += 1
                self.last_candle_ms = max(self.last_candle_ms, event.close_time)
                if self._late_candles:
                    self._late_candles -= 1
                    age_s = self._away_s
        await self._take(event, age_s)
        await self._take_facts()

    async def _take_facts(self) -> None:
        while (fact := self.inbox.next_fact()) is not None:
            await self._take(fact)

    async def _take(self, event: Event, age_s: float = 0.0) -> None:
        outcomes = self._engine.handle(event)
        if outcomes:
            await _to_its_end(self._carry_out(event, outcomes, age_s))

    async def _carry_out(self, event: Event, outcomes: Sequence[Outcome], age_s: float) -> None:
        placed = [each for each in outcomes if isinstance(each, PlaceOrder)]
        takes = {each.beside: each.order for each in placed if each.beside}
        attempts = self._attempts(placed, takes) if placed else {}
        age_s = max(age_s, await self._remember(event, [*outcomes, *attempts.values()] if attempts else outcomes))
        _pass_point(event)
        for outcome in outcomes:
            note(self.account, outcome)
            if isinstance(outcome, PlaceOrder):
                if not outcome.beside:  # (what stands beside another order left with it)
                    reached("attempt.committed")
                    name = outcome.order.client_order_id
                    await self._place(outcome, attempts[name], age_s, takes.get(name))
            elif isinstance(outcome, CancelOrder):
                reached("cancel.intent")
                await self._broker.execute(outcome)

    def _attempts(self, placed: Sequence[PlaceOrder], takes: Mapping[str, Order]) -> dict[str, Attempt]:
        """Say how each order will be sent. The two of a list go out in one request: they share all but their ids."""
        found: dict[str, Attempt] = {}
        for order in (each.order for each in placed if not each.beside):
            take = takes.get(order.client_order_id)
            attempt = msgspec.structs.replace(self._broker.prepare(order, take), epoch=self._engine.epoch)
            found[order.client_order_id] = attempt
            if take is not None:
                name = take.client_order_id
                found[name] = msgspec.structs.replace(attempt, client_order_id=name)
        return found

    async def _remember(self, event: Event, outcomes: Sequence[Outcome]) -> float:
        """Write until it is written: nothing is decided or sent meanwhile. Gives the seconds that took."""
        began = self._writing_since = self._clock.monotonic()
        queue: list[tuple[float, int]] = []
        while True:
            try:
                await self._journal.record(event, outcomes)
            except Unavailable as error:
                if not self.is_waiting_for_database:
                    log.error("journal.unavailable", account=self.account, cause=str(error))
                self.is_waiting_for_database = True
                queue.append((self._clock.monotonic(), self.inbox.waiting_candles))
                await self._clock.sleep(0.5)
                continue
            now = self._clock.monotonic()
            if self.is_waiting_for_database:
                log.info("journal.returned", account=self.account, waited_s=round(now - began, 1))
                # Candles that waited too long as well are history: they are decided on, and nothing is sent.
                late = max((count for when, count in queue if now - when > PATIENCE_S), default=0)
                self._late_candles = max(self._late_candles, late)
                self._away_s = now - began
            self.is_waiting_for_database = False
            self._writing_since = None
            if self._is_in_doubt and self._doubts is not None:
                self._is_in_doubt = False
                self._doubts.settle(DATABASE)
            return now - began

    async def _place(self, command: PlaceOrder, attempt: Attempt, age_s: float, take: Order | None) -> None:
        if age_s > PATIENCE_S:
            reason = f"not sent: the database was away for {age_s:.0f} s"
            for order in (command.order, take) if take else (command.order,):
                self.inbox.put(OrderUpdate(order.client_order_id, OrderStatus.VOID, order.created_ms, reason=reason))
            return
        await self._broker.execute(command, attempt, take)


def _pass_point(event: Event) -> None:
    match event:
        case Fill():
            reached("event.journaled")
        case OrderUpdate():
            reached("ack.committed")
        case Tick():
            reached("strategy_state.committed")
        case _:
            pass


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Do not break off half way: what is decided is written and sent, or neither, before a stop is obeyed."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=GRACE_S)
        finally:
            task.cancel()  # also when told a second time: nothing may be sent behind our back later
        await asyncio.gather(task, return_exceptions=True)
        raise
