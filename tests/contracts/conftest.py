"""Every journal, each with an account and two strategies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from random import Random

import pytest
from tests.fakes.journal import MemoryJournal, next_turn

from bot.db.base import Mode, create_async, session_factory, unit_of_work
from bot.db.repositories import Accounts, Strategies
from bot.ports import Journal
from bot.proof.journal import Database, Strain

NextTurn = Callable[[], Awaitable[Journal]]
"""Begins a new turn at one account and gives its journal."""


@pytest.fixture(params=["memory", "proof", *Mode])
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    """An empty journal of an account whose strategies have the ids 1 and 2."""
    if request.param == "memory":
        yield MemoryJournal()
        return
    async with AsyncExitStack() as stack:
        yield await (await _turns(request, stack))()


@pytest.fixture(params=["proof", *Mode])
async def turns(request: pytest.FixtureRequest) -> AsyncIterator[NextTurn]:
    """Turns at such an account, one after the other."""
    async with AsyncExitStack() as stack:
        yield await _turns(request, stack)


async def _turns(request: pytest.FixtureRequest, stack: AsyncExitStack) -> NextTurn:
    if request.param == "proof":
        database = Database(asyncio.get_running_loop(), Strain(), Random(1), lambda _event, _outcomes: None)

        async def take_over() -> Journal:
            database.turns.epoch += 1
            return database.connect(database.turns.epoch)

        return take_over

    url: str = request.getfixturevalue("database_url")
    engine = create_async(url, pooled=False)
    async with unit_of_work(session_factory(engine)) as session:
        account = await Accounts(session).create("main")
        for title in ("one", "two"):
            await Strategies(session).create(account.id, "breakout", {"symbol": "BTCUSDT"}, title=title)
    await engine.dispose()
    account_id = account.id

    async def acquire() -> Journal:
        journal = await next_turn(url, account_id, request.param)
        stack.push_async_callback(journal.close)
        return journal

    return acquire
