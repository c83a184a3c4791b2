"""Studies in PostgreSQL: which trials wait, who works on which until when, and what came of them.

A trial is taken with `FOR UPDATE SKIP LOCKED` and a time limit, by the database's clock. Whoever dies or falls silent
loses it to the next; a late answer of theirs is not counted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from bot.db.base import first_line, masked, plain_dsn
from bot.db.leases import is_dead, new_holder
from bot.db.trials import Result, Trial, TrialState, Wanted
from bot.domain.errors import Misconfigured, Unavailable

TTL_S = 120.0
"""How long a trial stays taken by somebody who says nothing."""

_CLAIM = """
WITH free AS (
    SELECT id FROM public.trials
    WHERE study_id = %(study)s AND (state = 'waiting' OR (state = 'running'
        AND (expires_at <= clock_timestamp() OR holder = ANY(%(dead)s))))
    ORDER BY number LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE public.trials AS t
SET state = 'running', holder = %(holder)s, attempts = attempts + 1, began_at = clock_timestamp(),
    expires_at = clock_timestamp() + %(ttl)s * interval '1 second'
FROM free WHERE t.id = free.id
RETURNING t.number, t.params, t.part, t.stretches, t.hints, t.state, t.figures, t.reason, t.attempts
"""
_FINISH = """
UPDATE public.trials
SET state = %(state)s, figures = %(figures)s, reason = %(reason)s, ended_at = clock_timestamp(), expires_at = NULL
WHERE study_id = %(study)s AND number = %(number)s AND state = 'running' AND holder = %(holder)s
"""
_RENEW = """
UPDATE public.trials SET expires_at = clock_timestamp() + %(ttl)s * interval '1 second'
WHERE study_id = %(study)s AND state = 'running' AND holder = %(holder)s
"""
_RELEASE = """
UPDATE public.trials SET state = 'waiting', holder = '', expires_at = NULL, attempts = attempts - 1
WHERE study_id = %(study)s AND state = 'running' AND holder = %(holder)s
"""
_HOLDERS = """
SELECT DISTINCT holder FROM public.trials WHERE study_id = %(study)s AND state = 'running' AND holder <> %(holder)s
"""
_TRIALS = """
SELECT number, params, part, stretches, hints, state, figures, reason, attempts
FROM public.trials WHERE study_id = %(study)s AND number > %(after)s ORDER BY number
"""
_ADD = """
INSERT INTO public.trials (study_id, number, params, part, stretches, hints) VALUES (%s, %s, %s, %s, %s, %s)
"""
_LIST = """
SELECT s.id, s.name, s.plan::text, s.created_at, count(t.id),
       count(t.id) FILTER (WHERE t.state = 'done'), count(t.id) FILTER (WHERE t.state = 'failed'),
       count(t.id) FILTER (WHERE t.state = 'running'), max(t.ended_at)
FROM public.studies s LEFT JOIN public.trials t ON t.study_id = s.id
"""


class Kept(NamedTuple):
    """A study on record, with how far it came; `plan` is JSON."""

    id: int
    name: str
    plan: str
    created_at: datetime
    trials: int
    done: int
    failed: int
    running: int
    ended_at: datetime | None


class Studies:
    """All studies of a database, over one connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        with _told(url):
            self._connection = psycopg.connect(
                plain_dsn(url), autocommit=True, connect_timeout=10, options="-c search_path=public"
            )

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def __enter__(self) -> "Studies":
        """Use it for a while."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def begin(self, name: str, plan: str, digest: str, wanted: Sequence[Wanted]) -> bool:
        """Keep a study with its first trials, all or nothing; False when it is there already, as it was asked for.

        Misconfigured when a study of that name asks for something else.
        """
        with _told(self._url), self._connection.transaction():
            made = self._connection.execute(
                "INSERT INTO public.studies (name, plan, digest) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
                " RETURNING id", [name, Jsonb(msgspec.json.decode(plan)), digest],
            ).fetchone()  # fmt: skip
            if made is not None:
                insert(self._connection, made[0], 0, wanted)
                return True
            known = self._connection.execute("SELECT digest FROM public.studies WHERE name = %s", [name]).fetchone()
        if known is None or known[0] != digest:
            raise Misconfigured(
                f"there is a study {name!r} of other settings, candles or code; see it with bot study show {name},"
                " choose another name, or remove it with bot study remove"
            )
        return False

    def find(self, name: str) -> Kept:
        """Give a study by name; Misconfigured when there is none."""
        with _told(self._url):
            row = self._connection.execute(f"{_LIST} WHERE s.name = %s GROUP BY s.id", [name]).fetchone()
        if row is None:
            raise Misconfigured(f"there is no study {name!r}; see: bot study list")
        return Kept(*row)

    def all(self) -> list[Kept]:
        """Give all studies, the newest first."""
        with _told(self._url):
            return [Kept(*row) for row in self._connection.execute(f"{_LIST} GROUP BY s.id ORDER BY s.id DESC")]

    def remove(self, name: str) -> None:
        """Remove a study with its trials; Misconfigured when there is none."""
        with _told(self._url):
            gone = self._connection.execute("DELETE FROM public.studies WHERE name = %s", [name]).rowcount
        if not gone:
            raise Misconfigured(f"there is no study {name!r}; see: bot study list")

    def book(self, name: str, *, ttl_s: float = TTL_S) -> "StudyBook":
        """Give the trials of a study, for one who works on them."""
        return StudyBook(self._connection, self._url, self.find(name).id, ttl_s)


class StudyBook:
    """The trials of one study, as one holder sees them."""

    is_shared = True

    def __init__(self, connection: "psycopg.Connection[TupleRow]", url: str, study: int, ttl_s: float) -> None:
        self._connection = connection
        self._url = url
        self._values = {"study": study, "holder": new_holder(), "ttl": ttl_s}

    def add(self, wanted: Sequence[Wanted], most: int | None = None) -> int:
        """Add trials, up to `most` of the study in all, in turn with others who add; gives how many were added."""
        study = self._values["study"]
        with _told(self._url), self._connection.transaction():
            self._connection.execute("SELECT FROM public.studies WHERE id = %s FOR UPDATE", [study])
            row = self._connection.execute("SELECT count(*) FROM public.trials WHERE study_id = %s", [study]).fetchone()
            first = row[0] if row else 0
            chosen = wanted if most is None else wanted[: max(0, most - first)]
            insert(self._connection, int(str(study)), first, chosen)
        return len(chosen)

    def claim(self, count: int) -> list[Trial]:
        """Take up to `count` trials that wait, or whose worker is dead or silent."""
        taken = self._claim(count, [])
        if len(taken) < count:
            with _told(self._url):
                holders = [row[0] for row in self._connection.execute(_HOLDERS, self._values)]
            if dead := [holder for holder in holders if is_dead(holder)]:
                taken += self._claim(count - len(taken), dead)
        return taken

    def renew(self) -> None:
        """Say that we still work on what we took."""
        with _told(self._url):
            self._connection.execute(_RENEW, self._values)

    def finish(self, results: Sequence[Result]) -> int:
        """Put results on record; gives how many counted: what we had lost to somebody else does not."""
        counted = 0
        with _told(self._url), self._connection.transaction():
            for each in results:
                state = TrialState.FAILED if each.figures is None else TrialState.DONE
                values = {
                    "number": each.number, "state": state, "reason": each.reason,
                    "figures": None if each.figures is None else Jsonb(each.figures),
                }  # fmt: skip
                counted += self._connection.execute(_FINISH, {**self._values, **values}).rowcount
        return counted

    def release(self) -> None:
        """Give back what we took and did not finish. A database that is away takes it back by itself, later."""
        if not self._connection.closed and not self._connection.broken:
            with _told(self._url):
                self._connection.execute(_RELEASE, self._values)

    def trials(self, after: int = -1) -> list[Trial]:
        """Give the trials above a number, in order."""
        with _told(self._url):
            return [_trial(row) for row in self._connection.execute(_TRIALS, {**self._values, "after": after})]

    def open_count(self) -> int:
        """Say how many trials wait or are worked on, here or elsewhere."""
        with _told(self._url):
            row = self._connection.execute(
                "SELECT count(*) FROM public.trials WHERE study_id = %(study)s AND state IN ('waiting', 'running')",
                self._values,
            ).fetchone()
        return int(row[0]) if row else 0

    def _claim(self, count: int, dead: list[str]) -> list[Trial]:
        with _told(self._url):
            rows = self._connection.execute(_CLAIM, {**self._values, "count": count, "dead": dead}).fetchall()
        return sorted(map(_trial, rows), key=lambda each: each.number)


def insert(connection: "psycopg.Connection[TupleRow]", study: int, first: int, wanted: Sequence[Wanted]) -> None:
    """Insert trials, numbered from `first` on, in the transaction that is open."""
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, [
            (study, first + n, Jsonb(each.params), each.part, Jsonb(each.stretches), Jsonb(each.hints))
            for n, each in enumerate(wanted)
        ])  # fmt: skip


def _trial(row: TupleRow) -> Trial:
    number, params, part, stretches, hints, state, figures, reason, attempts = row
    wanted = Wanted(params, part, tuple((first, last) for first, last in stretches), hints)
    return Trial(number, wanted, TrialState(state), figures, reason, attempts)


@contextmanager
def _told(url: str) -> Iterator[Any]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(
            f"the database at {masked(url)} does not answer ({first_line(error)}); once it runs again, the same line"
            " goes on where this ended"
        ) from None
