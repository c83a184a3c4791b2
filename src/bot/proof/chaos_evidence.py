"""What the oracle looks at after a chaos run: the journal as it lies in PostgreSQL, the truth by the control port."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import psycopg

from bot.db.base import Mode, plain_dsn, search_path
from bot.db.facts import MoneyFact, read
from bot.db.journal import PostgresJournal
from bot.db.replay import Replay, digest
from bot.domain.messages import AccountMoved, Attempt, OrderChanged, Outcome, PlaceOrder
from bot.domain.order import Purpose
from bot.domain.state import AccountState
from bot.emulator.wire import Json
from bot.ports import Recovered
from bot.proof.evidence import Evidence
from bot.proof.oracle import CHECKS, Breach, Check
from bot.proof.world import Party, World
from bot.simulation.balances import Balance


class TruthRows:
    """The truth book, read through the control port as it grows."""

    def __init__(self) -> None:
        self._rows: list[Json] = []
        self.last = 0

    def take(self, answer: Json) -> bool:
        """Take what is new; False when there was nothing."""
        rows: list[Json] = answer["rows"]
        self._rows += rows
        self.last = rows[-1]["n"] if rows else self.last
        return bool(rows)

    def read(self, *, kind: str, account: str = "", face: str = "") -> list[Json]:
        """Give facts of a kind, oldest first; empty words stand for any."""
        return [
            row
            for row in self._rows
            if row["kind"] == kind and (not account or row["account"] == account) and (not face or row["face"] == face)
        ]

    def balances(self, account: str) -> Mapping[str, Balance]:
        """Give what an account has: the sum of all that moved there."""
        found: dict[str, tuple[Decimal, Decimal]] = {}
        for row in self.read(kind="balance", account=account):
            free, locked = found.get(row["asset"], (Decimal(0), Decimal(0)))
            found[row["asset"]] = free + Decimal(row["free"]), locked + Decimal(row["locked"])
        return {asset: Balance(*amounts) for asset, amounts in found.items()}


class FactRows:
    """The stream of facts of one account, read from the database as it grows."""

    def __init__(self, url: str, account_id: int) -> None:
        self._url, self._account_id = url, account_id
        self.outcomes: list[Outcome] = []
        self._replay = Replay()
        self._last = 0
        self.recovered: Recovered | None = None

    async def refresh(self) -> None:
        """Read what is new, and the tables' own fold."""
        options = search_path(Mode.REHEARSAL)
        async with await psycopg.AsyncConnection.connect(plain_dsn(self._url), options=options) as connection:
            while True:
                found = await connection.execute(
                    "SELECT id, kind, body::text FROM facts WHERE account_id = %s AND id > %s ORDER BY id",
                    (self._account_id, self._last),
                )
                for number, kind, body in await found.fetchall():
                    self._last = number
                    self._take(read(kind, body))
                counted = await (
                    await connection.execute("SELECT count(*) FROM facts WHERE account_id = %s", (self._account_id,))
                ).fetchone()
                if counted is not None and counted[0] == len(self.outcomes):
                    break
                # One was written late, below the newest number: all from the first one, once more.
                self.outcomes, self._replay, self._last = [], Replay(), 0
        journal = PostgresJournal(self._url, self._account_id, Mode.REHEARSAL)
        try:
            self.recovered = await journal.recover()
        finally:
            await journal.close()

    def replay(self) -> Recovered:
        """Give the state that the facts come to."""
        return self._replay.state()

    def again(self) -> Recovered:
        """Fold all facts from the first one."""
        return Replay(self.outcomes).state()

    def _take(self, fact: MoneyFact) -> None:
        self.outcomes.append(fact)
        self._replay.take(fact)


