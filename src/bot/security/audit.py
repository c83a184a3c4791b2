"""The audit chain: each row carries a hash over itself and the row before, so that no row changes unnoticed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GENESIS = ""
"""Stands before the first row."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row as stored. The record holds texts, whole numbers, booleans, None, lists and dicts of these."""

    record: Mapping[str, object]
    hash: str


@dataclass(frozen=True, slots=True)
class Intact:
    """Nothing was changed. Keep `count` and `head` elsewhere: they show rows that are later cut off at the end."""

    count: int
    head: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Something was changed; `position` counts rows from 1."""

    position: int
    reason: str


def link(previous_hash: str, record: Mapping[str, object]) -> str:
    """Give the hash of a record that follows a row."""
    return hashlib.sha256(f"{previous_hash}\n{_canonical(record)}".encode()).hexdigest()


def verify(rows: Iterable[AuditRow], known: Intact | None = None) -> Intact | Broken:
    """Check rows in their order, and against a count and head that were noted earlier."""
    head = GENESIS
    count = 0
    if known is not None and known.count == 0:
        known = None
    for row in rows:
        count += 1
        try:
            expected = link(head, row.record)
        except (TypeError, ValueError):
            return Broken(count, "the row holds what no row can hold")
        if row.hash != expected:
            return Broken(count, "the row, or the one before it, was changed, moved, added or removed")
        head = expected
        if known is not None and count == known.count and head != known.head:
            return Broken(count, "the chain is another one than the one noted earlier")
    if known is not None and count < known.count:
        return Broken(count + 1, f"{known.count - count} rows are missing at the end")
    return Intact(count, head)


def _canonical(record: Mapping[str, object]) -> str:
    """Give the one text of a record. Floats are refused: they may read back otherwise than they were written."""
    _refuse_floats(record)
    return json.dumps(dict(record), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("an audit record holds no floats; write numbers as text")
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("an audit record has texts as names")
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
