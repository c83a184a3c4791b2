"""The database of a proof: it can be slow, go away on either side of a commit, and outlives whoever writes to it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from random import Random
from typing import Any

import pytest

from bot.db.leases import LeaseLost
from bot.domain.errors import Unavailable
from bot.domain.ledger import EXTERNAL, OWNER, move
from bot.domain.messages import FundsPosted, Outcome, Tick
from bot.domain.money import number
from bot.proof.journal import Database, Strain
from bot.proof.lease import MemoryLease, Turns
from bot.proof.loop import LIFE, VirtualLoop

FACT = FundsPosted(move("USDT", number("5"), EXTERNAL, OWNER, 1, "deposit"))


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(1)
    yield loop
    loop.bury()


def a_database(loop: VirtualLoop, strain: Strain, heard: list[Any] | None = None) -> Database:
    return Database(loop, strain, Random(1), lambda _, outcomes: (heard if heard is not None else []).append(outcomes))


def recording(database: Database) -> Callable[[], Coroutine[Any, Any, None]]:
    return lambda: database.connect(0).record(Tick(1), [FACT])


def test_what_is_recorded_is_kept_and_told(loop: VirtualLoop) -> None:
    heard: list[tuple[Outcome, ...]] = []
    database = a_database(loop, Strain(), heard)
    loop.run_until_complete(recording(database)())
    recovered = loop.run_until_complete(database.connect(0).recover())
    assert heard == [(FACT,)]
    assert recovered.balances[OWNER, "USDT"] == 5
    assert recovered == database.journal.replay()


@pytest.mark.parametrize(("strain", "is_kept"), [(Strain(away_before=1.0), False), (Strain(away_after=1.0), True)])
def test_going_away_keeps_nothing_before_the_commit_and_all_after(
    loop: VirtualLoop, strain: Strain, is_kept: bool
) -> None:
    database = a_database(loop, strain)
    with pytest.raises(Unavailable):
        loop.run_until_complete(recording(database)())
    assert (database.journal.outcomes == [FACT]) is is_kept
    strain.ease()
    loop.run_until_complete(recording(database)())
    assert loop.run_until_complete(database.connect(0).recover()).balances[OWNER, "USDT"] == 5


def test_a_transaction_on_its_way_outlives_who_sent_it(loop: VirtualLoop) -> None:
    database = a_database(loop, Strain(slow=1.0))
    context = copy_context()
    context.run(LIFE.set, 1)
    loop.create_task(recording(database)(), context=context)

    async def kill_at_once_and_look_later() -> int:
        await asyncio.sleep(0.01)
        loop.end_life(1)
        assert database.journal.outcomes == []
        await asyncio.sleep(60)
        return len(database.journal.outcomes)

    assert loop.run_until_complete(kill_at_once_and_look_later()) == 1


def test_a_record_under_an_epoch_that_is_over_is_refused_and_leaves_nothing(loop: VirtualLoop) -> None:
    database = a_database(loop, Strain())
    database.turns.epoch = 1
    with pytest.raises(LeaseLost):
        loop.run_until_complete(recording(database)())
    assert database.journal.outcomes == []


def test_a_lease_asked_for_twice_changes_hands_once(loop: VirtualLoop) -> None:
    turns = Turns(loop.time)
    late: list[Callable[[], None]] = []

    async def given_up(work: Callable[[], None]) -> None:
        late.append(work)
        raise Unavailable("too late")

    async def at_once(work: Callable[[], None]) -> None:
        work()

    with pytest.raises(Unavailable):
        loop.run_until_complete(MemoryLease(turns, "we", given_up).acquire())
    epoch = loop.run_until_complete(MemoryLease(turns, "we", at_once).acquire()).epoch
    late.pop()()
    assert (turns.epoch, turns.holder) == (epoch, "we")


def test_the_next_turn_begins_when_what_is_under_way_has_ended(loop: VirtualLoop) -> None:
    database = a_database(loop, Strain(slow=1.0, slow_s=8.0))
    moments: list[str] = []

    def take_over() -> None:
        database.turns.epoch = 1
        moments.append(f"taken over after {len(database.journal.outcomes)}")

    async def record_and_take_over_meanwhile() -> None:
        last = loop.create_task(recording(database)())
        while not database.is_held:
            await asyncio.sleep(0.01)
        database.strain.ease()  # the question is quicker than what it has to wait for
        await database.change_turns(take_over)
        await last

    loop.run_until_complete(record_and_take_over_meanwhile())
    assert moments == ["taken over after 1"]
    with pytest.raises(LeaseLost):
        loop.run_until_complete(recording(database)())
