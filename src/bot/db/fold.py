"""Folds an account's journal into the state to go on from."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
from psycopg.rows import TupleRow, dict_row

from bot.db.facts import read
from bot.domain.ledger import strategy_ledger
from bot.domain.market import Market
from bot.domain.messages import AccountMarked, Attempt, ProtectionMoved
from bot.domain.money import ZERO, Price, Quantity, number, plain
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.domain.position import LATELY
from bot.ports import OpenOrder, Recovered, StrategyState

REMEMBERED_FILLS = 10_000
_IS_OPEN = "status IN (" + ", ".join(f"'{status.value}'" for status in OrderStatus if status.is_open) + ")"

_BALANCES = """
SELECT ledger, asset, sum(amount) AS amount FROM postings WHERE account_id = %s GROUP BY ledger, asset
HAVING sum(amount) <> 0
"""
_OPEN_ORDERS = f"SELECT * FROM orders WHERE account_id = %s AND {_IS_OPEN} ORDER BY id"  # noqa: S608 (our own words)
_OPEN_FILLS = """
SELECT f.*, o.exchange_order_id FROM fills f JOIN orders o ON o.id = f.order_id
WHERE f.account_id = %s AND f.round_trip_id IS NULL ORDER BY f.id
"""
# The newest fills, and however old those are whose order may still trade: the exchange tells all of them again.
_FILL_KEYS = f"""
(SELECT market, symbol, trade_id FROM fills WHERE account_id = %s ORDER BY id DESC LIMIT %s)
UNION
SELECT f.market, f.symbol, f.trade_id FROM fills f JOIN orders o ON o.id = f.order_id
WHERE o.account_id = %s AND o.{_IS_OPEN}
"""  # noqa: S608 (our own words)
_STRATEGIES = """
SELECT s.id, r.peak_equity, coalesce(r.stopped, '') AS stopped, newest.time_ms AS marked_ms,
       newest.equity - newest.realised - newest.unrealised AS capital,
       (SELECT e.equity FROM equity e
        WHERE e.strategy_id = s.id AND e.time_ms >= newest.time_ms / 86400000 * 86400000
        ORDER BY e.time_ms LIMIT 1) AS day_equity,
       (SELECT coalesce(sum(t.pnl), 0) FROM trades t WHERE t.strategy_id = s.id) AS realised,
       (SELECT (extract(epoch FROM t.ts_close) * 1000)::bigint FROM trades t
        WHERE t.strategy_id = s.id ORDER BY t.id DESC LIMIT 1) AS closed_ms,
       (SELECT count(*) FROM orders o WHERE o.strategy_id = s.id) AS orders,
       (SELECT max(o.created_ms) FROM orders o WHERE o.strategy_id = s.id AND (
           (o.purpose <> 'stop' AND o.stop_price IS NULL AND o.type <> 'LIMIT_MAKER') OR o.created_ms %% 1000 = 999
       )) AS decided_ms
