"""Reads back, out of the journal, what one strategy did with one kind of money: the record that parity compares."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from bot.db.base import Mode, schema_of
from bot.db.facts import read
from bot.domain.market import INTERVAL_MS
from bot.domain.messages import Decision, Outcome, Verdict
from bot.domain.order import Side
from bot.reporting.run_record import Record, record_of

_KINDS = "('intent', 'order', 'fill', 'trip', 'stop')"
_FACTS = """
SELECT f.kind, f.body::text FROM {schema}.facts f JOIN public.strategies s ON s.account_id = f.account_id
WHERE s.id = :id AND f.kind IN {kinds} ORDER BY f.id
"""
_DECISIONS = """
SELECT time_ms, symbol, side, verdict, reason, rule, client_order_id, seen
FROM {schema}.decisions WHERE strategy_id = :id ORDER BY id
"""
_MARKS = "SELECT time_ms FROM {schema}.equity WHERE strategy_id = :id ORDER BY time_ms"


async def read_record(
    sessions: async_sessionmaker[AsyncSession], mode: Mode, strategy_id: int, record: Record
) -> Record:
    """Fill in the record of a strategy."""
    async with sessions() as session:
        outcomes = [_decision(strategy_id, row) for row in await _rows(session, _DECISIONS, mode, strategy_id)]
        facts: list[Outcome] = [read(kind, body) for kind, body in await _rows(session, _FACTS, mode, strategy_id)]
    return record_of([*outcomes, *facts], strategy_id, record)


async def seen_span(
    sessions: async_sessionmaker[AsyncSession], mode: Mode, strategy_id: int, interval: str
) -> tuple[tuple[int, int] | None, list[tuple[int, int]]]:
    """Give from when to when a strategy ran (ms UTC), None when it never did, and between which marks it did not."""
    async with sessions() as session:
        marks = [row[0] for row in await _rows(session, _MARKS, mode, strategy_id)]
        decided = [row[0] for row in await _rows(session, _DECISIONS, mode, strategy_id)]
    if not marks and not decided:
        return None, []
    # Marks are made every minute at most, older ones are thinned to one an hour: what is longer was no thinning.
    longest = max(2 * 3_600_000, 3 * INTERVAL_MS[interval])
    gaps = [(one, other) for one, other in pairwise(marks) if other - one > longest]
    return (min([*marks, *decided]), max([*marks, *decided])), gaps


def _decision(strategy_id: int, row: Sequence[Any]) -> Outcome:
    time_ms, symbol, side, verdict, reason, rule, client_order_id, seen = row
    return Decision(strategy_id, time_ms, symbol, Side(side), Verdict(verdict), reason, rule, client_order_id, seen)


async def _rows(session: AsyncSession, question: str, mode: Mode, strategy_id: int) -> Sequence[Sequence[Any]]:
    told = await session.execute(text(question.format(schema=schema_of(mode), kinds=_KINDS)), {"id": strategy_id})
    return told.all()
