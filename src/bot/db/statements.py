"""The journal's statements, in plain SQL: each fact becomes one statement, safe to repeat.

Names are unqualified: the connection's search path says whose money it is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple

import msgspec
import psycopg

from bot.db.direct import Statement
from bot.db.facts import MoneyFact, body_of, key_of, kind_of
from bot.domain.ledger import Posting
from bot.domain.messages import (
    Attempt,
    Decision,
    FillBooked,
    OrderChanged,
    OrderFound,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.money import settled
from bot.domain.order import OrderStatus, may_move

_json = msgspec.json.Encoder().encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# An order that is there already may be written again only while nothing became of it: that is a repeated write, not
# a second order. In any other case it would be left without an id, which the table refuses, and with it the journal.
PLACE = """
INSERT INTO orders (strategy_id, side, qty, price, demo, ts, account_id, client_order_id, market, symbol, type,
                    time_in_force, limit_price, purpose, reason, status, created_ms, reserved, signed_ms,
                    recv_window_ms, epoch, digest, stop_price)
VALUES (%(strategy_id)s, %(side)s, %(qty)s, %(price)s, %(demo)s, %(ts)s, %(account_id)s, %(client_order_id)s,
        %(market)s, %(symbol)s, %(type)s, %(time_in_force)s, %(price)s, %(purpose)s, %(reason)s, 'SENT',
        %(created_ms)s, %(reserved)s, %(signed_ms)s, %(recv_window_ms)s, %(epoch)s, %(digest)s,
        %(stop_price)s)
ON CONFLICT (client_order_id) DO UPDATE SET updated = now(), client_order_id = CASE
    WHEN orders.status = 'SENT' AND orders.strategy_id = EXCLUDED.strategy_id AND orders.side = EXCLUDED.side
     AND orders.symbol = EXCLUDED.symbol AND orders.qty = EXCLUDED.qty AND orders.created_ms = EXCLUDED.created_ms
    THEN orders.client_order_id END
"""

KNOWN = "SELECT client_order_id, status FROM orders WHERE account_id = %(account)s AND client_order_id = ANY(%(ids)s)"
_FIND = PLACE[: PLACE.index("ON CONFLICT")] + "ON CONFLICT (client_order_id) DO NOTHING"

# A turn that is over writes nothing: whose turn it is, is read from the lease's own row, which nobody can take over
# before this transaction has ended. Where it is not ours, there is no account to write to, and the table refuses that.
_OUR_ACCOUNT = """(SELECT account_id FROM public.leases
 WHERE account_id = %(account_id)s AND mode = %(mode)s AND epoch = %(turn)s FOR SHARE)"""

_KEEP = f"""
INSERT INTO facts (account_id, key, kind, body)
SELECT {_OUR_ACCOUNT}, fact.* FROM unnest(%(keys)s::text[], %(kinds)s::text[], %(bodies)s::jsonb[])
                                           AS fact (key, kind, body)
ON CONFLICT (account_id, key) DO NOTHING
"""  # noqa: S608 (our own words)

# The same for what brings no facts.
_FENCE = f"""
INSERT INTO facts (account_id, key, kind, body) SELECT NULL, '', '', '{{}}' WHERE {_OUR_ACCOUNT} IS NULL
"""

_CHANGE = """
UPDATE orders SET
    status = CASE WHEN status = ANY(%(before)s) THEN %(status)s ELSE status END,
    status_reason = CASE WHEN %(reason)s <> '' THEN %(reason)s ELSE status_reason END,
    filled = greatest(filled, %(filled)s),
    quote_filled = greatest(quote_filled, %(quote_filled)s),
    exchange_order_id = coalesce(nullif(%(exchange_order_id)s::bigint, 0), exchange_order_id),
    updated = now()
WHERE client_order_id = %(client_order_id)s
"""

# Postings and sums follow only when the fill is new.
_BOOK = """
WITH booked AS (
    INSERT INTO fills (account_id, strategy_id, order_id, client_order_id, market, symbol, trade_id, side, price,
                       quantity, fee, fee_asset, fee_in_quote, is_maker, time_ms)
    VALUES (%(account_id)s, %(strategy_id)s, (SELECT id FROM orders WHERE client_order_id = %(client_order_id)s),
            %(client_order_id)s, %(market)s, %(symbol)s, %(trade_id)s, %(side)s, %(price)s, %(quantity)s, %(fee)s,
            %(fee_asset)s, %(fee_in_quote)s, %(is_maker)s, %(time_ms)s)
    ON CONFLICT (market, symbol, trade_id, account_id) DO NOTHING
    RETURNING order_id, quantity, price * quantity AS quote, fee_in_quote
), posted AS (
    INSERT INTO postings (account_id, ledger, asset, amount, time_ms, source)
    SELECT %(account_id)s, line.*
    FROM booked, unnest(%(ledgers)s::text[], %(assets)s::text[], %(amounts)s::numeric[], %(times)s::bigint[],
                        %(sources)s::text[]) AS line
), sums AS (
    SELECT booked.order_id, booked.fee_in_quote,
           booked.quantity + coalesce(sum(fills.quantity), 0) AS filled,
           booked.quote + coalesce(sum(fills.quantity * fills.price), 0) AS quote_filled
    FROM booked LEFT JOIN fills ON fills.order_id = booked.order_id
    GROUP BY booked.order_id, booked.fee_in_quote, booked.quantity, booked.quote
)
UPDATE orders SET
    fee = orders.fee + sums.fee_in_quote,
    filled = greatest(orders.filled, sums.filled),
    quote_filled = greatest(orders.quote_filled, sums.quote_filled),
    price = sums.quote_filled / sums.filled,
    exchange_order_id = coalesce(nullif(%(exchange_order_id)s::bigint, 0), orders.exchange_order_id),
    updated = now()
