"""Reads the stream of facts back, whole: from the database beside what the tables make of it, or from a file.

A file has one JSON document a line: first whose journal it is and what the tables made of it, then the facts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg

from bot.db.base import Mode, first_line, masked, plain_dsn, search_path
from bot.db.facts import MoneyFact, key_of, read
from bot.db.fold import fold
from bot.db.replay import Replay, digest_of, first_difference, money_of
from bot.domain.errors import Misconfigured, Unavailable

VERSION = 1
_FACTS = "SELECT key, kind, body::text FROM facts WHERE account_id = %s ORDER BY id"
_ACCOUNTS = "SELECT id, name FROM public.accounts ORDER BY name"


class Kept(NamedTuple):
    """A fact as it is kept."""

    key: str
    kind: str
    body: str


class Sight(NamedTuple):
    """All facts of an account, and the state that its tables hold, read in one transaction."""

    facts: Sequence[Kept]
    tables: dict[str, Any]


class Verdict(msgspec.Struct, frozen=True):
    """How a replay went. `digest` is the hash of the state folded from zero; `difference` is empty when all agree."""

    facts: int
    kinds: dict[str, int]
    digest: str
    tables: str
    """The same hash, of what the tables hold."""
    difference: str = ""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    mode: str
    facts: int
    tables: dict[str, Any]
    journal: int = VERSION


async def accounts(url: str) -> dict[str, int]:
    """Give the ids of all accounts by name. Unavailable without an answer."""
    try:
        async with await psycopg.AsyncConnection.connect(plain_dsn(url), connect_timeout=10) as connection:
            rows = await (await connection.execute(_ACCOUNTS)).fetchall()
    except psycopg.OperationalError as error:
        raise _away(url, error) from None
    return {name: account_id for account_id, name in rows}


async def look(url: str, account_id: int, mode: Mode) -> Sight:
    """Read both in one snapshot: a bot that runs meanwhile changes neither. Unavailable without an answer."""
    try:
        async with await psycopg.AsyncConnection.connect(
            plain_dsn(url), connect_timeout=10, options=search_path(mode), autocommit=True
        ) as connection, connection.transaction():  # fmt: skip
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            rows = await (await connection.execute(_FACTS, [account_id])).fetchall()
            return Sight([Kept(*row) for row in rows], money_of(await fold(connection, account_id)))
    except psycopg.OperationalError as error:
        raise _away(url, error) from None


def judge(sight: Sight) -> Verdict:
    """Fold the facts from zero, once each and then each twice, and compare both with the tables."""
    kinds = dict(sorted(Counter(each.kind for each in sight.facts).items()))
    table_digest = digest_of(sight.tables)
    try:
        once, twice = Replay(), Replay()
        for fact in facts_of(sight.facts):
            once.take(fact)
            twice.take(fact)
            twice.take(fact)
    except Misconfigured as error:
        return Verdict(len(sight.facts), kinds, "", table_digest, str(error))
    except KeyError as error:
        return Verdict(len(sight.facts), kinds, "", table_digest, f"order {error} has no intent on record")
    money = money_of(once.state())
    difference = first_difference(money, sight.tables, ("the facts", "the tables"))
    if not difference and money_of(twice.state()) != money:
        difference = "a fact counts twice when it is folded twice"
    return Verdict(len(sight.facts), kinds, digest_of(money), table_digest, difference)


def facts_of(kept: Iterable[Kept]) -> Iterator[MoneyFact]:
    """Read facts back; Misconfigured for one that is none, or that does not belong to its key."""
    seen: set[str] = set()
    for each in kept:
        try:
            fact = read(each.kind, each.body)
        except (ValueError, msgspec.MsgspecError) as error:
            raise Misconfigured(f"fact {each.key} cannot be read: {first_line(error)}") from None
        if key_of(fact) != each.key:
            raise Misconfigured(f"fact {each.key} is another one by what it says: {key_of(fact)}")
        if each.key in seen:
            raise Misconfigured(f"fact {each.key} is there twice")
        seen.add(each.key)
        yield fact


def written(sight: Sight, account: str, mode: Mode) -> Iterator[str]:
    """Give the lines of a file that holds all of it."""
    yield msgspec.json.encode(_Header(account, mode.value, len(sight.facts), sight.tables)).decode()
    for each in sight.facts:
        yield msgspec.json.encode(each).decode()


def read_file(path: Path) -> tuple[str, str, Sight]:
    """Give account, mode and what a file holds. Misconfigured when it is no whole journal of ours."""
    try:
        with path.open("rb") as lines:
            header = msgspec.json.decode(next(lines, b""), type=_Header)
            kept = [Kept(*msgspec.json.decode(line, type=tuple[str, str, str])) for line in lines]
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read ({error.strerror}); is that the file of: bot facts export?"
        ) from None
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"{path} is no exported journal ({error}); write one with: bot facts export") from None
    if header.journal != VERSION or len(kept) != header.facts:
        raise Misconfigured(f"{path} holds {len(kept)} of {header.facts} facts: export it again")
    return header.account, header.mode, Sight(kept, header.tables)


def _away(url: str, error: psycopg.Error) -> Unavailable:
    return Unavailable(f"the database at {masked(url)} does not answer ({first_line(error)}); is it running?")
