"""Why a strategy did something, or did not: its decisions as the journal kept them, each with what came of it."""

from collections.abc import Sequence
from decimal import Decimal
from statistics import median
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from bot.db.base import Mode
from bot.domain.market import INTERVAL_MS
from bot.domain.money import number, plain
from bot.reporting import queries
from bot.reporting.queries import StrategyFacts

NEIGHBOURS = 20
"""Equity marks looked at on each side of a moment."""
PAUSE_MS = 150_000
"""A strategy is marked once a minute: without a mark for this long (and some candles) it was not at work."""


class FillSeen(msgspec.Struct, frozen=True):
    """One fill of an order."""

    time_ms: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool


class StateSeen(msgspec.Struct, frozen=True):
    """Where an order stood from a moment on."""

    status: str
    time_ms: int
    reason: str = ""


class TripSeen(msgspec.Struct, frozen=True):
    """The round trip that an order began, added to or ended, in quote; `pnl` is `gross` less `fees`."""

    pnl: Decimal
    gross: Decimal
    fees: Decimal
    entry_price: Decimal
    exit_price: Decimal
    opened_ms: int
    closed_ms: int
    reason: str


class OrderSeen(msgspec.Struct, frozen=True):
    """The order that came of a decision. `trip` is None while its round trip is open, or when nothing was filled."""

    client_order_id: str
    exchange_order_id: int
    side: str
    type: str
    purpose: str
    quantity: Decimal
    limit_price: Decimal | None
    status: str
    filled: Decimal
    average_price: Decimal | None
    states: list[StateSeen]
    fills: list[FillSeen]
    trip: TripSeen | None


class DecisionSeen(msgspec.Struct, frozen=True):
    """What a strategy saw (`seen`: indicators and close) and wanted, and the verdict with the rule that denied it."""

    id: int
    time_ms: int
    symbol: str
    side: str
    reason: str
    verdict: str
    rule: str
    seen: dict[str, float | None]
    order: OrderSeen | None


class Standing(msgspec.Struct, frozen=True):
    """How a strategy stood around a moment, as far as its marks tell. Times are ms UTC, None where there is none."""

    before_ms: int | None
    """Its newest mark at or before the moment."""
    after_ms: int | None
    usual_gap_ms: int
    held: Decimal
    began_ms: int | None
    """When it began to work without a pause, if that is not long before the moment."""
    stopped: str
    stopped_ms: int | None
    last: DecisionSeen | None
    next: DecisionSeen | None

    def is_at_work(self, at_ms: int, interval_ms: int) -> bool:
        """Say whether its marks around a moment have no hole there."""
        if self.before_ms is None:
            return False
        until_ms = at_ms if self.after_ms is None else self.after_ms
        return until_ms - self.before_ms <= _patience_ms(interval_ms, self.usual_gap_ms)


def newest(session: Session, facts: StrategyFacts, mode: Mode, count: int) -> list[DecisionSeen]:
    """Give a strategy's newest decisions, newest first."""
    queries.use_ledger(session, mode)
    rows = queries.page(session, queries.DECISIONS, facts.id, None, count)
    return [_decision(session, row) for row in rows]


def between(
    session: Session, facts: StrategyFacts, mode: Mode, since_ms: int, until_ms: int, most: int
) -> list[DecisionSeen]:
    """Give a strategy's first decisions from one moment until before another, oldest first."""
    queries.use_ledger(session, mode)
    where = "strategy_id = :id AND time_ms >= :since AND time_ms < :until ORDER BY time_ms, id LIMIT :most"
    values = {"id": facts.id, "since": since_ms, "until": until_ms, "most": most}
    rows = session.execute(text(f"{queries.DECISIONS} WHERE {where}"), values)
    return [_decision(session, row) for row in rows.mappings()]


