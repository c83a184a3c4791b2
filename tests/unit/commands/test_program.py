"""What the running bot does once an hour."""

from pathlib import Path

from structlog.testing import capture_logs
from tests.unit.api.world import NOW_MS, PAPER, world_of

from bot.bootstrap import Roof
from bot.commands.program import Program
from bot.config import load
from bot.db.retention import DAY_MS, HOUR_MS


def program(folder: Path, url: str) -> Program:
    return Program(Roof(load(folder / ".env", {"DB_URL": url, "EQUITY_KEEP_DAYS": "2", "DECISIONS_KEEP_DAYS": "3"})))


async def test_records_are_thinned_by_the_settings_and_logins_past_their_end_go(
    tmp_path: Path, database_url: str
) -> None:
    with world_of(database_url) as world:
        one = world.strategy(world.account("home"), "one", PAPER)
        old = (NOW_MS - 2 * DAY_MS) // HOUR_MS * HOUR_MS - HOUR_MS
        for minute in range(5):
            world.mark(one, minute, old + minute * 60_000)
        world.mark(one, 1, NOW_MS)
        world.decision(one, "denied", rule="daily_loss", at_ms=NOW_MS - 4 * DAY_MS)
        world.sign_in("ada", "a token")
        running = program(tmp_path, database_url)
        with capture_logs() as logs:
            for chore in running.chores().values():
                await chore()
        await running.roof.close()
        assert world.rows("SELECT count(*) FROM equity") == [(3,)]
        assert world.rows("SELECT count(*) FROM decisions") == [(0,)]
        assert world.rows("SELECT count(*) FROM sessions") == [(0,)]
    assert [(each["event"], each.get("marks"), each.get("decisions")) for each in logs] == [("records.thinned", 3, 1)]


async def test_chores_wait_for_a_database_that_is_away(tmp_path: Path) -> None:
    running = program(tmp_path, "postgresql://nobody@127.0.0.1:9/none?connect_timeout=2")
    running.roof.__dict__["db_url"] = "postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=2"
    with capture_logs() as logs:
        for chore in running.chores().values():
            await chore()
    await running.roof.close()
    assert [each["event"] for each in logs] == ["chore.put_off", "chore.put_off"]
