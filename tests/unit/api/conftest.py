"""A dashboard over a small world, with somebody signed in."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.unit.api.world import MINUTE_MS, NOW_MS, World, populate, world_of

from bot.api.deps import Deps
from bot.api.main import create_app
from bot.db.base import create_async, session_factory
from bot.domain.errors import Unavailable
from bot.domain.market import Candle, Stream
from bot.reporting.cache.sqlite import CacheWriter, Snapshot
from bot.security import tokens

TOKEN = tokens.new_token()


class Clock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as filled:
        populate(filled)
        filled.sign_in("ada", TOKEN)
        yield filled


@pytest.fixture
def cache_path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.sqlite3"


@pytest.fixture
def cache(cache_path: Path, world: World) -> Iterator[CacheWriter]:
    writer = CacheWriter(cache_path)
    now_s = NOW_MS // 1000
    writer.write(
        Snapshot(now_s - 60 * ago, world.ids[title], "BTCUSDT", 10.0 - ago, 11.0, 1.0, 0.5, 1, 4, equity=10_000.0 - ago)
        for ago in range(100)
        for title in ("mean", "idle")
    )
    yield writer
    writer.close()


async def some_candles(stream: Stream, count: int) -> Sequence[Candle]:
    """Give candles of any series but one that the exchange cannot give."""
    if stream.symbol == "BNBUSDT":
        raise Unavailable("the exchange is away")
    return [
        Candle(stream.symbol, stream.interval, at * MINUTE_MS, 1.0, 3.0, 0.5, 2.0, 10.0, (at + 1) * MINUTE_MS - 1)
        for at in range(count)
    ]


@pytest_asyncio.fixture
async def app(database_url: str, cache_path: Path, clock: Clock) -> AsyncIterator[FastAPI]:
    engine = create_async(database_url, pooled=False)
    yield create_app(
        Deps(
            sessions=session_factory(engine), sqlite_path=cache_path, version="1.2.3", now_ms=clock,
            candles=some_candles, close=engine.dispose,
        )
    )  # fmt: skip
    await engine.dispose()


@pytest.fixture
def client(app: FastAPI, world: World) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://localhost", cookies={"bot_session": TOKEN}) as signed_in:
        signed_in.headers["x-csrf-token"] = tokens.csrf_token(TOKEN)
        yield signed_in