def decision_of(session: Session, client_order_id: str) -> list[DecisionSeen]:
    """Give the decision that an order came of, if one did; `queries.use_ledger` first."""
    where = "client_order_id = :order ORDER BY id"
    rows = session.execute(text(f"{queries.DECISIONS} WHERE {where}"), {"order": client_order_id})
    return [_decision(session, row) for row in rows.mappings()]


def newest_ms(session: Session, facts: StrategyFacts, mode: Mode) -> int | None:
    """Give the time of a strategy's newest mark or decision."""
    queries.use_ledger(session, mode)
    statement = (
        "SELECT greatest((SELECT max(time_ms) FROM equity WHERE strategy_id = :id),"
        " (SELECT max(time_ms) FROM decisions WHERE strategy_id = :id))"
    )
    found: int | None = session.execute(text(statement), {"id": facts.id}).scalar_one()
    return found


def standing(session: Session, facts: StrategyFacts, mode: Mode, at_ms: int, warm_up: int) -> Standing:
    """Give how a strategy stood at a moment; `warm_up` is how many candles it needs before its first decision."""
    queries.use_ledger(session, mode)
    before = _marks(session, facts.id, "time_ms <= :at ORDER BY time_ms DESC", at_ms)
    after = _marks(session, facts.id, "time_ms > :at ORDER BY time_ms", at_ms)
    risk = session.execute(
        text("SELECT stopped, stopped_ms FROM risk_state WHERE strategy_id = :id"), {"id": facts.id}
    ).one_or_none()
    gaps = [later - earlier for later, earlier in zip(_times(before), _times(before)[1:], strict=False)]
    gaps += [later - earlier for earlier, later in zip(_times(after), _times(after)[1:], strict=False)]
    usual_gap_ms = int(median(gaps)) if gaps else 0
    interval_ms = INTERVAL_MS.get(facts.interval, 0)
    pause_ms = _patience_ms(interval_ms, usual_gap_ms)
    return Standing(
        before_ms=before[0]["time_ms"] if before else None,
        after_ms=after[0]["time_ms"] if after else None,
        usual_gap_ms=usual_gap_ms,
        held=_tidy(before[0]["position"]) if before else Decimal(0),
        began_ms=_began(session, facts.id, at_ms, warm_up * interval_ms, pause_ms),
        stopped=risk.stopped if risk else "",
        stopped_ms=risk.stopped_ms if risk else None,
        last=_nearest(session, facts.id, "time_ms < :at ORDER BY time_ms DESC, id DESC", at_ms),
        next=_nearest(session, facts.id, "time_ms >= :at ORDER BY time_ms, id", at_ms),
    )


def _patience_ms(interval_ms: int, usual_gap_ms: int) -> int:
    """Give how far apart two marks of a strategy at work may be: old ones are kept by the hour alone."""
    return max(PAUSE_MS, 2 * interval_ms, 3 * usual_gap_ms)


def _began(session: Session, strategy_id: int, at_ms: int, look_back_ms: int, pause_ms: int) -> int | None:
    statement = (
        "SELECT max(time_ms) FROM (SELECT time_ms, lag(time_ms) OVER (ORDER BY time_ms) AS earlier FROM equity"
        " WHERE strategy_id = :id AND time_ms <= :at AND time_ms >= :since) marks"
        " WHERE time_ms - earlier > :pause OR (earlier IS NULL AND NOT EXISTS"
        " (SELECT FROM equity e WHERE e.strategy_id = :id AND e.time_ms < marks.time_ms"
        " AND e.time_ms >= marks.time_ms - :pause))"
    )
    values = {"id": strategy_id, "at": at_ms, "since": at_ms - look_back_ms, "pause": pause_ms}
    found: int | None = session.execute(text(statement), values).scalar_one()
    return found


def _marks(session: Session, strategy_id: int, which: str, at_ms: int) -> Sequence[RowMapping]:
    statement = f"SELECT time_ms, position FROM equity WHERE strategy_id = :id AND {which} LIMIT :most"  # noqa: S608
    return session.execute(text(statement), {"id": strategy_id, "at": at_ms, "most": NEIGHBOURS}).mappings().all()


