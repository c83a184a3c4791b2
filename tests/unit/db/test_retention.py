"""What is forgotten with time, and what never is."""

from collections.abc import Sequence

import psycopg
import pytest
from tests.unit.api.world import NOW_MS, PAPER, World, world_of

from bot.db.base import SessionFactory, create_async, plain_dsn, session_factory
from bot.db.retention import DAY_MS, HOUR_MS, Retention, Thinned
from bot.domain.errors import Unavailable

MINUTE_MS = 60_000


def of(sessions: SessionFactory, equity: int = 90, decisions: int = 365) -> Retention:
    return Retention(sessions, equity_keep_days=equity, decisions_keep_days=decisions)


def strategy(world: World, title: str = "one") -> int:
    return world.strategy(world.account(f"account of {title}"), title, PAPER)


def marks(world: World, strategy_id: int, schema: str = "public") -> list[tuple[int, float]]:
    rows = world.rows(f"SELECT time_ms, equity FROM {schema}.equity WHERE strategy_id = {strategy_id} ORDER BY time_ms")
    return [(int(str(at)), float(str(equity))) for at, equity in rows]


def hour_of_marks(
    world: World, strategy_id: int, hour_ms: int, equities: Sequence[float], schema: str = "public"
) -> None:
    for minute, equity in enumerate(equities):
        world.mark(strategy_id, equity, hour_ms + minute * MINUTE_MS, schema=schema)


OLD = (NOW_MS - 90 * DAY_MS) // HOUR_MS * HOUR_MS - HOUR_MS
"""The newest hour that is older than 90 days as a whole."""


@pytest.mark.parametrize("schema", ["public", "rehearsal", "live"])
async def test_of_an_old_hour_its_last_its_highest_and_its_lowest_mark_stay(
    sessions: SessionFactory, database_url: str, schema: str
) -> None:
    with world_of(database_url) as world:
        one = strategy(world)
        hour_of_marks(world, one, OLD - HOUR_MS, [5, 9, 9, 1, 1, 6, 7], schema)
        hour_of_marks(world, one, OLD, [1, 2, 3], schema)
        hour_of_marks(world, one, OLD + HOUR_MS, [4, 4, 4], schema)
        world.mark(one, 8, NOW_MS, schema=schema)

        assert await of(sessions).thin() == Thinned(marks=5)
        assert marks(world, one, schema) == [
            (OLD - HOUR_MS + 1 * MINUTE_MS, 9),
            (OLD - HOUR_MS + 3 * MINUTE_MS, 1),
            (OLD - HOUR_MS + 6 * MINUTE_MS, 7),
            (OLD, 1),
            (OLD + 2 * MINUTE_MS, 3),
            *((OLD + HOUR_MS + minute * MINUTE_MS, 4) for minute in range(3)),
            (NOW_MS, 8),
        ]
        assert await of(sessions).thin() == Thinned()


async def test_each_strategy_s_age_is_its_own(sessions: SessionFactory, database_url: str) -> None:
    with world_of(database_url) as world:
        trading, resting = strategy(world, "trading"), strategy(world, "resting")
        for each in (trading, resting):
            hour_of_marks(world, each, OLD - 400 * DAY_MS, [1, 2, 3, 4])
        world.mark(trading, 5, NOW_MS)
        assert await of(sessions).thin() == Thinned(marks=2)
        assert len(marks(world, resting)) == 4


async def test_the_newest_day_by_which_a_restart_measures_its_loss_is_whole_however_little_is_kept(
    sessions: SessionFactory, database_url: str
) -> None:
    midnight = NOW_MS // DAY_MS * DAY_MS
    with world_of(database_url) as world:
        one = strategy(world)
        hour_of_marks(world, one, midnight, [1, 2, 3, 4])
        world.mark(one, 5, midnight + DAY_MS - 1)
        assert await of(sessions, equity=1).thin() == Thinned()


async def test_what_falls_due_later_goes_with_a_later_call(sessions: SessionFactory, database_url: str) -> None:
    with world_of(database_url) as world:
        one = strategy(world)
        hour_of_marks(world, one, OLD - 30 * DAY_MS, [1, 2, 3, 4])
        hour_of_marks(world, one, OLD + HOUR_MS, [1, 2, 3, 4])
        world.mark(one, 5, NOW_MS)
        retention = of(sessions)
        assert await retention.thin() == Thinned(marks=2)
        assert await retention.thin() == Thinned()
        world.mark(one, 5, NOW_MS + 2 * HOUR_MS)
        assert await retention.thin() == Thinned(marks=2)


async def test_refused_wishes_go_after_a_year_and_what_was_done_stays(
    sessions: SessionFactory, database_url: str
) -> None:
    year_ago = NOW_MS - 365 * DAY_MS
    with world_of(database_url) as world:
        one = strategy(world)
        for at_ms in (year_ago - 1, year_ago):
            world.decision(one, "approved", at_ms=at_ms)
            world.decision(one, "denied", rule="max_open_orders", at_ms=at_ms)
        world.mark(one, 1, NOW_MS)
        assert await of(sessions).thin() == Thinned(decisions=1)
        left = world.rows("SELECT verdict, time_ms FROM decisions ORDER BY id")
        assert left == [("approved", year_ago - 1), ("approved", year_ago), ("denied", year_ago)]


async def test_many_refused_wishes_go_in_pieces(sessions: SessionFactory, database_url: str) -> None:
    with world_of(database_url) as world:
        one = strategy(world)
        world.decision(one, "approved", at_ms=NOW_MS)
        with psycopg.connect(plain_dsn(database_url)) as connection:
            connection.execute(
                "INSERT INTO decisions (strategy_id, time_ms, symbol, side, verdict, reason)"
                " SELECT %s, n, 'BTCUSDT', 'BUY', 'denied', 'x' FROM generate_series(1, 12001) n",
                (one,),
            )
        assert await of(sessions).thin() == Thinned(decisions=12_001)


async def test_an_empty_ledger_has_nothing_to_forget(sessions: SessionFactory, database_url: str) -> None:
    with world_of(database_url) as world:
        strategy(world)
    assert await of(sessions).thin() == Thinned()


async def test_without_its_database_it_is_unavailable() -> None:
    engine = create_async("postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=2")
    with pytest.raises(Unavailable):
        await of(session_factory(engine)).thin()
    await engine.dispose()
