"""Bring a database to the newest schema. Alembic is loaded only when there is something to do."""

import re
from pathlib import Path

import psycopg

from bot.db.base import first_line, masked, plain_dsn
from bot.domain.errors import Misconfigured, Unavailable

FOLDER = Path(__file__).parent / "migrations"
_NAMED = re.compile(r'^(revision|down_revision)\b[^=]*=\s*"([^"]+)"', re.MULTILINE)


def head() -> str:
    """Give the newest revision that this program knows."""
    known, followed = _revisions()
    return (known - followed).pop()


def current(url: str) -> str | None:
    """Give the revision of a database, None when it is empty; Misconfigured when it is half made or not ours."""
    try:
        with psycopg.connect(plain_dsn(url), connect_timeout=10) as connection:
            return _revision_of(connection)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the database at {masked(url)} does not answer ({first_line(error)}); is it running, is DB_URL right?"
        ) from None


def knows(revision: str) -> bool:
    """Say whether this program knows a revision: a newer program's it does not."""
    return revision in _revisions()[0]


def upgrade(url: str) -> bool:
    """Bring the schema to `head()`; True when something was done. All of it happens, or nothing."""
    now = current(url)
    if now == head():
        return False
    if now is not None and not knows(now):
        raise Misconfigured(
            f"the database is at revision {now}, which this program does not know: it was made by a newer one; "
            "update the program, or use another database"
        )
    # Half a second of imports, needed once in a database's life.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    settings = Config()
    settings.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    settings.attributes["url"] = url
    try:
        command.upgrade(settings, "head")
    except DBAPIError as error:
        raise Misconfigured(
            f"the database could not be migrated and is as it was ({first_line(error.orig)}); "
            "name an empty database in DB_URL, owned by its user"
        ) from error
    return True


def _revisions() -> tuple[set[str], set[str]]:
    known: set[str] = set()
    followed: set[str] = set()
    for file in (FOLDER / "versions").glob("*.py"):
        for name, value in _NAMED.findall(file.read_text(encoding="utf-8")):
            (known if name == "revision" else followed).add(value)
    return known, followed


def _revision_of(connection: "psycopg.Connection[tuple[object, ...]]") -> str | None:
    found = connection.execute(
        "SELECT to_regclass('public.alembic_version') IS NOT NULL, to_regclass('public.accounts') IS NOT NULL"
    ).fetchone()
    has_version, has_tables = found or (False, False)
    rows = connection.execute("SELECT version_num FROM public.alembic_version").fetchall() if has_version else []
    if len(rows) == 1:
        return str(rows[0][0])
    if rows or has_tables:
        raise Misconfigured(
            "the database holds tables of ours but not one clear revision: restore it from a backup, "
            "or name an empty database in DB_URL"
        )
    return None