FROM sums WHERE orders.id = sums.order_id
"""

_FUND = """
INSERT INTO postings (account_id, ledger, asset, amount, time_ms, source)
SELECT %(account_id)s::bigint, line.* FROM unnest(%(ledgers)s::text[], %(assets)s::text[], %(amounts)s::numeric[],
                                                  %(times)s::bigint[], %(sources)s::text[])
                                           AS line (ledger, asset, amount, time_ms, source)
WHERE NOT EXISTS (
    SELECT FROM postings p
    WHERE p.account_id = %(account_id)s AND p.time_ms = line.time_ms AND p.source = line.source
      AND p.ledger = line.ledger AND p.asset = line.asset AND p.amount = line.amount::numeric(38, 18)
)
"""

# The round trip takes the strategy's loose fills of the symbol with it.
_CLOSE = """
WITH closed AS (
    INSERT INTO trades (order_id, pnl, ts_close, strategy_id, market, symbol, side, qty, entry_price, exit_price, gross,
                        fees, opened_ms, reason)
    VALUES ((SELECT id FROM orders WHERE client_order_id = %(client_order_id)s), %(pnl)s, %(ts_close)s, %(strategy_id)s,
            %(market)s, %(symbol)s, %(side)s, %(qty)s, %(entry_price)s, %(exit_price)s, %(gross)s, %(fees)s,
            %(opened_ms)s, %(reason)s)
    ON CONFLICT (order_id, opened_ms) DO NOTHING
    RETURNING id
)
UPDATE fills SET round_trip_id = closed.id FROM closed
WHERE fills.strategy_id = %(strategy_id)s AND fills.market = %(market)s AND fills.symbol = %(symbol)s
  AND fills.round_trip_id IS NULL
"""

_DECIDE = """
INSERT INTO decisions (strategy_id, time_ms, symbol, side, verdict, reason, rule, client_order_id, seen)
VALUES (%(strategy_id)s, %(time_ms)s, %(symbol)s, %(side)s, %(verdict)s, %(reason)s, %(rule)s, %(client_order_id)s,
        %(seen)s)
