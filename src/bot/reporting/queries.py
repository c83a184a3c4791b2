"""What reports and pages read from the database: one statement for all strategies, never one for each.

Functions take a synchronous `Session`; from async code call them through `await session.run_sync(...)`. Those that read
a ledger want `use_ledger` first: paper, rehearsal and live money are kept in schemas of their own.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from bot.db.base import Mode, mode_of, schema_of

DAY_MS = 86_400_000
SPARK_MARKS, SPARK_STEP = 240, 4


class StrategyFacts(msgspec.Struct, frozen=True):
    """A strategy's row with what its account says about it. `mode` is the money it trades with."""

    id: int
    name: str
    title: str
    account_id: int
    account: str
    market: str
    config: Mapping[str, object]
    enabled: bool
    stopped_reason: str
    mode: Mode

    @property
    def symbol(self) -> str:
        """The symbol it trades, empty when its configuration names none."""
        return _word(self.config, "symbol")

    @property
    def interval(self) -> str:
        """The candles it looks at."""
        return _word(self.config, "candle")


class AccountFacts(msgspec.Struct, frozen=True):
    """An account's row without its secrets."""

    id: int
    name: str
    environment: str
    testnet: bool
    live_approved: bool


class Mark(msgspec.Struct, frozen=True):
    """The newest equity mark of a strategy, in quote."""

    strategy_id: int
    time_ms: int
    equity: float
    realised: float
    unrealised: float
    position: Decimal
    price: float


def use_ledger(session: Session, mode: Mode) -> None:
    """Let the statements that follow in this transaction read the ledger of this mode."""
    session.execute(text("SELECT set_config('search_path', :path, true)"), {"path": f"{schema_of(mode)}, public"})


def strategies(session: Session) -> list[StrategyFacts]:
    """Give every strategy, enabled or not."""
    rows = session.execute(
        text(
            "SELECT s.id, s.name, s.title, s.account_id, a.name AS account, s.market, s.config,"
            " s.enabled, s.stopped_reason, a.environment,"
            " a.live_approval_enc IS NOT NULL AS live_approved"
            " FROM public.strategies s JOIN public.accounts a ON a.id = s.account_id ORDER BY s.id"
        )
    )
    return [_strategy(row) for row in rows.mappings()]


def accounts(session: Session) -> list[AccountFacts]:
    """Give every account."""
    rows = session.execute(
        text(
            "SELECT id, name, environment, testnet, live_approval_enc IS NOT NULL AS live_approved"
            " FROM public.accounts ORDER BY id"
        )
    )
    return [AccountFacts(**row) for row in rows.mappings()]


def marks(session: Session) -> dict[int, Mark]:
    """Give the newest equity mark of each strategy in the ledger."""
    rows = session.execute(
        text("SELECT strategy_id, time_ms, equity, realised, unrealised, position, price FROM strategy_equity")
    )
    return {row["strategy_id"]: Mark(**row) for row in rows.mappings()}


def sparklines(session: Session) -> dict[int, list[float]]:
    """Give up to 60 recent equity values of each strategy in the ledger, oldest first, ending with the newest."""
    rows = session.execute(
        text(
            "SELECT s.id, (SELECT array_agg(equity ORDER BY time_ms) FROM (SELECT time_ms, equity,"
            " row_number() OVER (ORDER BY time_ms DESC) AS age FROM (SELECT time_ms, equity FROM equity"
            " WHERE strategy_id = s.id ORDER BY time_ms DESC LIMIT :marks) newest) numbered"
            " WHERE age % :step = 1) AS line FROM public.strategies s"
        ),
        {"marks": SPARK_MARKS, "step": SPARK_STEP},
    )
    return {row.id: row.line for row in rows if row.line}


def pnl_by_strategy_since(session: Session, since_ms: int) -> dict[int, Decimal]:
    """Give the net P&L of the trades closed since a moment (ms), by strategy."""
    rows = session.execute(
        text(
            "SELECT strategy_id, sum(pnl) AS pnl FROM trades"
            " WHERE ts_close >= to_timestamp(:since / 1000.0) GROUP BY strategy_id"
        ),
        {"since": since_ms},
    )
    return {row.strategy_id: row.pnl for row in rows}


def equity_series(session: Session, strategy_id: int, points: int) -> list[Mark]:
    """Give a strategy's newest 50,000 marks thinned to about `points`, oldest first, ending with the newest."""
    rows = session.execute(
        text(
            "SELECT strategy_id, time_ms, equity, realised, unrealised, position, price FROM ("
            "  SELECT *, row_number() OVER (ORDER BY time_ms DESC) AS age, count(*) OVER () AS marks FROM ("
            "    SELECT * FROM equity WHERE strategy_id = :id ORDER BY time_ms DESC LIMIT 50000) newest) numbered"
            " WHERE (age - 1) % greatest(1, ceil(marks / :points ::numeric)::bigint) = 0 ORDER BY time_ms"
        ),
        {"id": strategy_id, "points": points},
    )
    return [Mark(**row) for row in rows.mappings()]


ORDERS = """
SELECT id, strategy_id, client_order_id, symbol, side, type, purpose, reason, status, qty, filled, price, fee,
       created_ms, (extract(epoch FROM ts) * 1000)::bigint AS ts_ms
FROM orders"""
FILLS = """
SELECT id, strategy_id, trade_id, client_order_id, symbol, side, purpose, reason, price, qty, fee, fee_asset,
       fee_in_quote, is_maker, time_ms
FROM (SELECT f.*, f.quantity AS qty, o.purpose, o.reason FROM fills f JOIN orders o ON o.id = f.order_id) booked"""
TRADES = """
SELECT id, strategy_id, symbol, side, qty, entry_price, exit_price, gross, fees, pnl, opened_ms,
       (extract(epoch FROM ts_close) * 1000)::bigint AS closed_ms, reason
FROM trades"""
DECISIONS = """
SELECT id, strategy_id, time_ms, symbol, side, verdict, rule, reason, client_order_id, seen FROM decisions"""


def page(session: Session, rows_of: str, strategy_id: int, before: int | None, limit: int) -> Sequence[RowMapping]:
    """Give the newest rows of a strategy with an id below `before`, newest first; `rows_of` is ORDERS, FILLS, …"""
    statement = f"{rows_of} WHERE strategy_id = :strategy AND id < :before ORDER BY id DESC LIMIT :limit"
    values = {"strategy": strategy_id, "before": before or 2**63 - 1, "limit": limit}
    return session.execute(text(statement), values).mappings().all()


def news(session: Session, rows_of: str, after: int, limit: int = 500) -> Sequence[RowMapping]:
    """Give the oldest rows with an id above `after`, of all strategies."""
    statement = f"{rows_of} WHERE id > :after ORDER BY id LIMIT :limit"
    return session.execute(text(statement), {"after": after, "limit": limit}).mappings().all()


def last_ids(session: Session) -> tuple[int, int, int]:
    """Give the highest ids of orders, trades and decisions in the ledger."""
    row = session.execute(
        text(
            "SELECT coalesce((SELECT max(id) FROM orders), 0), coalesce((SELECT max(id) FROM trades), 0),"
            " coalesce((SELECT max(id) FROM decisions), 0)"
        )
    ).one()
    return (row[0], row[1], row[2])


def _strategy(row: RowMapping) -> StrategyFacts:
    values = dict(row)
    environment, approved = values.pop("environment"), values.pop("live_approved")
    config = values["config"] if isinstance(values["config"], dict) else {}
    values |= {"config": config, "mode": mode_of(config, environment, live_approved=approved)}
    return StrategyFacts(**values)


def _word(config: Mapping[str, object], key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""
