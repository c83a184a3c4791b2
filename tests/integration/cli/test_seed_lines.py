"""The command lines of the original request, letter by letter, from the folder that holds our source."""

import re
import sqlite3
import sys
import urllib.request
from pathlib import Path

import psycopg
import pytest
from tests.integration.cli.person import ROOT, Person, until

from bot.db.base import plain_dsn

AGGREGATOR = "from src.bot.reporting.cache.aggregator import run_aggregation_loop; run_aggregation_loop()"


def at_the_root(tmp_path: Path, database_url: str) -> Person:
    """Somebody who types in the repository, with everything that is written going elsewhere."""
    return Person(
        ROOT, DB_URL=database_url, VAR_DIR=str(tmp_path / "var"), API_PORT="0", STRATEGIES_DIR=str(tmp_path / "mine"),
        PYTHONPATH="", HOME=str(tmp_path), MARKET_DATA_ENVIRONMENT="emulator", DASHBOARD_REFRESH_SECONDS="1",
    )  # fmt: skip


def test_accounts_are_added_and_the_bot_started_through_the_source_folder(tmp_path: Path, database_url: str) -> None:
    person = at_the_root(tmp_path, database_url)
    command = (sys.executable, "-m", "src.bot.cli")
    words = ["add-account", "--name", "minha_conta", "--api-key", "xxx", "--api-secret", "yyy", "--testnet", "true"]
    added = person.run(*words, command=command)
    assert (added.code, "account 'minha_conta' added" in added.out) == (0, True)
    with person.running("start", command=command) as bot:
        bot.wait_for("first run, choose a password: ")
        assert bot.end() == 143


def test_alembic_upgrades_an_empty_database(tmp_path: Path, empty_url: str) -> None:
    person = at_the_root(tmp_path, empty_url)
    answer = person.run("upgrade", "head", command=(sys.executable, "-m", "alembic"))
    assert answer.code == 0, answer.err
    with psycopg.connect(plain_dsn(empty_url)) as connection:
        assert connection.execute("SELECT count(*) FROM strategies").fetchone() == (0,)


@pytest.mark.parametrize("app", ["main:app", "src.bot.api.main:app"])
def test_uvicorn_serves_the_dashboard(tmp_path: Path, database_url: str, app: str) -> None:
    person = at_the_root(tmp_path, database_url)
    with person.running(app, "--port", "0", command=(sys.executable, "-m", "uvicorn")) as server:
        assert "/setup?token=" in server.wait_for("First run: open")
        found = until(lambda: re.search(r"running on (http://127\.0\.0\.1:\d+)", server.said))
        with urllib.request.urlopen(f"{found[1]}/health", timeout=30) as answer:
            assert answer.status == 200
        server.end()
        assert "Traceback" not in server.said


def test_the_aggregators_line_fills_the_cache_until_it_is_told_to_end(tmp_path: Path, database_url: str) -> None:
    person = at_the_root(tmp_path, database_url)
    person.ok("account", "add", "--name", "a", "--paper", PYTHONPATH=str(ROOT / "src"))
    person.ok("strategy", "add", "breakout", "--account", "a", "--symbol", "BTCUSDT", PYTHONPATH=str(ROOT / "src"))
    cache = tmp_path / "var" / "cache" / "metrics.sqlite3"

    def snapshots() -> list[tuple[object, ...]]:
        if not cache.exists():
            return []
        connection = sqlite3.connect(cache)
        try:
            return connection.execute("SELECT strategy_id, symbol, pnl FROM kpi_snapshots").fetchall()
        except sqlite3.OperationalError:  # not made yet
            return []
        finally:
            connection.close()

    with person.running(AGGREGATOR, command=(sys.executable, "-c")) as aggregator:
        assert until(snapshots)[0][1:] == ("BTCUSDT", 0.0)
        assert aggregator.end() == 0
        assert "Traceback" not in aggregator.said
