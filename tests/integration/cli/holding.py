"""Holds programs that work on a study at one of its trials, until a test has looked, so that no test hangs on speed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from tests.integration.cli.person import until

from bot.db.base import plain_dsn

_LOCK = 7
_HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number >= {first} THEN PERFORM pg_advisory_xact_lock_shared({lock}); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE UPDATE ON trials FOR EACH ROW EXECUTE FUNCTION hold();
SELECT pg_advisory_lock({lock});
"""
_WAITING = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Database:
    """The database of a person, as a test looks at it."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(plain_dsn(url), autocommit=True)

    def ask(self, statement: str) -> list[Any]:
        """Give the rows of an answer."""
        return self.connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]

    def states(self) -> dict[str, int]:
        """Give how many trials are in which state."""
        return dict(self.ask("SELECT state, count(*) FROM trials GROUP BY state"))

    @contextmanager
    def holding(self, first: int) -> Iterator[None]:
        """Let nobody take or finish trials from number `first` on, for a while."""
        self.connection.execute(_HOLD.format(first=first, lock=_LOCK))  # type: ignore[call-overload]
        yield
        self.connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")  # type: ignore[call-overload]

    def wait_for_nobody(self) -> None:
        """Wait until all others have left: what a killed program asked for last may still happen."""
        others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        until(lambda: not self.ask(others))

    def wait_for_held(self, programs: int) -> None:
        """Wait until so many programs are held."""
        until(lambda: self.ask(_WAITING)[0][0] == programs)
