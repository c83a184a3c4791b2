"""The whole life of an order, from the append-only facts: what was seen and wanted, written, sent, told, booked, ended.

Nothing here is read from tables that are changed later, but the decision, which is an opinion and no fact.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.db.base import Mode
from bot.db.facts import MoneyFact, body_of, read
from bot.db.replay import Replay
from bot.domain.messages import FillBooked, PlaceOrder, ProtectionMoved
from bot.domain.money import plain
from bot.reporting import queries
from bot.reporting.telling import says, time_of
from bot.reporting.why import DecisionSeen, decision_of


class Moment(msgspec.Struct, frozen=True):
    """One fact of a life: what happened, in words, and the fact as it is kept. Times are ms UTC."""

    number: int
    """Its place in the account's stream of facts."""
    time_ms: int
    """When it happened, by whoever told it; when it was written down, for what has no time of its own."""
    written_ms: int
    kind: str
    says: str
    fact: dict[str, Any]


class Ending(msgspec.Struct, frozen=True):
    """Where an order stands by all its facts; amounts are plain texts."""

    client_order_id: str
    status: str
    is_over: bool
    wanted: str
    filled: str
    says: str


class Life(msgspec.Struct, frozen=True):
    """Facts of one or several orders, in the order in which they were written, with what bore on them."""

    account: str
    mode: str
    decisions: list[DecisionSeen]
    moments: list[Moment]
    endings: list[Ending]


_OF_ORDERS = """
SELECT id, kind, body::text AS body, (extract(epoch FROM written) * 1000)::bigint AS written_ms FROM facts
WHERE account_id = :account AND (
    key = ANY(SELECT kind || ':' || name FROM unnest(CAST(:orders AS text[])) AS name,
                                              unnest(ARRAY['intent', 'cancel']) AS kind)
    OR (kind IN ('attempt', 'order') AND split_part(key, ':', 2) = ANY(:orders))
    OR (kind = 'fill' AND body #>> '{fill,client_order_id}' = ANY(:orders))
    OR (kind IN ('trip', 'protection') AND body ->> 'client_order_id' = ANY(:orders))
) ORDER BY id
"""
# What happened to the account or the strategy while the order lived, and how the account stood when it began.
_AROUND = """
SELECT id, kind, body::text AS body, (extract(epoch FROM written) * 1000)::bigint AS written_ms FROM facts
WHERE account_id = :account AND (
    (id BETWEEN :first AND :last AND (kind = 'state' OR (kind IN ('stop', 'protection')
     AND (body ->> 'strategy_id')::bigint = ANY(:strategies))))
    OR id = (SELECT max(id) FROM facts WHERE account_id = :account AND kind = 'state' AND id < :first)
) ORDER BY id
"""
_OWNER = """
SELECT facts.account_id, accounts.name FROM facts JOIN public.accounts ON accounts.id = facts.account_id
WHERE facts.key = :key LIMIT 1
"""
_TRADED = """
SELECT facts.account_id, accounts.name, body #>> '{fill,client_order_id}' AS client_order_id
FROM facts JOIN public.accounts ON accounts.id = facts.account_id
WHERE kind = 'fill' AND split_part(key, ':', 4) = :trade ORDER BY facts.id
"""
_TRADES_OF = """
SELECT id, kind, body::text AS body FROM facts
WHERE account_id = :account AND kind IN ('fill', 'trip') AND (body ->> 'strategy_id')::bigint = :strategy ORDER BY id
"""
_STATES = """
SELECT id, kind, body::text AS body, 0 AS written_ms FROM facts
WHERE account_id = :account AND kind = 'state' ORDER BY id
"""


def of_order(session: Session, client_order_id: str, modes: Iterable[Mode]) -> Life | None:
    """Give the life of an order by our id, of the first kind of money that knows it."""
    for mode in modes:
        queries.use_ledger(session, mode)
        if owner := session.execute(text(_OWNER), {"key": f"intent:{client_order_id}"}).one_or_none():
            return _life(session, owner.account_id, owner.name, mode, [client_order_id])
    return None


