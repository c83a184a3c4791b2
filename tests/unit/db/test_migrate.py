"""Migrations: the tables that result, and databases in every state."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect

from bot.db import migrate
from bot.db.base import Base, create_sync, plain_dsn
from bot.db.models import LEDGER_TABLES
from bot.domain.errors import Misconfigured, Unavailable

ROOT = Path(__file__).parents[3]
SCHEMAS = ("public", "rehearsal", "live")


def columns_of(url: str, table: str, schema: str = "public") -> dict[str, str]:
    with psycopg.connect(plain_dsn(url)) as connection:
        rows = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            [schema, table],
        ).fetchall()
    return dict(rows)


def run(url: str, statement: str) -> None:
    with psycopg.connect(plain_dsn(url), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize("source", ["environment", "dotenv"])
def test_alembic_upgrade_head_works_from_the_root_and_from_a_dotenv(
    empty_url: str, tmp_path: Path, source: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DB_URL"}
    if source == "environment":
        environment["DB_URL"] = empty_url
        where = ROOT
    else:
        (tmp_path / ".env").write_text(f"LOG_LEVEL=INFO\nDB_URL={empty_url}  # the database\n")
        where = tmp_path
    command = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head"]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert migrate.current(empty_url) == migrate.head()
    assert migrate.upgrade(empty_url) is False


def test_an_empty_database_is_upgraded_once(empty_url: str) -> None:
    assert migrate.current(empty_url) is None
    assert migrate.upgrade(empty_url) is True
    assert migrate.upgrade(empty_url) is False
    assert migrate.current(empty_url) == migrate.head()


def test_the_revisions_form_one_line() -> None:
    texts = [file.read_text("utf-8") for file in (migrate.FOLDER / "versions").glob("*.py")]
    followed = [
        found[1] for text in texts if (found := re.search(r'^down_revision\b[^=]*= "(.+)"', text, re.MULTILINE))
    ]
    assert len(set(followed)) == len(followed) == len(texts) - 1


def test_two_programs_that_migrate_at_once_take_turns(empty_url: str) -> None:
    code = "import sys; from bot.db.migrate import upgrade; upgrade(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    both = [subprocess.Popen([sys.executable, "-c", code, empty_url], env=environment) for _ in range(2)]
    assert [process.wait(timeout=180) for process in both] == [0, 0]
    assert migrate.current(empty_url) == migrate.head()


def test_going_back_removes_everything(database_url: str) -> None:
    code = "from alembic.config import main; main(argv=['-c', 'alembic.ini', 'downgrade', 'base'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "DB_URL": database_url}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run(database_url, "DROP TABLE alembic_version")
    assert migrate.current(database_url) is None
    assert migrate.upgrade(database_url) is True


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE alembic_version",
        "DELETE FROM alembic_version",
        "INSERT INTO alembic_version VALUES ('another')",
    ],
)
def test_a_database_of_unclear_revision_is_refused(database_url: str, damage: str) -> None:
    run(database_url, damage)
    with pytest.raises(Misconfigured, match="not one clear revision: restore it from a backup"):
        migrate.upgrade(database_url)


def test_a_database_of_a_newer_program_is_refused(database_url: str) -> None:
    run(database_url, "UPDATE alembic_version SET version_num = '2031_07'")
    with pytest.raises(Misconfigured, match="revision 2031_07, which this program does not know"):
        migrate.upgrade(database_url)


def test_a_failed_migration_leaves_nothing(empty_url: str) -> None:
    run(empty_url, "CREATE SCHEMA live")
    with pytest.raises(Misconfigured, match=r'is as it was .schema "live" already exists'):
        migrate.upgrade(empty_url)
    assert migrate.current(empty_url) is None
    assert columns_of(empty_url, "accounts") == {}


def test_a_server_that_is_away_is_unavailable_and_its_password_is_kept() -> None:
    with pytest.raises(Unavailable, match=r"bot:\*\*\*@127.0.0.1:9/none does not answer") as caught:
        migrate.current("postgresql://bot:hunter2@127.0.0.1:9/none")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("accounts", "id name api_key_enc api_secret_enc testnet"),
        ("strategies", "id name account_id market config enabled"),
        ("orders", "id strategy_id side qty price fee demo ts"),
        ("trades", "id order_id pnl ts_close"),
    ],
)
def test_the_first_design_s_columns_are_there_by_name(database_url: str, table: str, names: str) -> None:
    assert set(names.split()) <= columns_of(database_url, table).keys()


def test_orders_are_indexed_by_strategy_time_and_demo(database_url: str) -> None:
    engine = create_sync(database_url)
    indexes = {index["name"]: index["column_names"] for index in inspect(engine).get_indexes("orders")}
    engine.dispose()
    assert indexes["ix_orders_strategy_id"][0] == "strategy_id"
    assert indexes["ix_orders_ts"] == ["ts"]
    assert indexes["ix_orders_demo"] == ["demo"]


def test_the_three_ledgers_have_one_shape(database_url: str) -> None:
    for table in (*LEDGER_TABLES, "strategy_kpis", "strategy_equity"):
        paper, rehearsal, live = (columns_of(database_url, table, schema) for schema in SCHEMAS)
        assert paper
        assert paper == rehearsal == live


def test_configuration_is_in_public_alone(database_url: str) -> None:
    for table in ("accounts", "strategies", "users", "sessions", "audit", "leases", "api_tokens"):
        assert columns_of(database_url, table)
        assert not columns_of(database_url, table, "live")
        assert not columns_of(database_url, table, "rehearsal")


def test_models_and_migration_say_the_same(database_url: str) -> None:
    engine = create_sync(database_url)
    inspector = inspect(engine)
    try:
        for table in Base.metadata.sorted_tables:
            found = {column["name"]: column for column in inspector.get_columns(table.name)}
            assert found.keys() == {column.name for column in table.columns}, table.name
            for column in table.columns:
                there = found[column.name]
                name = f"{table.name}.{column.name}"
                assert there["nullable"] == column.nullable, name
                assert there["type"].compile(engine.dialect) == column.type.compile(engine.dialect), name
                has_default = column.server_default is not None
                assert (there["default"] is not None or "identity" in there) == has_default or name == "orders.demo", (
                    name
                )
    finally:
        engine.dispose()