FROM strategies s
LEFT JOIN risk_state r ON r.strategy_id = s.id
LEFT JOIN LATERAL (SELECT * FROM equity e WHERE e.strategy_id = s.id ORDER BY e.time_ms DESC LIMIT 1) newest ON true
WHERE s.account_id = %s ORDER BY s.id
"""
_PROTECTION = """
SELECT newest.kind, newest.body::text AS body FROM strategies s CROSS JOIN LATERAL (
    SELECT * FROM facts f WHERE f.account_id = s.account_id AND f.kind = 'protection'
    AND f.body->>'strategy_id' = s.id::text ORDER BY f.id DESC LIMIT 1
) newest WHERE s.account_id = %s
"""
_LATELY = """
SELECT strategy_id, trade_id, CASE side WHEN 'BUY' THEN quantity ELSE -quantity END AS signed FROM (
    SELECT *, row_number() OVER (PARTITION BY strategy_id ORDER BY id DESC) AS place
    FROM fills WHERE account_id = %s AND market = 'futures'
) newest WHERE place <= %s ORDER BY id
"""
_INCOME = """
SELECT body->>'kind' AS kind, (body->>'transaction_id')::bigint AS transaction_id, (body->>'time_ms')::bigint AS time_ms
FROM facts WHERE account_id = %s AND kind = 'income' ORDER BY id DESC LIMIT %s
"""
# What was taken since the strategy's newest round trip ended, in the order in which it was written down.
_CHARGES = """
WITH ended AS (
    SELECT 'strategy:' || (body->>'strategy_id') AS ledger, max(id) AS id
    FROM facts WHERE account_id = %s AND kind = 'trip' GROUP BY 1
)
SELECT line->>'ledger' AS ledger, -sum((line->>'amount')::numeric) AS amount
FROM facts f CROSS JOIN jsonb_array_elements(f.body->'postings') line LEFT JOIN ended ON ended.ledger = line->>'ledger'
WHERE f.account_id = %s AND f.kind = 'income' AND f.id > coalesce(ended.id, 0)
GROUP BY 1
"""
_ACCOUNT = "SELECT quote, marked_ms, peak_equity, day_equity FROM account_risk WHERE account_id = %s ORDER BY quote"


async def fold(connection: "psycopg.AsyncConnection[TupleRow]", account_id: int) -> Recovered:
    """Give the state of an account, read in the transaction that the caller opened."""
    cursor = connection.cursor(row_factory=dict_row)

    async def rows(statement: str, *values: object) -> list[dict[str, Any]]:
        return await (await cursor.execute(statement, [account_id, *values])).fetchall()

    fills: defaultdict[int, list[tuple[Fill, Decimal]]] = defaultdict(list)
    for row in await rows(_OPEN_FILLS):
        fills[row["strategy_id"]].append((_fill(row), _tidy(row["fee_in_quote"])))
    told = [read(row["kind"], row["body"]) for row in await rows(_PROTECTION)]
    protection = {each.strategy_id: each for each in told if isinstance(each, ProtectionMoved)}
    keys = {
        (row["market"], row["symbol"], row["trade_id"]) for row in await rows(_FILL_KEYS, REMEMBERED_FILLS, account_id)
    }
    lately: defaultdict[int, list[tuple[int, Decimal]]] = defaultdict(list)
    for row in await rows(_LATELY, LATELY):
        lately[row["strategy_id"]].append((row["trade_id"], _tidy(row["signed"])))
    income = await rows(_INCOME, REMEMBERED_FILLS)
    charges = {row["ledger"]: _tidy(row["amount"]) for row in await rows(_CHARGES, account_id)} if income else {}
    return Recovered(
        balances={(row["ledger"], row["asset"]): _tidy(row["amount"]) for row in await rows(_BALANCES)},
        open_orders=tuple(_open_order(row) for row in await rows(_OPEN_ORDERS)),
        strategies={
            row["id"]: msgspec.structs.replace(
                _strategy(row, fills[row["id"]], charges.get(strategy_ledger(row["id"]), ZERO)),
                protection=protection.get(row["id"]),
                lately=tuple(lately[row["id"]]),
            )
            for row in await rows(_STRATEGIES)
        },
        fill_keys=frozenset(keys | {fill.key for each in fills.values() for fill, _ in each}),
        accounts=tuple(
            AccountMarked(row["quote"], row["marked_ms"], row["peak_equity"], row["day_equity"])
            for row in await rows(_ACCOUNT)
        ),
        income=frozenset((row["kind"], row["transaction_id"]) for row in income),
        income_ms={
            kind: max(row["time_ms"] for row in income if row["kind"] == kind)
            for kind in sorted({row["kind"] for row in income})
        },
    )


def _strategy(row: dict[str, Any], fills: Sequence[tuple[Fill, Decimal]], charges: Decimal) -> StrategyState:
    return StrategyState(
        strategy_id=row["id"],
        fills=tuple(fill for fill, _ in fills),
        fees=tuple(fee for _, fee in fills),
        realised=_tidy(row["realised"]),
        closed_ms=row["closed_ms"] or 0,
        peak_equity=row["peak_equity"],
        capital=row["capital"],
        marked_ms=row["marked_ms"] or 0,
        day_equity=row["day_equity"],
        stopped=row["stopped"],
        sequence=row["orders"],
        decided_ms=-1 if row["decided_ms"] is None else row["decided_ms"],
        charges=charges if fills else ZERO,
    )


def _open_order(row: dict[str, Any]) -> OpenOrder:
    order = Order(
        client_order_id=row["client_order_id"],
        strategy_id=row["strategy_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        type=OrderType(row["type"]),
        quantity=Quantity(_tidy(row["qty"])),
        created_ms=row["created_ms"],
        price=Price(_tidy(row["limit_price"])) if row["limit_price"] is not None else None,
        time_in_force=TimeInForce(row["time_in_force"]) if row["time_in_force"] else None,
        market=Market(row["market"]),
        purpose=Purpose(row["purpose"]),
        reason=row["reason"],
        stop_price=Price(_tidy(row["stop_price"])) if row["stop_price"] is not None else None,
    )
    return OpenOrder(
        order,
        OrderStatus(row["status"]),
        _tidy(row["filled"]),
        _tidy(row["quote_filled"]),
        row["exchange_order_id"],
        _attempt(row),
    )


def _attempt(row: dict[str, Any]) -> Attempt | None:
    if row["signed_ms"] is None:
        return None
    return Attempt(row["client_order_id"], row["signed_ms"], row["recv_window_ms"], row["epoch"], row["digest"])


def _fill(row: dict[str, Any]) -> Fill:
    return Fill(
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        trade_id=row["trade_id"],
        side=Side(row["side"]),
        price=Price(_tidy(row["price"])),
        quantity=Quantity(_tidy(row["quantity"])),
        fee=_tidy(row["fee"]),
        fee_asset=row["fee_asset"],
        time_ms=row["time_ms"],
        exchange_order_id=row["exchange_order_id"],
        is_maker=row["is_maker"],
        market=Market(row["market"]),
    )


def _tidy(value: Decimal) -> Decimal:
    """Give the same number without the column's trailing zeros."""
    return number(plain(value))
