"""Statements straight through libpq: all or nothing, values to the last digit, and refusals that name their cause."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from bot.db.base import plain_dsn
from bot.db.direct import Direct

ADD = "INSERT INTO notes (name, words, amounts, amount, at, flag, signal) VALUES (%(name)s, %(words)s, %(amounts)s, %(amount)s, %(at)s, %(flag)s, %(signal)s)"
HARDLY = "UPDATE notes SET amount = 1 / %(by)s::numeric WHERE name = %(name)s OR %(name)s = ''"


def note(name: str, **other: Any) -> dict[str, Any]:
    return {
        "name": name, "words": [], "amounts": [], "amount": None, "at": None, "flag": False, "signal": 0.0, **other
    }  # fmt: skip


def nothing() -> None:
    pass


@pytest.fixture
async def connection(database_url: str) -> "AsyncIterator[psycopg.AsyncConnection[Any]]":
    connection = await psycopg.AsyncConnection.connect(plain_dsn(database_url), autocommit=True)
    await connection.execute(
        "CREATE TABLE notes (name text PRIMARY KEY, words text[], amounts numeric[], amount numeric,"
        " at timestamptz, flag boolean, signal float8)"
    )
    yield connection
    await connection.close()


async def notes(connection: "psycopg.AsyncConnection[Any]") -> list[Any]:
    return await (await connection.execute("SELECT * FROM notes ORDER BY name")).fetchall()


async def test_values_arrive_as_they_left(connection: "psycopg.AsyncConnection[Any]") -> None:
    words = ["plain", 'quo"ted', "back\\slash", "{brace,comma}", "NULL", "", "ü"]
    amounts = [Decimal("12345678901234567890.123456789012345678"), Decimal("1E-18"), Decimal("-0.1")]
    at = datetime(2025, 6, 15, 15, 6, 40, 123000, UTC)
    values = note("a", words=words, amounts=amounts, amount=Decimal("1E+3"), at=at, flag=True, signal=0.1)
    await Direct(connection).transact([(ADD, values), (ADD, note("b"))], nothing)
    assert await notes(connection) == [
        ("a", words, amounts, 1000, at, True, 0.1),
        ("b", [], [], None, None, False, 0.0),
    ]


async def test_one_refusal_leaves_nothing_and_the_next_transaction_goes_on(
    connection: "psycopg.AsyncConnection[Any]",
) -> None:
    direct = Direct(connection)
    await direct.transact([(ADD, note("a"))], nothing)
    with pytest.raises(psycopg.errors.UniqueViolation) as told:
        await direct.transact([(ADD, note("b")), (ADD, note("a")), (HARDLY, {"by": 1, "name": "b"})], nothing)
    assert told.value.diag.constraint_name == "notes_pkey"
    with pytest.raises(psycopg.errors.DivisionByZero):
        await direct.transact([(HARDLY, {"by": 0, "name": ""})], nothing)
    await direct.transact([(ADD, note("c")), (HARDLY, {"by": 4, "name": "c"})], nothing)
    assert [(row[0], row[3]) for row in await notes(connection)] == [("a", None), ("c", Decimal("0.25"))]


async def test_more_than_the_socket_takes_at_once_gets_there(connection: "psycopg.AsyncConnection[Any]") -> None:
    await Direct(connection).transact([(ADD, note("long", words=["x" * 1_000_000] * 8))], nothing)
    assert [len(each) for each in (await notes(connection))[0][1]] == [1_000_000] * 8


@pytest.mark.parametrize("value", ["a\0b", object()], ids=["NUL", "an object"])
async def test_what_postgresql_does_not_hold_is_refused_before_it_leaves(
    connection: "psycopg.AsyncConnection[Any]", value: object
) -> None:
    with pytest.raises(psycopg.DataError):
        await Direct(connection).transact([(ADD, note("b")), (ADD, note("a", words=[value]))], nothing)
    assert await notes(connection) == []


async def test_a_connection_that_is_lost_on_the_way_is_an_operational_error(
    connection: "psycopg.AsyncConnection[Any]", database_url: str
) -> None:
    wait = "SELECT pg_sleep(%(seconds)s::float8)"
    work = asyncio.create_task(Direct(connection).transact([(wait, {"seconds": 60})], nothing))
    async with await psycopg.AsyncConnection.connect(plain_dsn(database_url), autocommit=True) as other:
        ends = "SELECT pg_terminate_backend(%s) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        pid = connection.info.backend_pid
        while not await (await other.execute(ends, [pid, pid])).fetchall():
            await asyncio.sleep(0.01)
    with pytest.raises(psycopg.OperationalError):
        await work
