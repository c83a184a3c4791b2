"""People and sessions in a real database."""

from collections.abc import AsyncIterator

import pytest

from bot.api.people import DatabasePeople
from bot.api.sessions import ABSOLUTE_MS, Session
from bot.db.base import create_async, session_factory
from bot.db.repositories import AlreadyThere
from bot.domain.errors import Unavailable

NOW = 1_760_000_000_123


@pytest.fixture
async def people(database_url: str) -> AsyncIterator[DatabasePeople]:
    engine = create_async(database_url)
    yield DatabasePeople(session_factory(engine))
    await engine.dispose()


async def test_a_person_comes_goes_and_is_known_by_name(people: DatabasePeople) -> None:
    assert not await people.any_person()
    ana = await people.add("ana", "hashed")
    assert await people.any_person()
    assert await people.find("ana") == ana
    assert await people.find("eve") is None
    assert await people.find("a\0b") is None
    with pytest.raises(AlreadyThere):
        await people.add("ana", "other")


async def test_a_session_is_kept_touched_and_closed(people: DatabasePeople) -> None:
    ana = await people.add("ana", "hashed")
    session = Session("a" * 64, ana.id, "ana", NOW, NOW)
    await people.open_session(session)
    assert await people.session("a" * 64) == session
    await people.touch("a" * 64, NOW + 61_007)
    touched = await people.session("a" * 64)
    assert touched is not None
    assert (touched.created_ms, touched.seen_ms) == (NOW, NOW + 61_007)
    await people.close_session("a" * 64)
    await people.close_session("a" * 64)
    assert await people.session("a" * 64) is None


async def test_opening_a_session_forgets_those_past_their_end(people: DatabasePeople) -> None:
    ana = await people.add("ana", "hashed")
    await people.open_session(Session("old", ana.id, "ana", NOW, NOW))
    later = NOW + ABSOLUTE_MS + 1
    await people.open_session(Session("new", ana.id, "ana", later, later))
    assert await people.session("old") is None
    assert await people.session("new") is not None


async def test_a_database_that_is_away_is_unavailable() -> None:
    engine = create_async("postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=2")
    with pytest.raises(Unavailable):
        await DatabasePeople(session_factory(engine)).any_person()
    await engine.dispose()