def of_trade(session: Session, trade_id: int, modes: Iterable[Mode]) -> list[Life]:
    """Give the lives of the orders that an exchange's trade number belongs to: symbols count each for itself."""
    found = []
    for mode in modes:
        queries.use_ledger(session, mode)
        for row in session.execute(text(_TRADED), {"trade": str(trade_id)}).all():
            found.append(_life(session, row.account_id, row.name, mode, [row.client_order_id]))
    return found


def of_position(session: Session, strategy: queries.StrategyFacts, mode: Mode, at_ms: int | None) -> Life | None:
    """Give the lives of the orders that made what a strategy holds, or held at a moment; None when it never traded.

    When it holds nothing, that is the round trip before.
    """
    queries.use_ledger(session, mode)
    trips: list[list[FillBooked]] = [[]]
    rows = session.execute(text(_TRADES_OF), {"account": strategy.account_id, "strategy": strategy.id})
    for row in rows.mappings():
        fact = read(row["kind"], row["body"])
        if isinstance(fact, FillBooked):
            trips[-1].append(fact)
        else:
            trips.append([])
    traded = [each for each in trips if each]
    begun = [each for each in traded if at_ms is None or each[0].fill.time_ms <= at_ms]
    if not begun:
        return None
    orders = list(dict.fromkeys(each.fill.client_order_id for each in begun[-1]))
    return _life(session, strategy.account_id, strategy.account, mode, orders)


def of_orders(session: Session, account_id: int, orders: Sequence[str]) -> dict[str, list[Moment]]:
    """Give each order's own facts, in one look at the stream; `queries.use_ledger` first."""
    found: dict[str, list[Moment]] = {name: [] for name in orders}
    for fact in _read(session, _OF_ORDERS, account=account_id, orders=list(orders)) if orders else ():
        found[_order_of(fact[3])].extend(told([fact]))
    return found


def account_states(session: Session, account_id: int, moments_ms: Iterable[int]) -> dict[int, str]:
    """Say how an account stood at each of these moments, by the facts; empty where none tells."""
    moved = [(time_of(fact), says(fact)) for *_, fact in _read(session, _STATES, account=account_id)]
    return {at: next((words for since, words in reversed(moved) if since <= at), "") for at in moments_ms}


def told(facts: Iterable[tuple[int, int, str, MoneyFact]]) -> Iterator[Moment]:
    """Put facts (number, time of writing, kind, fact) into words."""
    for number, written_ms, kind, fact in facts:
        yield Moment(
            number, time_of(fact) or written_ms, written_ms, kind, says(fact), msgspec.json.decode(body_of(fact))
        )


def endings(facts: Sequence[MoneyFact]) -> list[Ending]:
    """Fold facts, and give where each order stands by them."""
    replay = Replay(facts)
    return [
        Ending(
            name, each.status.value, not each.status.is_open, plain(each.order.quantity),
            plain(each.filled), _end(each.status.value, is_over=not each.status.is_open),
        )
        for name, each in replay.orders.items()
    ]  # fmt: skip


def _order_of(fact: MoneyFact) -> str:
    match fact:
        case PlaceOrder(order):
            return order.client_order_id
        case FillBooked(fill=fill):
            return fill.client_order_id
        case _:
            return str(getattr(fact, "client_order_id", ""))


def _end(status: str, *, is_over: bool) -> str:
    return f"it ended {status}" if is_over else f"it has not ended: it stands {status}"


def _life(session: Session, account_id: int, account: str, mode: Mode, orders: Sequence[str]) -> Life:
    own = _read(session, _OF_ORDERS, account=account_id, orders=list(orders))
    facts = [fact for *_, fact in own]
    strategies = {each.order.strategy_id for each in facts if isinstance(each, PlaceOrder)}
    known = {number for number, *_ in own}
    around = _read(
        session, _AROUND, account=account_id, first=min(known), last=max(known), strategies=sorted(strategies)
    )
    moments = sorted(told([*own, *(each for each in around if each[0] not in known)]), key=lambda each: each.number)
    return Life(
        account, mode.value, [each for name in orders for each in decision_of(session, name)], moments,
        endings([each for each in facts if not isinstance(each, ProtectionMoved)]),
    )  # fmt: skip


def _read(session: Session, statement: str, **values: object) -> list[tuple[int, int, str, MoneyFact]]:
    rows = session.execute(text(statement), values).all()
    return [(row.id, row.written_ms, row.kind, read(row.kind, row.body)) for row in rows]
