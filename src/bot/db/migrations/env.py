"""Alembic's way in: finds the database address and runs the migrations on it, in one transaction.

The address comes from the caller (`bot.db.migrate`), else from `DB_URL` (environment, then `.env`), else it is our
private server's.
"""

import os
from pathlib import Path

from alembic import context
from sqlalchemy.pool import NullPool

from bot.db.base import create_sync
from bot.db.models import Account
from bot.killpoints import reached


def address() -> str:
    """Give the database address to migrate."""
    given = context.config.attributes.get("url")
    if given:
        return str(given)
    url = os.environ.get("DB_URL") or from_dotenv(Path(".env"))
    if url:
        return url
    from bot.db import embedded  # noqa: PLC0415 (not wanted where an address is given)

    return embedded.ensure(Path(os.environ.get("VAR_DIR", "var")) / "postgres").url


def from_dotenv(path: Path) -> str:
    """Give the `DB_URL` of a `.env` file, or an empty text."""
    if not path.is_file():
        return ""
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.strip().removeprefix("export ").partition("=")
        if key.strip() == "DB_URL":
            return value.split(" #")[0].strip().strip("'\"")
    return ""


def run() -> None:
    """Migrate."""
    engine = create_sync(address(), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Account.metadata,
            on_version_apply=lambda **_: reached("migration.step"),
        )
        with context.begin_transaction():
            # Two programs that start at once on an empty database take turns.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7265460173)")
            context.run_migrations()


run()
