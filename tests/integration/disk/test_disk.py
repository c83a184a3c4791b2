"""The database's disk fails: without a record nothing is sent, what can be read is read, and all goes on by itself."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import psycopg
import pytest
from tests.fakes.broker import FakeBroker
from tests.fakes.journal import next_turn
from tests.fakes.outfit import BTC, START, D, StillClock, buys, candle, end, told

from bot.db import migrate
from bot.db.base import Mode, create_async, plain_dsn, session_factory, unit_of_work
from bot.db.journal import PostgresJournal
from bot.db.repositories import Accounts, Strategies
from bot.domain.messages import FundsSeen, PlaceOrder
from bot.domain.state import AccountState
from bot.engine.engine import Engine
from bot.runtime.condition import Condition
from bot.runtime.inbox import Inbox
from bot.runtime.runner import DOUBT_AFTER_S, Runner

from .conftest import Disk

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="what makes a disk fail has to be compiled")


class Scene:
    """One account whose strategy buys at each candle, on a journal in that server; its clock stands still."""

    def __init__(self, journal: PostgresJournal, url: str, account_id: int) -> None:
        self.journal, self.url, self.account_id = journal, url, account_id
        self.broker = FakeBroker()
        self.clock = StillClock()
        self.inbox = Inbox()
        self.engine = Engine()
        plan = told({n: buys(price=90.0 - n) for n in range(9)}, max_open_orders=9)
        self.engine.add(1, plan.strategy, plan.config, BTC)
        self.condition = Condition("main/rehearsal")
        self.runner = Runner("main", self.engine, journal, self.broker, self.inbox, self.clock, self.condition)
        self.condition.begin()
        self.condition.finish()

    @property
    def sent(self) -> list[str]:
        return [each.order.client_order_id for each in self.broker.commands if isinstance(each, PlaceOrder)]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(120):
            while not condition():
                await asyncio.sleep(0.01)

    async def in_doubt(self) -> None:
        """Wait until the account takes no new risk because of its database."""
        await self.until(lambda: self.runner.is_waiting_for_database)
        await self.clock.advance(DOUBT_AFTER_S / 2)
        await self.clock.advance(DOUBT_AFTER_S / 2)
        await self.clock.advance(0.1)
        await self.until(lambda: self.condition.state is AccountState.DEGRADED)
        assert "database" in self.condition.doubts

    async def goes_on(self) -> None:
        """Wait until the record that waited is written."""
        for _ in range(6):  # (later on it would be too late for what was decided)
            await self.clock.advance(0.5)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.until(lambda: not self.runner.is_waiting_for_database), 5)
                break
        await self.until(lambda: self.inbox.is_idle)
        assert "database" not in self.condition.doubts
        assert self.condition.wants_look.is_set()

    async def on_record(self) -> list[str]:
        """Give the orders that a start would find."""
        journal = PostgresJournal(self.url, self.account_id, Mode.REHEARSAL)
        try:
            return [each.order.client_order_id for each in (await journal.recover()).open_orders]
        finally:
            await journal.close()


@pytest.fixture
async def scene(disk: Disk) -> AsyncIterator[Scene]:
    url = disk.server().url
    migrate.upgrade(url)
    engine = create_async(url, pooled=False)
    async with unit_of_work(session_factory(engine)) as session:
        account = await Accounts(session).create("main")
        await Strategies(session).create(account.id, "breakout", {"symbol": "BTCUSDT"}, title="one")
    await engine.dispose()
    journal = await next_turn(url, account.id, Mode.REHEARSAL)
    made = Scene(journal, url, account.id)
    await made.runner.step(FundsSeen({"USDT": D(1000)}, START))
    tasks = [asyncio.create_task(work) for work in (made.runner.run(), made.runner.watch())]
    yield made
    for task in tasks:
        await end(task)
    await journal.close()


async def test_on_a_full_disk_nothing_is_sent_reading_goes_on_and_with_room_again_so_does_trading(
    disk: Disk, scene: Scene
) -> None:
    disk.fail("full")
    scene.inbox.put(candle(0, 100.0))
    await scene.in_doubt()
    assert scene.sent == []
    assert await scene.on_record() == []
    with psycopg.connect(plain_dsn(scene.url)) as connection, pytest.raises(psycopg.errors.DiskFull):
        connection.execute("CREATE TABLE more AS SELECT generate_series(1, 100000)")
    disk.mend()
    await scene.goes_on()
    scene.inbox.put(candle(1, 100.0))
    await scene.until(lambda: len(scene.sent) == 2)
    assert await scene.on_record() == scene.sent


async def test_when_a_commit_cannot_be_made_durable_nothing_is_sent_until_the_server_is_back_on_a_good_disk(
    disk: Disk, scene: Scene
) -> None:
    scene.inbox.put(candle(0, 100.0))
    await scene.until(lambda: len(scene.sent) == 1)
    disk.fail("fsync")
    scene.inbox.put(candle(1, 100.0))
    await scene.in_doubt()
    assert len(scene.sent) == 1
    disk.mend()
    # The server does not try the same sync again: it ends, and reads its log anew.
    assert "PANIC" in disk.words
    await scene.goes_on()
    await scene.until(lambda: len(scene.sent) == 2)
    scene.inbox.put(candle(2, 100.0))
    await scene.until(lambda: len(scene.sent) == 3)
    assert await scene.on_record() == scene.sent
