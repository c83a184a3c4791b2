"""What tests of the roof share."""

from collections.abc import AsyncIterator

import pytest

from bot.db.base import SessionFactory, create_async, session_factory


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[SessionFactory]:
    """Makes sessions on this test's database."""
    engine = create_async(database_url, pooled=False)
    yield session_factory(engine)
    await engine.dispose()
