"""What may be forgotten with time: minute marks of equity become hourly ones, refused wishes go. Money never does.

Ages are counted from a strategy's own newest record: a replayed market lives in the past, and a strategy that rests
for a year keeps what it had.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from bot.db.base import Mode, SessionFactory, schema_of, unit_of_work

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CHUNK_MS = 7 * DAY_MS
"""Marks of how long a time one transaction looks at."""
DECISIONS_AT_ONCE = 5_000

_SPAN = """
SELECT s.id, (SELECT min(time_ms) FROM {schema}.equity WHERE strategy_id = s.id) AS first_mark,
       (SELECT max(time_ms) FROM {schema}.equity WHERE strategy_id = s.id) AS last_mark,
       (SELECT max(time_ms) FROM {schema}.decisions WHERE strategy_id = s.id) AS last_decision
FROM public.strategies s ORDER BY s.id
"""

# Of each hour its last mark stays, and its highest and lowest: a drawdown must not look shallower for our tidying.
_ROLL_UP = """
DELETE FROM {schema}.equity e USING (
    SELECT time_ms,
           row_number() OVER (PARTITION BY time_ms / 3600000 ORDER BY time_ms DESC) AS latest,
           row_number() OVER (PARTITION BY time_ms / 3600000 ORDER BY equity DESC, time_ms) AS highest,
           row_number() OVER (PARTITION BY time_ms / 3600000 ORDER BY equity, time_ms) AS lowest
    FROM {schema}.equity WHERE strategy_id = :strategy AND time_ms >= :since AND time_ms < :until
) ranked
WHERE e.strategy_id = :strategy AND e.time_ms = ranked.time_ms AND least(latest, highest, lowest) > 1
"""

_DROP_DENIED = """
DELETE FROM {schema}.decisions WHERE id IN (
    SELECT id FROM {schema}.decisions
    WHERE strategy_id = :strategy AND time_ms < :until AND verdict = 'denied' LIMIT :most
)
"""


@dataclass(frozen=True, slots=True)
class Thinned:
    """How many records went."""

    marks: int = 0
    decisions: int = 0


class Retention:
    """Thins records that grow with time, a little in each transaction, so that nobody waits for it."""

    def __init__(self, sessions: SessionFactory, *, equity_keep_days: int, decisions_keep_days: int) -> None:
        self._sessions = sessions
        self._equity_keep_ms = equity_keep_days * DAY_MS
        self._decisions_keep_ms = decisions_keep_days * DAY_MS
        self._rolled_up_to: dict[tuple[Mode, int], int] = {}

    async def thin(self) -> Thinned:
        """Thin all ledgers; harmless to repeat or to break off. Raises Unavailable without the database."""
        marks = decisions = 0
        for mode in Mode:
            async with unit_of_work(self._sessions) as session:
                spans = (await session.execute(text(_SPAN.format(schema=schema_of(mode))))).mappings().all()
            for span in spans:
                if span["last_mark"] is not None:
                    marks += await self._roll_up(mode, span["id"], span["first_mark"], span["last_mark"])
                newest = max(span["last_mark"] or 0, span["last_decision"] or 0)
                if span["last_decision"] is not None:
                    decisions += await self._drop_denied(mode, span["id"], newest - self._decisions_keep_ms)
        return Thinned(marks, decisions)

    async def _roll_up(self, mode: Mode, strategy_id: int, first_ms: int, last_ms: int) -> int:
        """Roll up whole hours alone; what an earlier call has rolled up is not looked at again."""
        key = (mode, strategy_id)
        since = max(self._rolled_up_to.get(key, 0), first_ms // HOUR_MS * HOUR_MS)
        until = (last_ms - self._equity_keep_ms) // HOUR_MS * HOUR_MS
        gone = 0
        while since < until:
            end = min(since + CHUNK_MS, until)
            gone += await self._do(_ROLL_UP, mode, strategy=strategy_id, since=since, until=end)
            self._rolled_up_to[key] = since = end
        return gone

    async def _drop_denied(self, mode: Mode, strategy_id: int, until_ms: int) -> int:
        gone = 0
        while True:
            went = await self._do(_DROP_DENIED, mode, strategy=strategy_id, until=until_ms, most=DECISIONS_AT_ONCE)
            gone += went
            if went < DECISIONS_AT_ONCE:
                return gone

    async def _do(self, statement: str, mode: Mode, **values: Any) -> int:
        async with unit_of_work(self._sessions) as session:
            done = await session.execute(text(statement.format(schema=schema_of(mode))), values)
            return int(done.rowcount)  # type: ignore[attr-defined]