def _times(marks: Sequence[RowMapping]) -> list[int]:
    return [row["time_ms"] for row in marks]


def _nearest(session: Session, strategy_id: int, which: str, at_ms: int) -> DecisionSeen | None:
    statement = f"{queries.DECISIONS} WHERE strategy_id = :id AND {which} LIMIT 1"
    row = session.execute(text(statement), {"id": strategy_id, "at": at_ms}).mappings().one_or_none()
    return None if row is None else _decision(session, row)


def _decision(session: Session, row: RowMapping) -> DecisionSeen:
    order_id = row["client_order_id"]
    return DecisionSeen(
        id=row["id"],
        time_ms=row["time_ms"],
        symbol=row["symbol"],
        side=row["side"],
        reason=row["reason"],
        verdict=row["verdict"],
        rule=row["rule"],
        seen=dict(row["seen"]),
        order=_order(session, order_id) if order_id else None,
    )


_ORDER = """
SELECT id, client_order_id, exchange_order_id, side, type, purpose, qty, limit_price, status, status_reason, filled,
       CASE WHEN filled > 0 THEN price END AS average_price, created_ms,
       (extract(epoch FROM updated) * 1000)::bigint AS updated_ms
FROM orders WHERE client_order_id = :id
"""
_FILLS = """
SELECT time_ms, price, quantity, fee, fee_asset, is_maker, round_trip_id FROM fills WHERE order_id = :id
ORDER BY time_ms, id
"""
_TRIP = """
SELECT pnl, gross, fees, entry_price, exit_price, opened_ms, (extract(epoch FROM ts_close) * 1000)::bigint AS closed_ms,
       reason
FROM trades WHERE id = :id
"""


def _order(session: Session, client_order_id: str) -> OrderSeen | None:
    row = session.execute(text(_ORDER), {"id": client_order_id}).mappings().one_or_none()
    if row is None:
        return None
    fills = session.execute(text(_FILLS), {"id": row["id"]}).mappings().all()
    trip_id = next((fill["round_trip_id"] for fill in reversed(fills) if fill["round_trip_id"]), None)
    trip = session.execute(text(_TRIP), {"id": trip_id}).mappings().one() if trip_id else None
    return OrderSeen(
        client_order_id=row["client_order_id"],
        exchange_order_id=row["exchange_order_id"],
        side=row["side"],
        type=row["type"],
        purpose=row["purpose"],
        quantity=_tidy(row["qty"]),
        limit_price=None if row["limit_price"] is None else _tidy(row["limit_price"]),
        status=row["status"],
        filled=_tidy(row["filled"]),
        average_price=None if row["average_price"] is None else _tidy(row["average_price"]),
        states=_states(row, fills),
        fills=[FillSeen(**{**_tidied(fill), "is_maker": fill["is_maker"]}) for fill in fills],
        trip=None if trip is None else TripSeen(**_tidied(trip)),
    )


def _states(row: RowMapping, fills: Sequence[RowMapping]) -> list[StateSeen]:
    """Give the states on record: the first and the newest. A fill says when it was; all else, when we wrote it down."""
    states = [StateSeen("SENT", row["created_ms"])]
    if row["status"] != "SENT":
        is_by_fill = fills and row["status"] in {"FILLED", "PARTIALLY_FILLED"}
        time_ms = fills[-1]["time_ms"] if is_by_fill else row["updated_ms"]
        states.append(StateSeen(row["status"], time_ms, row["status_reason"]))
    return states


def _tidied(row: RowMapping) -> dict[str, Any]:
    return {
        name: _tidy(value) if isinstance(value, Decimal) else value
        for name, value in row.items()
        if name != "round_trip_id"
    }


def _tidy(value: Decimal) -> Decimal:
    """Give the same number without the column's trailing zeros."""
    return number(plain(value))
