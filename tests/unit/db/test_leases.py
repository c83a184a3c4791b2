"""The lease of an account: two holders against a real server, which alone decides when a turn is over."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import psycopg
import pytest

from bot.db.base import Mode, plain_dsn
from bot.db.leases import FIRST_EPOCHS, LeaseHeld, PostgresLease
from bot.domain.errors import Misconfigured, Unavailable

LONG_S = 600.0


class Database:
    """A server's database with one account, and what a test does behind the holders' backs."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url = url
        self._stack = stack
        self.run("INSERT INTO accounts (name) VALUES ('mine')")

    def run(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(plain_dsn(self.url), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def lease(self, mode: Mode = Mode.LIVE, ttl_s: float = LONG_S) -> PostgresLease:
        made = PostgresLease(self.url, 1, mode, ttl_s=ttl_s)
        self._stack.push_async_callback(made.close)
        return made

    def end_it(self) -> None:
        """Let the database's clock find the lease over."""
        self.run("UPDATE leases SET expires_at = clock_timestamp() - interval '1 millisecond'")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a loaded machine take its time."""
    monkeypatch.setattr("bot.db.leases.PATIENCE_S", 60)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with AsyncExitStack() as stack:
        yield Database(database_url, stack)


async def test_the_second_holder_is_refused_and_told_who_has_it_and_for_how_long(database: Database) -> None:
    first, second = database.lease(), database.lease()
    await first.acquire()
    async with asyncio.timeout(30):
        with pytest.raises(LeaseHeld, match=f"{socket.gethostname()}:{os.getpid()}:") as refused:
            await second.acquire()
    assert refused.value.holder == first.holder != second.holder
    assert 0 < refused.value.left_s <= LONG_S


async def test_each_acquisition_has_the_next_epoch(database: Database) -> None:
    first, second = database.lease(), database.lease()
    epoch, first_epoch = await first.acquire()
    assert epoch == first_epoch
    assert 1 <= epoch <= FIRST_EPOCHS
    await first.release(epoch)
    assert await second.acquire() == (epoch + 1, first_epoch)
    database.end_it()
    assert await first.acquire() == (epoch + 2, first_epoch)


async def test_the_holder_itself_may_begin_a_new_turn(database: Database) -> None:
    lease = database.lease()
    epoch, _ = await lease.acquire()
    assert (await lease.acquire()).epoch == epoch + 1
    assert not await lease.renew(epoch)
    assert await lease.renew(epoch + 1)


async def test_a_question_that_was_given_up_ends_no_later_turn_when_it_is_carried_out_at_last(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, given_up = database.lease(), []

    async def nobody_answers(statement: str, more: Mapping[str, object] | None = None) -> object:
        if more is None:
            return await PostgresLease._ask(lease, statement)
        given_up.append((statement, more))
        raise Unavailable("too late")

    for _ in ("the first turn", "a later turn"):
        with monkeypatch.context() as away:
            away.setattr(lease, "_ask", nobody_answers)
            with pytest.raises(Unavailable):
                await lease.acquire()
        epoch, _ = await lease.acquire()
        assert await lease._ask(*given_up.pop()) is None
        assert await lease.renew(epoch)


async def test_first_epochs_are_drawn_by_lot(database: Database) -> None:
    drawn = set()
    for _ in range(4):
        drawn.add((await database.lease().acquire()).epoch)
        database.run("DELETE FROM leases")
    assert len(drawn) > 1  # four of a million are alike once in a million million million times


async def test_a_renewed_lease_lasts_from_then_on(database: Database) -> None:
    lease = database.lease()
    epoch, _ = await lease.acquire()
    database.run("UPDATE leases SET expires_at = clock_timestamp() + interval '1 second'")
    assert await lease.renew(epoch)
    assert database.run("SELECT expires_at > clock_timestamp() + interval '60 seconds' FROM leases") == [(True,)]


async def test_who_lost_the_lease_can_neither_renew_nor_release_it(database: Database) -> None:
    first, second = database.lease(), database.lease()
    epoch, _ = await first.acquire()
    database.end_it()
    await second.acquire()
    assert not await first.renew(epoch)
    assert not await first.renew(epoch + 1)
    await first.release(epoch)
    with pytest.raises(LeaseHeld):
        await first.acquire()


async def test_each_mode_has_a_lease_of_its_own(database: Database) -> None:
    await database.lease(Mode.LIVE).acquire()
    await database.lease(Mode.PAPER).acquire()
    assert database.run("SELECT mode FROM leases ORDER BY mode") == [("live",), ("paper",)]


async def test_of_many_who_try_at_once_one_gets_it(database: Database) -> None:
    leases = [database.lease() for _ in range(8)]
    for free in ("DELETE FROM leases", "UPDATE leases SET expires_at = clock_timestamp()"):
        database.run(free)
        tried = await asyncio.gather(*(lease.acquire() for lease in leases), return_exceptions=True)
        assert sorted(type(each).__name__ for each in tried) == ["LeaseHeld"] * 7 + ["Term"]


async def test_a_lost_connection_is_made_anew(database: Database) -> None:
    lease = database.lease()
    epoch, _ = await lease.acquire()
    database.run(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'lease live 1'"
    )
    with pytest.raises(Unavailable, match="does not answer"):
        await lease.renew(epoch)
    assert await lease.renew(epoch)


async def test_a_server_that_is_away_is_unavailable_and_its_password_is_kept() -> None:
    with pytest.raises(Unavailable, match=r"bot:\*\*\*@127.0.0.1:9/none does not answer") as caught:
        await PostgresLease("postgresql://bot:hunter2@127.0.0.1:9/none", 1, Mode.LIVE).acquire()
    assert "hunter2" not in str(caught.value)


async def test_an_account_that_is_gone_takes_its_lease_along_and_gets_no_other(database: Database) -> None:
    lease = database.lease()
    await lease.acquire()
    database.run("DELETE FROM accounts")
    assert database.run("SELECT * FROM leases") == []
    with pytest.raises(Misconfigured, match="foreign key"):
        await lease.acquire()
