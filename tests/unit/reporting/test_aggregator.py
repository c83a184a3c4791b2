"""The aggregator goes on whatever happens to the database, the cache or one strategy, and stops when told."""

import asyncio
import signal
import sqlite3 as driver
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.unit.api.world import World, populate, world_of

from bot.db.base import SessionFactory, create_async, session_factory
from bot.domain.errors import Misconfigured
from bot.reporting.cache import sqlite
from bot.reporting.cache.aggregator import aggregate_once, run
from bot.reporting.cache.sqlite import CacheWriter

NOW_S = 1_750_000_000
ALONE = """
import sys, types
context = types.ModuleType("bot.bootstrap")
context.aggregation_context = lambda: (sys.argv[1], sys.argv[2], 0.05)
sys.modules["bot.bootstrap"] = context
from src.bot.reporting.cache.aggregator import run_aggregation_loop; run_aggregation_loop()
"""


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as filled:
        populate(filled)
        yield filled


@pytest_asyncio.fixture
async def sessions(database_url: str) -> AsyncIterator[SessionFactory]:
    engine = create_async(database_url, pooled=False)
    yield session_factory(engine)
    await engine.dispose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.sqlite3"


@pytest.fixture
def writer(path: Path) -> Iterator[CacheWriter]:
    opened = CacheWriter(path)
    yield opened
    opened.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_every_strategy_is_measured_disabled_ones_too(
    sessions: SessionFactory, world: World, writer: CacheWriter, path: Path
) -> None:
    assert await aggregate_once(sessions, writer, NOW_S) == 5
    rows = {row.strategy_id: row for row in sqlite.latest(path)}
    assert set(rows) == set(world.ids.values())
    mean = rows[world.ids["mean"]]
    assert (mean.ts, mean.symbol, mean.mode, mean.pnl, mean.gross, mean.fees) == (
        NOW_S, "BTCUSDT", "paper", 9.25, 13.25, 4.0,
    )  # fmt: skip
    assert (mean.win_rate, mean.open_trades, mean.closed_trades, mean.equity) == (0.5, 1, 4, 10_009.25)
    assert (rows[world.ids["live"]].mode, rows[world.ids["live"]].pnl) == ("live", 100.0)
    assert rows[world.ids["off"]].equity is None


async def test_one_strategy_that_makes_no_sense_does_not_stop_the_others(
    sessions: SessionFactory, world: World, writer: CacheWriter, path: Path
) -> None:
    broken = world.strategy(1, "broken", {"symbol": ["?"], "demo_mode": {}})
    world.drawdown(broken, float("inf"))
    world.mark(broken, 1.0, 1)
    assert await aggregate_once(sessions, writer, NOW_S) == 6
    rows = {row.strategy_id: row for row in sqlite.latest(path)}
    assert (rows[broken].symbol, rows[broken].mode, rows[broken].max_drawdown) == ("", "paper", None)
    assert rows[world.ids["mean"]].pnl == 9.25


async def test_a_database_that_is_away_is_asked_again(
    sessions: SessionFactory, world: World, path: Path, admin: Callable[[str], object]
) -> None:
    name = world.rows("SELECT current_database()")[0][0]
    ticks = iter(range(NOW_S, NOW_S + 1_000_000))
    stop = asyncio.Event()
    with capture_logs() as logs:
        running = asyncio.create_task(run(sessions, path, refresh_s=0.01, stop=stop, now_s=lambda: next(ticks)))
        await until(lambda: sqlite.newest_ts(path) is not None)
        admin(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        await until(lambda: any(entry["event"] == "kpis.delayed" for entry in logs))
        stuck = sqlite.newest_ts(path)
        admin(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        await until(lambda: (sqlite.newest_ts(path) or 0) > (stuck or 0))
        stop.set()
        await asyncio.wait_for(running, 30)


async def test_the_loop_thins_and_forgets_removed_strategies(
    sessions: SessionFactory, world: World, path: Path
) -> None:
    writer = CacheWriter(path)
    gone, old = sqlite.Snapshot(NOW_S, 4711, "X", 0, 0, 0, 0, 0, 0), NOW_S - 31 * sqlite.DAY_S
    writer.write([gone, sqlite.Snapshot(old, world.ids["mean"], "X", 0, 0, 0, 0, 0, 0)])
    writer.close()
    stop = asyncio.Event()
    running = asyncio.create_task(run(sessions, path, refresh_s=60, stop=stop, now_s=lambda: NOW_S))
    await until(lambda: 4711 not in {row.strategy_id for row in sqlite.latest(path)})
    assert [row.ts for row in sqlite.series(path, world.ids["mean"])] == [NOW_S]
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_a_cache_that_breaks_while_running_is_made_anew(
    sessions: SessionFactory, world: World, writer: CacheWriter, path: Path
) -> None:
    await aggregate_once(sessions, writer, NOW_S)
    with driver.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    path.write_bytes(b"\x7f" * path.stat().st_size)
    with capture_logs() as logs:
        assert await aggregate_once(sessions, writer, NOW_S + 1) == 5
    assert [entry["event"] for entry in logs] == ["cache.rebuilt"]
    assert sqlite.newest_ts(path) == NOW_S + 1


async def test_a_cache_that_is_taken_away_while_running_is_made_anew(
    sessions: SessionFactory, world: World, writer: CacheWriter, path: Path
) -> None:
    await aggregate_once(sessions, writer, NOW_S)
    path.unlink()
    await aggregate_once(sessions, writer, NOW_S + 1)
    assert [row.ts for row in sqlite.series(path, world.ids["mean"])] == [NOW_S + 1]


async def test_a_place_that_cannot_hold_a_cache_is_a_matter_for_a_person(
    sessions: SessionFactory, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="DASHBOARD_SQLITE_PATH"):
        await run(sessions, tmp_path / "file" / "x.sqlite3", refresh_s=1, stop=asyncio.Event())


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
async def test_as_a_process_of_its_own_it_ends_cleanly_when_told(
    database_url: str, world: World, path: Path, name: signal.Signals
) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = ['src', '.']\n{ALONE}", database_url, str(path)]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        try:
            await until(lambda: sqlite.newest_ts(path) is not None)
            process.send_signal(name)
            assert process.wait(10) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
        finally:
            process.kill()
