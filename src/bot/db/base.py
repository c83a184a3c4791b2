"""Engines and sessions from a database address. Nothing is opened at import.

Paper, rehearsal and live money live in three schemas of one shape. A connection is made for one of them: its
search path finds the ledger tables there and the configuration tables in `public`, so every statement is unqualified.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from bot.domain.errors import Misconfigured, Unavailable

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


class Base(DeclarativeBase):
    """What all our tables are declared on."""


class Mode(StrEnum):
    """Whose money it is: the simulator's, a test exchange's, or real."""

    PAPER = "paper"
    REHEARSAL = "rehearsal"
    LIVE = "live"


def mode_of(config: Mapping[str, object], environment: str, *, live_approved: bool) -> Mode:
    """Say whose money a strategy uses. Real money takes two facts, its own word and the account's approval."""
    if config.get("demo_mode", True) is not False:
        return Mode.PAPER
    if environment != "production":
        return Mode.REHEARSAL
    return Mode.LIVE if live_approved else Mode.PAPER


def schema_of(mode: Mode) -> str:
    """Name the schema that holds the ledger of a mode."""
    return "public" if mode is Mode.PAPER else mode.value


def search_path(mode: Mode) -> str:
    """Give the connection option that makes unqualified names find this mode's ledger, then the configuration."""
    schema = schema_of(mode)
    return "-c search_path=public" if schema == "public" else f"-c search_path={schema},public"


def parse(url: str) -> URL:
    """Read a database address, whichever of PostgreSQL's prefixes it has; Misconfigured when it is none."""
    try:
        address = make_url(url.strip())
    except ArgumentError:
        raise Misconfigured(
            "DB_URL is not a database address; write postgresql+psycopg://user:password@host:5432/database"
        ) from None
    if address.drivername not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise Misconfigured(
            f"DB_URL asks for {address.drivername}, but only PostgreSQL is supported: write postgresql+psycopg://…"
        )
    return address.set(drivername="postgresql+psycopg")


def masked(url: str) -> str:
    """Give the address without its password, fit for people and logs."""
    return parse(url).render_as_string(hide_password=True)


def plain_dsn(url: str) -> str:
    """Give the address the way psycopg itself takes it."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 (slow, and not every reader of this file connects)

    address = parse(url)
    words = {
        "host": address.host,
        "port": address.port,
        "user": address.username,
        "password": address.password,
        "dbname": address.database,
        **{name: value if isinstance(value, str) else ",".join(value) for name, value in address.query.items()},
    }
    return make_conninfo(**{name: str(value) for name, value in words.items() if value is not None})


def create_sync(url: str, mode: Mode = Mode.PAPER, **options: Any) -> Engine:
    """Make a blocking engine, for migrations and reports."""
    return create_engine(parse(url), connect_args=_connect_args(url, mode), **options)


def create_async(url: str, mode: Mode = Mode.PAPER, *, pooled: bool = True) -> AsyncEngine:
    """Make the engine of a running program; without a pool it suits short commands."""
    if not pooled:
        return create_async_engine(parse(url), connect_args=_connect_args(url, mode), poolclass=NullPool)
    return create_async_engine(
        parse(url), connect_args=_connect_args(url, mode), pool_size=5, max_overflow=5, pool_pre_ping=True
    )


SessionFactory = async_sessionmaker[AsyncSession]


def session_factory(engine: AsyncEngine) -> SessionFactory:
    """Make sessions whose records stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def unit_of_work(factory: SessionFactory) -> AsyncIterator[AsyncSession]:
    """Open a session that commits at the end, or keeps nothing after an error. Unavailable when no server answers."""
    try:
        async with factory.begin() as session:
            yield session
    except (OperationalError, InterfaceError) as error:
        raise Unavailable(f"the database does not answer ({first_line(error.orig)}); is it running?") from None


def first_line(error: BaseException | None) -> str:
    """Give the first line of what a driver says: the rest may repeat the address."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def weak(values: Mapping[str, str]) -> list[str]:
    """Give those of a server's settings by which it may forget what it confirmed, as `name=value`."""
    return [
        f"{name}={values[name]}" for name in DURABILITY if values[name] not in {"on", "remote_apply", "remote_write"}
    ]


async def check_durability(connection: AsyncConnection) -> None:
    """Refuse a server that may forget what it confirmed: live money needs all of `DURABILITY` on."""
    values = {name: str((await connection.execute(text(f"SHOW {name}"))).scalar_one()) for name in DURABILITY}
    if found := weak(values):
        raise Misconfigured(
            f"the database may lose confirmed writes ({', '.join(found)}); "
            "set them to on in postgresql.conf before live"
        )


def _connect_args(url: str, mode: Mode) -> dict[str, Any]:
    own = parse(url).query.get("options", "")
    given = own if isinstance(own, str) else " ".join(own)
    return {"options": f"{given} {search_path(mode)}".strip(), "connect_timeout": 10}
