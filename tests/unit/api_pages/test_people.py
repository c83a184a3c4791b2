"""People and sessions in a real database."""

from collections.abc import AsyncIterator

import pytest

from bot.api.people import DatabasePeople, millis
from bot.api.sessions import ABSOLUTE_MS, Session
from bot.db.base import create_async, session_factory, unit_of_work
from bot.db.repositories import AlreadyThere, NotFound, Tokens
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


async def test_a_scrapers_token_is_known_by_its_hash_and_its_use_is_noted_to_the_minute(database_url: str) -> None:
    engine = create_async(database_url)
    sessions = session_factory(engine)
    people = DatabasePeople(sessions)
    async with unit_of_work(sessions) as work:
        await Tokens(work).create("prometheus", "b" * 64)

    async def used() -> int | None:
        async with unit_of_work(sessions) as work:
            (token,) = await Tokens(work).list()
            return token.used_at and millis(token.used_at)

    assert not await people.scraper("c" * 64, NOW)
    assert await used() is None
    for later_ms, noted in ((0, NOW), (59_999, NOW), (60_000, NOW + 60_000)):
        assert await people.scraper("b" * 64, NOW + later_ms)
        assert await used() == noted
    async with unit_of_work(sessions) as work:
        with pytest.raises(AlreadyThere, match="'prometheus' exists already"):
            await Tokens(work).create("prometheus", "d" * 64)
        await Tokens(work).remove("prometheus")
        with pytest.raises(NotFound, match="no token named 'prometheus'; see: bot token list"):
            await Tokens(work).remove("prometheus")
    assert not await people.scraper("b" * 64, NOW)
    await engine.dispose()
