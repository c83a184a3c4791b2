"""The fence: whoever writes under an epoch that is over writes nothing, and nobody begins in the middle of a write."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from decimal import Decimal

import psycopg
import pytest

from bot.db.base import Mode, SessionFactory, plain_dsn, search_path, unit_of_work
from bot.db.journal import PostgresJournal
from bot.db.leases import LeaseLost, PostgresLease
from bot.db.repositories import Accounts, Strategies
from bot.domain.messages import Attempt, Decision, EquityMarked, OrderChanged, Outcome, PlaceOrder, Tick, Verdict
from bot.domain.money import Quantity
from bot.domain.order import Order, OrderStatus, OrderType, Side

NOW = 1_750_000_000_123
D = Decimal
MODE = Mode.REHEARSAL
WHY = Decision(1, NOW, "BTCUSDT", Side.BUY, Verdict.APPROVED, "dip", "", "b-1-x-1", {"sma": 1.5})
PLACED = PlaceOrder(Order("b-1-x-1", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(D(1)), NOW, reason="dip"))
ATTEMPT = Attempt("b-1-x-1", NOW, 5_000, 1, "digest")
MARKED = EquityMarked(1, NOW, 100.0, 0.0, 0.0, D(0), 100.0)
RECORDS: dict[str, list[Outcome]] = {
    "a whole intent": [WHY, PLACED, ATTEMPT],
    "an order's end": [OrderChanged("b-1-x-0", OrderStatus.FILLED, D(1), D(100), NOW + 1, 77)],
    "an opinion alone": [MARKED],
    "all at once": [MARKED, WHY, PLACED],
}


class Stage:
    """An account of a real database, with one order at work, and those who take turns at it."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url, self._stack = url, stack

    def lease(self) -> PostgresLease:
        made = PostgresLease(self.url, 1, MODE)
        self._stack.push_async_callback(made.close)
        return made

    def journal(self, epoch: int) -> PostgresJournal:
        made = PostgresJournal(self.url, 1, MODE, epoch)
        self._stack.push_async_callback(made.close)
        return made

    @contextmanager
    def aside(self) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        """Give a transaction of somebody else."""
        with psycopg.connect(plain_dsn(self.url), options=search_path(MODE)) as connection:
            yield connection

    def rows(self) -> list[tuple[object, ...]]:
        """Count everything that a record could have written."""
        with self.aside() as connection:
            return [
                row
                for table in ("facts", "orders", "decisions", "equity")
                for row in connection.execute(f"SELECT '{table}', count(*) FROM {table}").fetchall()  # type: ignore[call-overload]
            ]

    async def waits(self, name: str) -> None:
        """Wait until a connection of that name waits for a lock."""
        question = "SELECT FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
        with psycopg.connect(plain_dsn(self.url), autocommit=True) as connection:
            async with asyncio.timeout(30):
                while connection.execute(question, [name]).fetchone() is None:
                    await asyncio.sleep(0.01)


@pytest.fixture
async def stage(database_url: str, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr("bot.db.leases.PATIENCE_S", 60)
    async with unit_of_work(sessions) as session:
        account = await Accounts(session).create("main")
        await Strategies(session).create(account.id, "breakout", {"symbol": "BTCUSDT"}, title="one")
    async with AsyncExitStack() as stack:
        yield Stage(database_url, stack)


async def begun(stage: Stage) -> tuple[PostgresLease, int, PostgresJournal]:
    lease = stage.lease()
    epoch = (await lease.acquire()).epoch
    journal = stage.journal(epoch)
    first = Order("b-1-x-0", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(D(1)), NOW)
    await journal.record(Tick(NOW), [PlaceOrder(first)])
    return lease, epoch, journal


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
async def test_nothing_is_written_under_an_epoch_that_is_over(stage: Stage, record: list[Outcome]) -> None:
    lease, epoch, journal = await begun(stage)
    before = stage.rows()
    await lease.acquire()
    for _ in range(2):
        with pytest.raises(LeaseLost, match=f"epoch {epoch} of its lease writes nothing more"):
            await journal.record(Tick(NOW), record)
    assert stage.rows() == before
    await stage.journal(epoch + 1).record(Tick(NOW), record)
    assert stage.rows() != before


async def test_a_renewed_or_returned_lease_still_covers_what_was_under_way(stage: Stage) -> None:
    lease, epoch, journal = await begun(stage)
    assert await lease.renew(epoch)
    await journal.record(Tick(NOW), RECORDS["a whole intent"])
    await lease.release(epoch)
    await journal.record(Tick(NOW), RECORDS["an order's end"])


async def test_the_lease_of_other_money_covers_nothing_here(stage: Stage) -> None:
    other = PostgresLease(stage.url, 1, Mode.LIVE)
    epoch = (await other.acquire()).epoch
    await other.close()
    with pytest.raises(LeaseLost):
        await stage.journal(epoch).record(Tick(NOW), RECORDS["a whole intent"])


async def test_without_an_epoch_a_journal_can_only_be_read(stage: Stage) -> None:
    await begun(stage)
    reader = PostgresJournal(stage.url, 1, MODE)
    assert [each.order.client_order_id for each in (await reader.recover()).open_orders] == ["b-1-x-0"]
    with pytest.raises(LeaseLost):
        await reader.record(Tick(NOW), RECORDS["a whole intent"])
    await reader.close()


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
async def test_a_record_that_comes_while_the_turn_changes_waits_and_is_refused(
    stage: Stage, record: list[Outcome]
) -> None:
    _, _, journal = await begun(stage)
    before = stage.rows()
    with stage.aside() as taking_over:
        taking_over.execute("UPDATE public.leases SET epoch = epoch + 1, holder = 'another'")
        late = asyncio.create_task(journal.record(Tick(NOW), record))
        await stage.waits(f"journal {MODE} 1")
        taking_over.commit()
    with pytest.raises(LeaseLost):
        await late
    assert stage.rows() == before


async def test_the_next_turn_begins_when_what_is_under_way_has_ended_and_sees_it(stage: Stage) -> None:
    lease, epoch, journal = await begun(stage)
    key = "order:b-1-x-0:FILLED:1"
    with stage.aside() as in_the_way:
        # What holds our transaction open: somebody else is about to write the same fact.
        in_the_way.execute("INSERT INTO facts (account_id, key, kind, body) VALUES (1, %s, 'order', '{}')", [key])
        last = asyncio.create_task(journal.record(Tick(NOW), RECORDS["an order's end"]))
        await stage.waits(f"journal {MODE} 1")
        successor = asyncio.create_task(lease.acquire())
        await stage.waits(f"lease {MODE} 1")
        assert not last.done()
        assert not successor.done()
        in_the_way.rollback()
    await last
    assert (await successor).epoch == epoch + 1
    assert (await stage.journal(epoch + 1).recover()).open_orders == ()
    with pytest.raises(LeaseLost):
        await journal.record(Tick(NOW), RECORDS["a whole intent"])
