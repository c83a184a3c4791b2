"""A journal in memory, and a database of such journals that can be slow, away, or die at the worst moment.

It keeps the promises of `ports.Journal` by the same contract test as PostgreSQL's.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from random import Random

from bot.db.leases import LeaseLost
from bot.db.replay import Replay
from bot.domain.errors import BotError, Unavailable
from bot.domain.messages import Event, Outcome
from bot.domain.order import OrderStatus
from bot.ports import Recovered
from bot.proof.lease import Turns


class MemoryJournal:
    """Remembers for as long as it lives. `is_away` True makes it unavailable."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.outcomes: list[Outcome] = []
        self.is_away = False
        self._replay = Replay()

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember what came out of an event, all of it or nothing."""
        if self.is_away:
            raise Unavailable("the journal is away")
        self.commit(event, outcomes)

    def commit(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember at once."""
        self._replay.check(outcomes)
        self.events.append(event)
        self.outcomes += outcomes
        for each in outcomes:
            self._replay.take(each)

    async def knows(self, client_order_ids: Collection[str]) -> Mapping[str, OrderStatus]:
        """Give those of these orders that were ever intended here, with where they stand."""
        if self.is_away:
            raise Unavailable("the journal is away")
        orders = self._replay.orders
        return {name: orders[name].status for name in client_order_ids if name in orders}

    async def recover(self) -> Recovered:
        """Give the state to go on from."""
        if self.is_away:
            raise Unavailable("the journal is away")
        return self._replay.state()

    def state(self) -> Recovered:
        """Give what everything comes to, kept up to date with each record."""
        return self._replay.state()

    def replay(self) -> Recovered:
        """Fold everything again from the very first record."""
        replay = Replay()
        for each in self.outcomes:
            replay.take(each)
        return replay.state()

    async def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class Strain:
    """What is wrong with a database: chances by transaction, times in seconds."""

    delay_s: float = 0.001
    slow: float = 0.0
    slow_s: float = 3.0
    away_before: float = 0.0
    """It goes away before the commit: nothing of the transaction is kept."""
    away_after: float = 0.0
    """It commits and goes away before it says so."""

    def ease(self) -> None:
        """Let nothing go wrong from now on."""
        self.slow = self.away_before = self.away_after = 0.0


class Database:
    """What outlives the processes that write to it. Each process has a connection of its own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        strain: Strain,
        lots: Random,
        on_commit: Callable[[Event, Sequence[Outcome]], None],
    ) -> None:
        self.journal = MemoryJournal()
        self.turns = Turns(loop.time)
        self.loop, self.strain = loop, strain
        self._writing = 0
        """How many transactions hold on to the turn."""
        self._waiting: list[Callable[[], None]] = []
        """What changes the turn, and waits for those."""
        self._lots = lots
        self._on_commit = on_commit
        self._outside = copy_context()

    def connect(self, epoch: int) -> "ConnectedJournal":
        """Give a process its connection, to write under this epoch."""
        return ConnectedJournal(self, epoch)

    async def carry_out(self, work: Callable[[], None]) -> None:
        """Do something in a transaction: once it is on its way, nobody's death stops it. Raises Unavailable."""
        told: asyncio.Future[None] = self.loop.create_future()
        self.loop.call_later(self._delay_s(), self._commit, work, told, context=self._outside.copy())
        await told

    async def change_turns(self, work: Callable[[], None]) -> None:
        """Do something to the lease in a transaction: it waits for those that hold on to the turn."""
        told: asyncio.Future[None] = self.loop.create_future()
        self.loop.call_later(self._delay_s(), self._turn, work, told, context=self._outside.copy())
        await told

    async def write(self, epoch: int, work: Callable[[], None]) -> None:
        """Do something in a transaction that holds on to the turn from its arrival to its end; LeaseLost if over."""
        told: asyncio.Future[None] = self.loop.create_future()
        delay_s = self._delay_s()
        arrives, ends = self.loop.time() + delay_s / 2, self.loop.time() + delay_s
        self.loop.call_at(arrives, self._arrive, epoch, ends, work, told, context=self._outside.copy())
        await told

    def committed(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Hear what was just committed."""
        self._on_commit(event, outcomes)

    @property
    def is_held(self) -> bool:
        """Say whether a transaction holds on to the turn."""
        return self._writing > 0

    def holds(self, epoch: int) -> bool:
        """Say whether a transaction may begin to write under this epoch."""
        return epoch == self.turns.epoch

    def _arrive(self, epoch: int, ends: float, work: Callable[[], None], told: "asyncio.Future[None]") -> None:
        if not self.holds(epoch):
            error = LeaseLost(f"epoch {epoch} writes nothing more: {self.turns.epoch} has begun")
            self.loop.call_later(self._delay_s(), _answer, told, error, context=self._outside.copy())
            return
        self._writing += 1
        self.loop.call_at(ends, self._end, work, told, context=self._outside.copy())

    def _end(self, work: Callable[[], None], told: "asyncio.Future[None]") -> None:
        self._commit(work, told)
        self._writing -= 1
        if not self._writing:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each()

    def _turn(self, work: Callable[[], None], told: "asyncio.Future[None]") -> None:
        if self.is_held:
            self._waiting.append(lambda: self._commit(work, told))
        else:
            self._commit(work, told)

    def _commit(self, work: Callable[[], None], told: "asyncio.Future[None]") -> None:
        error: Exception | None = None
        if self._happens(self.strain.away_before):
            error = Unavailable("the database went away before the commit")
        else:
            try:
                work()
            except BotError as refusal:
                error = refusal
            if error is None and self._happens(self.strain.away_after):
                error = Unavailable("the database went away before it answered")
        self.loop.call_later(self._delay_s(), _answer, told, error, context=self._outside.copy())

    def _happens(self, chance: float) -> bool:
        return bool(chance) and self._lots.random() < chance

    def _delay_s(self) -> float:
        if self._happens(self.strain.slow):
            return self._lots.uniform(0.1, self.strain.slow_s)
        return self.strain.delay_s * self._lots.random()


class ConnectedJournal:
    """One process's way to its journal (`ports.Journal`)."""

    def __init__(self, database: Database, epoch: int) -> None:
        self._database, self._epoch = database, epoch

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember what came out of an event, all of it or nothing. Raises Unavailable and LeaseLost."""
        kept = tuple(outcomes)

        def work() -> None:
            self._database.journal.commit(event, kept)
            self._database.committed(event, kept)

        await self._database.write(self._epoch, work)

    async def knows(self, client_order_ids: Collection[str]) -> Mapping[str, OrderStatus]:
        """Give those of these orders that were ever intended here, with where they stand. Raises Unavailable."""
        await self._database.carry_out(_nothing)
        return await self._database.journal.knows(client_order_ids)

    async def recover(self) -> Recovered:
        """Give the state to go on from. Raises Unavailable."""
        await self._database.carry_out(_nothing)
        return await self._database.journal.recover()

    async def close(self) -> None:
        """Nothing to let go of."""


def _answer(told: "asyncio.Future[None]", error: Exception | None) -> None:
    if told.done():
        return
    if error is None:
        told.set_result(None)
    else:
        told.set_exception(error)
        told.exception()  # (whoever asked may be gone: nobody has to be told of that)


def _nothing() -> None:
    """Only see whether the database answers."""