class Found(Evidence):
    """The evidence of a chaos run, in the shape that the oracle of `bot prove` takes."""

    def __init__(self, account: str, truth: TruthRows, facts: FactRows, trouble: str, max_open: int) -> None:
        balances = truth.balances(account)
        exchange = SimpleNamespace(balances=lambda _name: balances)
        self.world = cast("World", SimpleNamespace(truth=truth, venue=SimpleNamespace(exchange=exchange)))
        intents = {each.order.client_order_id: 0 for each in facts.outcomes if isinstance(each, PlaceOrder)}
        worker = None if trouble else SimpleNamespace(runner=True)
        self.party = cast("Party", SimpleNamespace(name=account, intents=intents, halted="", worker=worker))
        self.facts = facts
        self.journal = cast("Any", facts)
        self.outcomes = facts.outcomes
        self.state = facts.replay()
        self.trouble, self.max_open = trouble, max_open

    @cached_property
    def foreign(self) -> Mapping[str, Decimal]:
        """What the account began with: nobody meddles here."""
        return self.funds


def i6_limits_hold(seen: Evidence) -> Iterator[Breach]:
    """Never are more orders under way than allowed, those in doubt counted."""
    assert isinstance(seen, Found)
    under_way: set[str] = set()
    for each in seen.outcomes:
        if isinstance(each, PlaceOrder):
            under_way.add(each.order.client_order_id)
            if len(under_way) > seen.max_open:
                name = each.order.client_order_id
                yield Breach("I6", f"{len(under_way)} orders under way, {seen.max_open} allowed", name)
        elif isinstance(each, OrderChanged) and not each.status.is_open:
            under_way.discard(each.client_order_id)


def i8_new_risk_when_ready(seen: Evidence) -> Iterator[Breach]:
    """No entry is decided while the account is not READY."""
    state = AccountState.BOOT
    for each in seen.outcomes:
        if isinstance(each, AccountMoved):
            state = each.state
        elif isinstance(each, PlaceOrder) and each.order.purpose is Purpose.ENTRY and state is not AccountState.READY:
            yield Breach("I8", f"an entry while the account was {state}", each.order.client_order_id)


def i9_epochs_grow(seen: Evidence) -> Iterator[Breach]:
    """Each attempt was made under the newest lease there was."""
    newest = 0
    for each in seen.outcomes:
        if isinstance(each, Attempt):
            if each.epoch < newest:
                yield Breach("I9", f"sent under epoch {each.epoch} after {newest}", each.client_order_id)
            newest = max(newest, each.epoch)


def i10_facts_are_tables(seen: Evidence) -> Iterator[Breach]:
    """The facts folded from zero, the facts folded as they came, and the tables come to the same."""
    assert isinstance(seen, Found)
    facts = seen.facts
    assert facts.recovered is not None
    folded, tables = digest(seen.state), digest(facts.recovered)
    if folded != tables:
        yield Breach("I10", f"the facts come to {folded[:12]}, the tables to {tables[:12]}")
    if digest(facts.again()) != folded:
        yield Breach("I10", "folding the facts again gives another state")


def i8_at_work(seen: Evidence) -> Iterator[Breach]:
    """In the end the bot is at work again."""
    assert isinstance(seen, Found)
    if seen.trouble:
        yield Breach("I8", f"not at work again: {seen.trouble}")


_OURS: tuple[Check, ...] = (i6_limits_hold, i8_new_risk_when_ready, i9_epochs_grow, i10_facts_are_tables, i8_at_work)
_NOT_HERE = {"at_rest", "i10_replay_is_the_same"}
"""Checks of the made-up world that stand here in a form of their own."""
CHAOS_CHECKS: tuple[Check, ...] = (*(each for each in CHECKS if each.__name__ not in _NOT_HERE), *_OURS)


def judge(seen: Found) -> list[Breach]:
    """Give everything that does not hold."""
    return [breach for check in CHAOS_CHECKS for breach in check(seen)]


def dump(truth: TruthRows, facts: FactRows) -> tuple[bytes, bytes]:
    """Give truth and facts as JSON lines, for a person to look into."""
    encode = msgspec.json.Encoder().encode_lines
    rows = sorted(
        (row for kind in ("order", "move", "trade", "request", "balance", "fault") for row in truth.read(kind=kind)),
        key=lambda row: row["n"],
    )
    return encode(rows), encode([{"fact": type(each).__name__, "body": each} for each in facts.outcomes])