ON CONFLICT DO NOTHING
"""

INTEND_AGAIN = f"WITH decided AS ({_DECIDE}), placed AS ({PLACE}) {_KEEP}"
# The same without looking for what is there already, which costs a tenth of it: that is for `again`.
INTEND = "WITH decided AS ({}), placed AS ({}) {}".format(
    *(text.partition("ON CONFLICT")[0] for text in (_DECIDE, PLACE, _KEEP))
)

_STOP = """
WITH told AS (UPDATE strategies SET stopped_reason = %(reason)s WHERE id = %(strategy_id)s)
INSERT INTO risk_state (strategy_id, stopped, stopped_ms) VALUES (%(strategy_id)s, %(reason)s, %(time_ms)s)
ON CONFLICT (strategy_id) DO UPDATE SET stopped = EXCLUDED.stopped, stopped_ms = EXCLUDED.stopped_ms
"""


class Turn(NamedTuple):
    """Who writes, for which money, and under which epoch of the lease."""

    account_id: int
    mode: str
    epoch: int

    def values(self) -> dict[str, Any]:
        """Give what the fence asks for."""
        return {"account_id": self.account_id, "mode": self.mode, "turn": self.epoch}


def keep(facts: Sequence[MoneyFact], turn: Turn) -> Statement:
    """Add facts to the stream; one that is there already stays as it is. Refused when the turn is over."""
    return _KEEP, {
        **turn.values(),
        "keys": [key_of(each) for each in facts],
        "kinds": [kind_of(each) for each in facts],
        "bodies": [body_of(each) for each in facts],
    }


def fenced(facts: Sequence[MoneyFact], turn: Turn, before: Sequence[Statement]) -> list[Statement]:
    """Give what ends the transaction: the facts, or only the fence where there are none; nothing after nothing."""
    if facts:
        return [keep(facts, turn)]
    return [(_FENCE, turn.values())] if before else []


def is_fence(error: psycopg.errors.NotNullViolation) -> bool:
    """Say whether a refusal means that the turn is over."""
    return (error.diag.table_name, error.diag.column_name) == ("facts", "account_id")


def combined(writes: Sequence[Statement]) -> Sequence[Statement]:
    """Make one statement of a decision, its order and their facts: the three cost twice as much one by one.

    It is refused (unique violation) when any of them is there already; `again` gives what is not.
    """
    if [text for text, _ in writes] != [_DECIDE, PLACE, _KEEP]:
        return writes
    (_, decided), (_, placed), (_, kept) = writes
    if any(placed[name] != decided[name] for name in decided.keys() & placed.keys()):
        return writes
    return [(INTEND, {**decided, **placed, **kept})]


def again(writes: Sequence[Statement]) -> Sequence[Statement]:
    """Give the same writes in words that may be said twice."""
    return [(INTEND_AGAIN if text == INTEND else text, values) for text, values in writes]


def place(command: PlaceOrder, attempt: Attempt | None, account_id: int, *, demo: bool) -> Statement:
    """Write an order before it is sent, with how it will be."""
    order = command.order
    return PLACE, {
        "strategy_id": order.strategy_id,
        "side": order.side.value,
        "qty": order.quantity,
        "price": order.price,
        "stop_price": order.stop_price,
        "demo": demo,
        "ts": moment(order.created_ms),
        "account_id": account_id,
        "client_order_id": order.client_order_id,
        "market": order.market.value,
        "symbol": order.symbol,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value if order.time_in_force else None,
        "purpose": order.purpose.value,
        "reason": order.reason,
        "created_ms": order.created_ms,
        "reserved": settled(command.reserved),
        "signed_ms": attempt.signed_ms if attempt else None,
        "recv_window_ms": attempt.recv_window_ms if attempt else 0,
        "epoch": attempt.epoch if attempt else 0,
        "digest": attempt.digest if attempt else "",
    }


def find(fact: OrderFound, account_id: int, *, demo: bool) -> Statement:
    """Write down an order that nobody here sent, once."""
    return _FIND, place(PlaceOrder(fact.order), None, account_id, demo=demo)[1]


def change(fact: OrderChanged) -> Statement:
    """Move an order along its table of moves; a move that the table does not have leaves the status as it is."""
    return _CHANGE, {
        "client_order_id": fact.client_order_id,
        "status": fact.status.value,
        "before": [status.value for status in OrderStatus if may_move(status, fact.status)],
        "reason": fact.reason,
        "filled": fact.filled,
        "quote_filled": fact.quote_filled,
        "exchange_order_id": fact.exchange_order_id,
    }


def book(fact: FillBooked, account_id: int) -> Statement:
    """Write a fill with its postings, once."""
    fill = fact.fill
    return _BOOK, {
        "account_id": account_id,
        "strategy_id": fact.strategy_id,
        "client_order_id": fill.client_order_id,
        "market": fill.market.value,
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "side": fill.side.value,
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "fee_in_quote": fact.fee_in_quote,
        "is_maker": fill.is_maker,
        "time_ms": fill.time_ms,
        "exchange_order_id": fill.exchange_order_id,
        **_lines(fact.postings),
    }


def fund(postings: Sequence[Posting], account_id: int) -> Statement:
    """Write postings that belong to no fill."""
    return _FUND, {"account_id": account_id, **_lines(postings)}


def close(fact: TradeClosed) -> Statement:
    """Write a finished round trip."""
    return _CLOSE, {
        "client_order_id": fact.client_order_id,
        "pnl": fact.pnl,
        "ts_close": moment(fact.closed_ms),
        "strategy_id": fact.strategy_id,
        "market": fact.market.value,
        "symbol": fact.symbol,
        "side": fact.side.value,
        "qty": fact.quantity,
        "entry_price": fact.entry_price,
        "exit_price": fact.exit_price,
        "gross": fact.gross,
        "fees": fact.fees,
        "opened_ms": fact.opened_ms,
        "reason": fact.reason,
    }


def decide(fact: Decision) -> Statement:
    """Write a decision; an indicator that had no number is kept as null."""
    return _DECIDE, {
        "strategy_id": fact.strategy_id,
        "time_ms": fact.time_ms,
        "symbol": fact.symbol,
        "side": fact.side.value,
        "verdict": fact.verdict.value,
        "reason": fact.reason,
        "rule": fact.rule,
        "client_order_id": fact.client_order_id,
        "seen": _json({name: float(value) if isfinite(value) else None for name, value in fact.seen.items()}).decode(),
    }


def stop(fact: StrategyStopped) -> Statement:
    """Write that a strategy takes no new risk."""
    return _STOP, {"strategy_id": fact.strategy_id, "reason": fact.reason, "time_ms": fact.time_ms}


def moment(time_ms: int) -> datetime:
    """Give a time in ms UTC as an exact aware datetime."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def _lines(postings: Sequence[Posting]) -> dict[str, list[Any]]:
    return {
        "ledgers": [each.ledger for each in postings],
        "assets": [each.asset for each in postings],
        "amounts": [each.amount for each in postings],
        "times": [each.time_ms for each in postings],
        "sources": [each.source for each in postings],
    }
