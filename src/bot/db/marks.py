"""Marks of equity in plain SQL: what strategies and the account were worth at a moment. Opinions, not money."""

from collections.abc import Iterable, Sequence
from typing import Any

from bot.db.direct import Statement
from bot.domain.messages import AccountMarked, EquityMarked

_MARK = """
WITH marks AS (
    SELECT * FROM unnest(%(strategies)s::bigint[], %(times)s::bigint[], %(equities)s::float8[], %(realised)s::float8[],
                         %(unrealised)s::float8[], %(positions)s::numeric[], %(prices)s::float8[])
           AS mark (strategy_id, time_ms, equity, realised, unrealised, position, price)
), kept AS (
    INSERT INTO equity (strategy_id, time_ms, equity, realised, unrealised, position, price)
    SELECT * FROM marks
    ON CONFLICT (strategy_id, time_ms) DO UPDATE SET
        equity = EXCLUDED.equity, realised = EXCLUDED.realised, unrealised = EXCLUDED.unrealised,
        position = EXCLUDED.position, price = EXCLUDED.price
)
INSERT INTO risk_state AS known (strategy_id, peak_equity, highest_equity, marked_ms)
SELECT strategy_id, equity, equity, time_ms FROM marks
ON CONFLICT (strategy_id) DO UPDATE SET
    peak_equity = greatest(known.peak_equity, EXCLUDED.peak_equity),
    highest_equity = greatest(known.highest_equity, EXCLUDED.highest_equity),
    max_drawdown = greatest(known.max_drawdown,
                            1 - EXCLUDED.highest_equity / nullif(greatest(known.highest_equity, 0), 0)),
    marked_ms = EXCLUDED.marked_ms
WHERE known.marked_ms < EXCLUDED.marked_ms
"""

_MARK_ACCOUNT = """
INSERT INTO account_risk (account_id, quote, peak_equity, day_equity, marked_ms)
VALUES (%(account_id)s, %(quote)s, %(peak_equity)s, %(day_equity)s, %(marked_ms)s)
ON CONFLICT (account_id, quote) DO UPDATE SET
    peak_equity = EXCLUDED.peak_equity, day_equity = EXCLUDED.day_equity, marked_ms = EXCLUDED.marked_ms
"""


def mark(marks: Iterable[EquityMarked]) -> list[Statement]:
    """Write equity marks: one statement for all strategies, more only when a strategy has several."""
    rounds: list[dict[int, EquityMarked]] = []
    for each in marks:
        free = next((taken for taken in rounds if each.strategy_id not in taken), None)
        if free is None:
            rounds.append(free := {})
        free[each.strategy_id] = each
    return [(_MARK, _columns(list(taken.values()))) for taken in rounds]


def mark_account(fact: AccountMarked, account_id: int) -> Statement:
    """Write where the account stands; only the newest mark is kept."""
    return _MARK_ACCOUNT, {
        "account_id": account_id,
        "quote": fact.quote,
        "peak_equity": fact.peak_equity,
        "day_equity": fact.day_equity,
        "marked_ms": fact.time_ms,
    }


def _columns(marks: Sequence[EquityMarked]) -> dict[str, list[Any]]:
    return {
        "strategies": [each.strategy_id for each in marks],
        "times": [each.time_ms for each in marks],
        "equities": [each.equity for each in marks],
        "realised": [each.realised for each in marks],
        "unrealised": [each.unrealised for each in marks],
        "positions": [each.position for each in marks],
        "prices": [each.price for each in marks],
    }
