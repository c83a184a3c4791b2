"""The journal in PostgreSQL: one transaction for what came out of one event, and the fold to go on from.

It has one connection of its own. When that is lost, `record` raises Unavailable and the next call opens another; a
write whose commit was in doubt is repeated without harm.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from bot.db import marks, statements
from bot.db.base import Mode, first_line, masked, plain_dsn, search_path
from bot.db.direct import Direct, Statement
from bot.db.facts import money_facts
from bot.db.fold import fold
from bot.db.leases import LeaseLost
from bot.db.statements import INTEND, PLACE
from bot.domain.errors import BotError, Unavailable
from bot.domain.messages import (
    AccountMarked,
    Attempt,
    Decision,
    EquityMarked,
    Event,
    FillBooked,
    FundsPosted,
    IncomeBooked,
    OrderChanged,
    OrderFound,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.order import OrderStatus
from bot.killpoints import reached
from bot.ports import Recovered

PATIENCE_S = 30.0
"""How long the database may take for one call."""


class BrokenRecord(BotError):
    """A fact contradicts what is on record. Going on would make a wrong number, so the account has to stop."""


class PostgresJournal:
    """The memory of one account's paper, rehearsal or live money."""

    def __init__(self, url: str, account_id: int, mode: Mode, epoch: int = 0) -> None:
        """Write under an epoch of the account's lease, for as long as that is the newest; without one, only read."""
        self._url = url
        self._turn_at = statements.Turn(account_id, mode.value, epoch)
        self._account_id = account_id
        self._mode = mode
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._direct: Direct | None = None
        """The same connection, for what is written."""
        self._turn = asyncio.Lock()

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 (outcomes say it all)
        """Remember what came out of an event, in one transaction; for real money it is on disk when this returns.

        LeaseLost, and nothing on record, when a newer turn at the account has begun.
        """
        if writes := self._statements(outcomes):
            async with self._turn:
                await self._guarded(self._write(writes))

    async def knows(self, client_order_ids: Collection[str]) -> Mapping[str, OrderStatus]:
        """Give those of these orders that were ever intended on this account, with where they stand.

        Raises Unavailable.
        """
        async with self._turn:
            known: dict[str, OrderStatus] = await self._guarded(self._known(list(client_order_ids)))
            return known

    async def recover(self) -> Recovered:
        """Give the state to go on from."""
        async with self._turn:
            recovered: Recovered = await self._guarded(self._fold())
            return recovered

    async def close(self) -> None:
        """Let go of the connection."""
        async with self._turn:
            await self._drop()

    def _statements(self, outcomes: Sequence[Outcome]) -> Sequence[Statement]:
        writes: list[Statement] = []
        attempts = {each.client_order_id: each for each in outcomes if isinstance(each, Attempt)}
        for each in outcomes:
            match each:
                case PlaceOrder(order):
                    attempt = attempts.get(order.client_order_id)
                    writes.append(statements.place(each, attempt, self._account_id, demo=self._mode is Mode.PAPER))
                case OrderChanged():
                    writes.append(statements.change(each))
                case FillBooked():
                    writes.append(statements.book(each, self._account_id))
                case OrderFound():
                    writes.append(statements.find(each, self._account_id, demo=self._mode is Mode.PAPER))
                case FundsPosted() | IncomeBooked():
                    writes.append(statements.fund(each.postings, self._account_id))
                case TradeClosed():
                    writes.append(statements.close(each))
                case Decision():
                    writes.append(statements.decide(each))
                case StrategyStopped():
                    writes.append(statements.stop(each))
                case AccountMarked():
                    writes.append(marks.mark_account(each, self._account_id))
                case _:
                    continue
        writes += marks.mark(each for each in outcomes if isinstance(each, EquityMarked))
        # The fence comes last: whoever wants the next turn waits no longer than the commit takes.
        return statements.combined([*writes, *statements.fenced(money_facts(outcomes), self._turn_at, writes)])

    async def _write(self, writes: Sequence[Statement]) -> None:
        await self._connected()
        assert self._direct is not None
        placed = ", ".join(values["client_order_id"] for text, values in writes if text in {PLACE, INTEND})
        sent = (lambda: reached("intent.tx_open")) if placed else _nothing
        try:
            try:
                await self._direct.transact(writes, sent)
            except psycopg.errors.UniqueViolation:
                await self._direct.transact(statements.again(writes), sent)
        except psycopg.errors.NotNullViolation as error:
            if statements.is_fence(error):
                turn = self._turn_at
                raise LeaseLost(
                    f"a newer turn at account {turn.account_id} ({turn.mode}) has begun: epoch {turn.epoch} of its"
                    " lease writes nothing more"
                ) from None
            if (error.diag.table_name, error.diag.column_name) != ("orders", "client_order_id"):
                raise
            raise BrokenRecord(f"client order id {placed} was used before; the order was not sent") from None
        if placed:
            reached("intent.committed")

    async def _known(self, client_order_ids: list[str]) -> dict[str, OrderStatus]:
        connection = await self._connected()
        rows = await connection.execute(statements.KNOWN, {"account": self._account_id, "ids": client_order_ids})
        return {name: OrderStatus(status) async for name, status in rows}

    async def _fold(self) -> Recovered:
        connection = await self._connected()
        async with connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return await fold(connection, self._account_id)

    async def _guarded(self, work: Any) -> Any:
        """Do the work; after any trouble start from a fresh connection, because this one's state is in doubt."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await work
        except BaseException as error:
            await self._drop()
            if isinstance(error, TimeoutError | psycopg.OperationalError | psycopg.InterfaceError):
                raise Unavailable(
                    f"the database at {masked(self._url)} does not answer ({first_line(error)}); is it running?"
                ) from None
            if isinstance(error, psycopg.Error):
                raise BrokenRecord(f"the journal refuses a record: {first_line(error)}") from error
            raise

    async def _connected(self) -> "psycopg.AsyncConnection[TupleRow]":
        if self._connection is None:
            # The same few statements again and again: planning them anew takes longer than doing them.
            options = f"{search_path(self._mode)} -c plan_cache_mode=force_generic_plan -c jit=off"
            # A host that vanished in the middle of a transaction must not hold on to its turn for hours.
            options += " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
            if self._mode is Mode.PAPER:
                options += " -c synchronous_commit=off"
            self._connection = await psycopg.AsyncConnection.connect(
                plain_dsn(self._url), autocommit=True, connect_timeout=10, options=options, prepare_threshold=0,
                application_name=f"journal {self._mode} {self._account_id}",
            )  # fmt: skip
            self._direct = Direct(self._connection)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection, self._direct = self._connection, None, None
        if connection is not None:
            await connection.close()


def _nothing() -> None:
    """No order: no kill point."""
