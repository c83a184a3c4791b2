"""Every journal, each with an account and two strategies."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
from tests.fakes.journal import MemoryJournal, next_turn

from bot.db.base import Mode, create_async, session_factory, unit_of_work
from bot.db.repositories import Accounts, Strategies
from bot.ports import Journal
from bot.proof.journal import Database, Strain


@pytest.fixture(params=["memory", "proof", *Mode])
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    """An empty journal of an account whose strategies have the ids 1 and 2."""
    if request.param == "memory":
        yield MemoryJournal()
        return
    if request.param == "proof":
        yield Database(asyncio.get_running_loop(), Strain(), Random(1), lambda _event, _outcomes: None).connect(0)
        return
    url: str = request.getfixturevalue("database_url")
    engine = create_async(url, pooled=False)
    async with unit_of_work(session_factory(engine)) as session:
        account = await Accounts(session).create("main")
        for title in ("one", "two"):
            await Strategies(session).create(account.id, "breakout", {"symbol": "BTCUSDT"}, title=title)
    await engine.dispose()
    journal = await next_turn(url, account.id, request.param)
    yield journal
    await journal.close()
