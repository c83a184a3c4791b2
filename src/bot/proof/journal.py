"""A journal in memory, and a database of such journals that can be slow, away, or die at the worst moment.

It keeps the promises of `ports.Journal` by the same contract test as PostgreSQL's.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import msgspec

from bot.domain.errors import BotError, Unavailable
from bot.domain.ledger import Ledger, Posting
from bot.domain.messages import (
    AccountMarked,
    EquityMarked,
    Event,
    FillBooked,
    FundsPosted,
    OrderChanged,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.order import Fill, OrderStatus, may_move
from bot.ports import OpenOrder, Recovered, StrategyState


class MemoryJournal:
    """Remembers for as long as it lives. `is_away` True makes it unavailable."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.outcomes: list[Outcome] = []
        self.is_away = False
        self._fold = Fold()

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember what came out of an event, all of it or nothing."""
        if self.is_away:
            raise Unavailable("the journal is away")
        self.commit(event, outcomes)

    def commit(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember at once."""
        self._fold.check(outcomes)
        self.events.append(event)
        self.outcomes += outcomes
        for each in outcomes:
            self._fold.take(each)

    async def recover(self) -> Recovered:
        """Give the state to go on from."""
        if self.is_away:
            raise Unavailable("the journal is away")
        return self._fold.state()

    def state(self) -> Recovered:
        """Give what everything comes to, kept up to date with each record."""
        return self._fold.state()

    def replay(self) -> Recovered:
        """Fold everything again from the very first record."""
        fold = Fold()
        for each in self.outcomes:
            fold.take(each)
        return fold.state()

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
        on_commit: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self.journal = MemoryJournal()
        self.loop, self.strain = loop, strain
        self._lots = lots
        self._on_commit = on_commit
        self._outside = copy_context()

    def connect(self) -> "ConnectedJournal":
        """Give a process its connection."""
        return ConnectedJournal(self)

    async def carry_out(self, work: Callable[[], None]) -> None:
        """Do something in a transaction: once it is on its way, nobody's death stops it. Raises Unavailable."""
        told: asyncio.Future[None] = self.loop.create_future()
        self.loop.call_later(self._delay_s(), self._commit, work, told, context=self._outside.copy())
        await told

    def committed(self, outcomes: Sequence[Outcome]) -> None:
        """Hear what was just committed."""
        self._on_commit(outcomes)

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

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember what came out of an event, all of it or nothing. Raises Unavailable."""
        kept = tuple(outcomes)

        def work() -> None:
            self._database.journal.commit(event, kept)
            self._database.committed(kept)

        await self._database.carry_out(work)

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


class Fold:
    """What records come to, kept up to date with each."""

    def __init__(self) -> None:
        self.orders: dict[str, OpenOrder] = {}
        self.fills: dict[tuple[str, str, int], Fill] = {}
        self.loose: defaultdict[int, list[tuple[Fill, Decimal]]] = defaultdict(list)
        self.trips: dict[tuple[str, int], TradeClosed] = {}
        self.peaks: dict[int, float] = {}
        self.marks: defaultdict[int, dict[int, EquityMarked]] = defaultdict(dict)
        self.accounts: dict[str, AccountMarked] = {}
        self.stopped: dict[int, str] = {}
        self.ledger: list[Posting] = []
        self._funds: set[Posting] = set()
        self._filled: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))

    def check(self, outcomes: Sequence[Outcome]) -> None:
        """Refuse records of which one contradicts what is known."""
        for each in outcomes:
            if isinstance(each, PlaceOrder):
                known = self.orders.get(each.order.client_order_id)
                if known and (known.order != each.order or known.status is not OrderStatus.SENT):
                    raise BotError(f"client order id {each.order.client_order_id} was used before")

    def take(self, outcome: Outcome) -> None:
        """Take one record in."""
        match outcome:
            case PlaceOrder(order):
                if order.client_order_id not in self.orders:
                    self.orders[order.client_order_id] = OpenOrder(order, OrderStatus.SENT, Decimal(0), Decimal(0), 0)
            case OrderChanged():
                self._change(outcome)
            case FillBooked():
                self._book(outcome)
            case FundsPosted(postings):
                fresh = [each for each in postings if each not in self._funds]
                self._funds.update(fresh)
                self.ledger += fresh
            case TradeClosed():
                self._close(outcome)
            case EquityMarked():
                self.peaks[outcome.strategy_id] = max(
                    self.peaks.get(outcome.strategy_id, outcome.equity), outcome.equity
                )
                self.marks[outcome.strategy_id][outcome.time_ms] = outcome
            case AccountMarked():
                self.accounts[outcome.quote] = outcome
            case StrategyStopped():
                self.stopped[outcome.strategy_id] = outcome.reason
            case _:
                pass

    def state(self) -> Recovered:
        """Give what all of it comes to."""
        ledger = Ledger(self.ledger)
        names = sorted({(each.ledger, each.asset) for each in self.ledger})
        ids = sorted({each.order.strategy_id for each in self.orders.values()} | {*self.peaks, *self.stopped})
        return Recovered(
            balances={name: amount for name in names if (amount := ledger.balance(*name))},
            open_orders=tuple(each for each in self.orders.values() if each.status.is_open),
            strategies={each: self._strategy(each) for each in ids},
            fill_keys=frozenset(self.fills),
            accounts=tuple(self.accounts[quote] for quote in sorted(self.accounts)),
        )

    def _change(self, fact: OrderChanged) -> None:
        now = self.orders[fact.client_order_id]
        self.orders[fact.client_order_id] = msgspec.structs.replace(
            now,
            status=fact.status if may_move(now.status, fact.status) else now.status,
            filled=max(now.filled, fact.filled),
            quote_filled=max(now.quote_filled, fact.quote_filled),
            exchange_order_id=fact.exchange_order_id or now.exchange_order_id,
        )

    def _book(self, fact: FillBooked) -> None:
        fill = fact.fill
        if fill.key in self.fills:
            return
        self.fills[fill.key] = fill
        self.loose[fact.strategy_id].append((fill, fact.fee_in_quote))
        self.ledger += fact.postings
        filled, spent = self._filled[fill.client_order_id]
        filled, spent = filled + fill.quantity, spent + fill.quantity * fill.price
        self._filled[fill.client_order_id] = (filled, spent)
        now = self.orders[fill.client_order_id]
        self.orders[fill.client_order_id] = msgspec.structs.replace(
            now,
            filled=max(now.filled, filled),
            quote_filled=max(now.quote_filled, spent),
            exchange_order_id=fill.exchange_order_id or now.exchange_order_id,
        )

    def _close(self, fact: TradeClosed) -> None:
        key = (fact.client_order_id, fact.opened_ms)
        if key not in self.trips:
            self.trips[key] = fact
            self.loose[fact.strategy_id] = [
                each for each in self.loose[fact.strategy_id] if each[0].symbol != fact.symbol
            ]

    def _strategy(self, strategy_id: int) -> StrategyState:
        trips = [each for each in self.trips.values() if each.strategy_id == strategy_id]
        marks = self.marks[strategy_id]
        newest = marks[max(marks)] if marks else None
        midnight = newest.time_ms // 86_400_000 * 86_400_000 if newest else 0
        return StrategyState(
            strategy_id=strategy_id,
            fills=tuple(fill for fill, _ in self.loose[strategy_id]),
            fees=tuple(fee for _, fee in self.loose[strategy_id]),
            realised=sum((each.pnl for each in trips), Decimal(0)),
            closed_ms=trips[-1].closed_ms if trips else 0,
            peak_equity=self.peaks.get(strategy_id),
            capital=newest.equity - newest.realised - newest.unrealised if newest else None,
            marked_ms=newest.time_ms if newest else 0,
            day_equity=marks[min(each for each in marks if each >= midnight)].equity if newest else None,
            stopped=self.stopped.get(strategy_id, ""),
            sequence=sum(each.order.strategy_id == strategy_id for each in self.orders.values()),
        )
