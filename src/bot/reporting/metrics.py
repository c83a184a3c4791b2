"""KPIs: what each strategy and each account earned, at what cost, and how far it fell on the way. Exact numbers."""

from decimal import Decimal
from math import isfinite
from typing import TypedDict

from sqlalchemy import BigInteger, RowMapping, bindparam, text
from sqlalchemy.orm import Session

from bot.db.base import Mode
from bot.domain.errors import Misconfigured
from bot.domain.money import exact
from bot.reporting import queries


class Kpis(TypedDict):
    """Figures of merit in quote; `pnl` is net, `win_rate` and `max_drawdown` are fractions, None is not measured.

    Money is exact. Equity and drawdown come from marks, which are floats: opinions, as exact as their digits.
    """

    pnl: Decimal
    gross: Decimal
    fees: Decimal
    win_rate: Decimal | None
    open_trades: int
    closed_trades: int
    max_drawdown: Decimal | None
    profit_factor: Decimal | None
    equity: Decimal | None


_STRATEGIES = """
SELECT k.strategy_id, k.pnl, k.gross, k.fees, CASE WHEN k.closed_trades > 0 THEN k.win_rate END AS win_rate,
       k.open_trades, k.closed_trades, CASE WHEN e.strategy_id IS NOT NULL THEN k.max_drawdown END AS max_drawdown,
       k.profit_factor, e.equity
FROM strategy_kpis k LEFT JOIN strategy_equity e ON e.strategy_id = k.strategy_id
WHERE :strategy IS NULL OR k.strategy_id = :strategy
"""

_ACCOUNTS = """
SELECT s.account_id, coalesce(sum(t.pnl), 0) AS pnl, coalesce(sum(t.gross), 0) AS gross,
       coalesce(sum(t.fees), 0) AS fees, avg((t.pnl > 0)::int) AS win_rate, count(t.id) AS closed_trades,
       sum(t.pnl) FILTER (WHERE t.pnl > 0) / nullif(-sum(t.pnl) FILTER (WHERE t.pnl < 0), 0) AS profit_factor
FROM public.strategies s LEFT JOIN trades t ON t.strategy_id = s.id GROUP BY s.account_id
"""

_ACCOUNT_MARKS = """
SELECT s.account_id, sum(k.open_trades)::int AS open_trades, sum(e.equity) AS equity
FROM public.strategies s JOIN strategy_kpis k ON k.strategy_id = s.id
LEFT JOIN strategy_equity e ON e.strategy_id = s.id GROUP BY s.account_id
"""

# An account's equity moves with each of its strategies; a strategy's first mark brings its capital in.
_ACCOUNT_DRAWDOWNS = """
WITH steps AS (
    SELECT s.account_id, e.time_ms,
           e.equity - lag(e.equity, 1, 0::float8) OVER (PARTITION BY e.strategy_id ORDER BY e.time_ms) AS step
    FROM equity e JOIN public.strategies s ON s.id = e.strategy_id
), totals AS (
    SELECT account_id, time_ms, sum(sum(step)) OVER (PARTITION BY account_id ORDER BY time_ms) AS total
    FROM steps GROUP BY account_id, time_ms
), peaks AS (
    SELECT account_id, total, max(total) OVER (PARTITION BY account_id ORDER BY time_ms) AS peak FROM totals
)
SELECT account_id, max(CASE WHEN peak > 0 THEN (peak - total) / peak END) AS max_drawdown
FROM peaks GROUP BY account_id
"""


def compute_kpis_for_strategy(session: Session, strategy_id: int) -> Kpis:
    """Give the KPIs of one strategy in the money it trades; Misconfigured when there is no such strategy."""
    facts = next((known for known in queries.strategies(session) if known.id == strategy_id), None)
    if facts is None:
        raise Misconfigured(f"there is no strategy {strategy_id}: `bot strategy list` shows those there are")
    return strategy_kpis(session, facts.mode, strategy_id)[strategy_id]


def compute_kpis(session: Session) -> dict[int, Kpis]:
    """Give the KPIs of every strategy, each in the money it trades, with one statement for each kind of money."""
    mode_of = {facts.id: facts.mode for facts in queries.strategies(session)}
    by_mode = {mode: strategy_kpis(session, mode) for mode in set(mode_of.values())}
    return {strategy_id: by_mode[mode][strategy_id] for strategy_id, mode in mode_of.items()}


def strategy_kpis(session: Session, mode: Mode, strategy_id: int | None = None) -> dict[int, Kpis]:
    """Give the KPIs of all strategies (or one) in the ledger of a mode."""
    queries.use_ledger(session, mode)
    statement = text(_STRATEGIES).bindparams(bindparam("strategy", strategy_id, BigInteger))
    rows = session.execute(statement).mappings()
    return {row["strategy_id"]: _kpis(row, row["max_drawdown"], row["equity"], row["open_trades"]) for row in rows}


def account_kpis(session: Session, mode: Mode) -> dict[int, Kpis]:
    """Give the KPIs of every account that has strategies, in the ledger of a mode."""
    queries.use_ledger(session, mode)
    marks = {row.account_id: row for row in session.execute(text(_ACCOUNT_MARKS))}
    falls = {row.account_id: row.max_drawdown for row in session.execute(text(_ACCOUNT_DRAWDOWNS))}
    return {
        row["account_id"]: _kpis(
            row,
            falls.get(row["account_id"]),
            marks[row["account_id"]].equity,
            marks[row["account_id"]].open_trades,
        )
        for row in session.execute(text(_ACCOUNTS)).mappings()
    }


def _kpis(row: RowMapping, drawdown: float | None, equity: float | None, open_trades: int) -> Kpis:
    return Kpis(
        pnl=row["pnl"],
        gross=row["gross"],
        fees=row["fees"],
        win_rate=row["win_rate"],
        open_trades=open_trades,
        closed_trades=row["closed_trades"],
        max_drawdown=_measured(drawdown),
        profit_factor=row["profit_factor"],
        equity=_measured(equity),
    )


def _measured(signal: float | None) -> Decimal | None:
    return exact(signal) if signal is not None and isfinite(signal) else None
