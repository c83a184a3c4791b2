"""The truth book: everything that really happened, in order, whatever the clients were told."""

from collections import deque
from itertools import islice
from typing import Any

import msgspec

from bot.emulator.clock import Clock
from bot.emulator.wire import Json

_KEPT = 400_000


class Truth(msgspec.Struct, frozen=True, gc=False):
    """One fact. `number` counts without holes; `facts` says what it is about."""

    number: int
    server_ms: int
    face: str
    kind: str
    account: str
    facts: Any


class TruthBook:
    """Facts by number. The newest are kept; `first` says from where on."""

    def __init__(self, clock: Clock, kept: int = _KEPT) -> None:
        self._clock = clock
        self._rows: deque[Truth] = deque(maxlen=kept)
        self._next = 1

    @property
    def first(self) -> int:
        """Give the number of the oldest fact that is still here."""
        return self._rows[0].number if self._rows else self._next

    @property
    def last(self) -> int:
        """Give the number of the newest fact; 0 before the first."""
        return self._next - 1

    def note(self, face: str, kind: str, account: str, facts: Any) -> None:
        """Write a fact down. `facts` is a record or names and values, and must not change any more."""
        self._rows.append(Truth(self._next, self._clock.now_ms, face, kind, account, facts))
        self._next += 1

    def read(
        self, *, since: int = 0, account: str = "", kind: str = "", face: str = "", limit: int = 100_000
    ) -> list[Json]:
        """Give facts with a number above `since`, oldest first; empty words stand for any."""
        skipped = max(0, since + 1 - self.first)
        kinds = set(kind.split(",")) if kind else set()
        found = (
            row
            for row in islice(self._rows, skipped, None)
            if (not account or row.account == account)
            and (not kinds or row.kind in kinds)
            and (not face or row.face == face)
        )
        return [_flat(row) for row in islice(found, limit)]


def _flat(row: Truth) -> Json:
    facts: Json = msgspec.to_builtins(row.facts)
    return {
        "n": row.number, "server_ms": row.server_ms, "face": row.face, "kind": row.kind, "account": row.account
    } | {name: value for name, value in facts.items() if name not in {"n", "kind", "account"}}  # fmt: skip
