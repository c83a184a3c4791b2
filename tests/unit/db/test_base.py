"""Addresses, search paths, durability."""

import pytest
from sqlalchemy import text

from bot.db.base import (
    Mode,
    check_durability,
    create_async,
    create_sync,
    masked,
    parse,
    plain_dsn,
    schema_of,
)
from bot.domain.errors import Misconfigured


@pytest.mark.parametrize("prefix", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_postgresql_prefix_means_our_driver(prefix: str) -> None:
    assert parse(f" {prefix}://u@h:5433/d ").render_as_string() == "postgresql+psycopg://u@h:5433/d"


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://u:hunter2@h/d", "postgresql+asyncpg://h/d", "hunter2", ""])
def test_other_addresses_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"postgresql\+psycopg://") as caught:
        parse(url)
    assert "hunter2" not in str(caught.value)


def test_a_masked_address_has_no_password() -> None:
    assert masked("postgresql://u:hunter2@h/d") == "postgresql+psycopg://u:***@h/d"


def test_the_driver_s_own_address_keeps_spaces_and_signs() -> None:
    dsn = plain_dsn("postgresql+psycopg://u:p%40ss@/d?host=/a%20b/c&sslmode=require")
    assert set(dsn.replace("'/a b/c'", "/a_b/c").split()) == {
        "host=/a_b/c", "user=u", "password=p@ss", "dbname=d", "sslmode=require",
    }  # fmt: skip


def test_each_mode_has_a_schema_of_its_own() -> None:
    assert [schema_of(mode) for mode in Mode] == ["public", "rehearsal", "live"]


@pytest.mark.parametrize("mode", Mode)
async def test_unqualified_names_find_the_mode_s_ledger_and_the_shared_configuration(
    database_url: str, mode: Mode
) -> None:
    question = text(
        "SELECT t.relname, n.nspname FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace"
        " WHERE t.oid IN ('orders'::regclass, 'fills'::regclass, 'strategy_kpis'::regclass, 'accounts'::regclass)"
    )
    wanted = dict.fromkeys(("orders", "fills", "strategy_kpis"), schema_of(mode)) | {"accounts": "public"}
    engine = create_async(database_url, mode)
    async with engine.connect() as connection:
        assert dict((await connection.execute(question)).all()) == wanted
    await engine.dispose()
    blocking = create_sync(database_url, mode)
    with blocking.connect() as connection:
        assert dict(connection.execute(question).all()) == wanted
    blocking.dispose()


async def test_options_of_the_address_itself_are_kept(database_url: str) -> None:
    engine = create_async(f"{database_url}&options=-c%20work_mem%3D5MB", Mode.LIVE, pooled=False)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW work_mem")) == "5MB"
        assert await connection.scalar(text("SHOW search_path")) == "live,public"
    await engine.dispose()


async def test_live_money_refuses_a_database_that_may_forget(database_url: str) -> None:
    engine = create_async(database_url, pooled=False)
    async with engine.connect() as connection:
        await connection.execute(text("SET synchronous_commit = off"))
        # The tests' server runs without fsync, which is another thing to refuse.
        with pytest.raises(Misconfigured, match=r"\(fsync=off, synchronous_commit=off\); set them to on"):
            await check_durability(connection)
    await engine.dispose()
