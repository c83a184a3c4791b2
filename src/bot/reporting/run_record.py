"""What one strategy did in one run, whoever ran it, as parity compares it: orders with their fills, refusals, trips."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from statistics import median
from typing import Any

import msgspec

from bot.domain.messages import (
    Decision,
    FillBooked,
    OrderChanged,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
    Verdict,
)
from bot.domain.money import ZERO
from bot.domain.order import OrderStatus, Side


class Filled(msgspec.Struct, frozen=True):
    """One fill."""

    time_ms: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    fee_in_quote: Decimal


class Placed(msgspec.Struct):
    """One order, what was seen when it was decided, and what became of it."""

    client_order_id: str
    time_ms: int
    side: Side
    type: str
    purpose: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    reason: str
    seen: dict[str, float] = {}
    status: str = OrderStatus.SENT.value
    status_reason: str = ""
    fills: list[Filled] = []

    @property
    def filled(self) -> Decimal:
        """How much of it traded."""
        return sum((each.quantity for each in self.fills), ZERO)

    @property
    def paid(self) -> Decimal:
        """What traded of it, in quote."""
        return sum((each.quantity * each.price for each in self.fills), ZERO)

    @property
    def fee(self) -> Decimal:
        """Its fees, in quote."""
        return sum((each.fee_in_quote for each in self.fills), ZERO)

    @property
    def last_ms(self) -> int:
        """When its last fill came; the moment of its decision without one."""
        return self.fills[-1].time_ms if self.fills else self.time_ms


class Refused(msgspec.Struct, frozen=True):
    """A wish that was denied before it became an order. Repeated ones are on record once."""

    time_ms: int
    side: Side
    rule: str
    reason: str


class Trip(msgspec.Struct, frozen=True):
    """A closed round trip, amounts in quote."""

    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal
    pnl: Decimal


class Record(msgspec.Struct):
    """What one strategy did in one run. `first_ms` and `last_ms` are closes of the candles between which it decided.

    `gaps` are times (from, to) between which it is known to have seen no candle.
    """

    label: str
    mode: str
    strategy: str
    settings: dict[str, Any]
    first_ms: int
    last_ms: int
    orders: list[Placed] = []
    refused: list[Refused] = []
    trips: list[Trip] = []
    stops: list[tuple[int, str]] = []
    gaps: list[tuple[int, int]] = []

    @property
    def pnl(self) -> Decimal:
        """P&L of closed round trips, in quote."""
        return sum((trip.pnl for trip in self.trips), ZERO)

    @property
    def fills(self) -> list[Filled]:
        """All fills, order by order."""
        return [fill for order in self.orders for fill in order.fills]


def record_of(outcomes: Iterable[Outcome], strategy_id: int, record: Record) -> Record:
    """Put what came out of an engine for one strategy into its record."""
    orders: dict[str, Placed] = {}
    seen: dict[str, dict[str, float]] = {}
    for each in outcomes:
        match each:
            case Decision() if each.strategy_id == strategy_id and each.verdict is Verdict.DENIED:
                record.refused.append(Refused(each.time_ms, each.side, each.rule, each.reason))
            case Decision() if each.strategy_id == strategy_id:
                seen[each.client_order_id] = dict(each.seen)
            case PlaceOrder(order=order) if order.strategy_id == strategy_id:
                orders[order.client_order_id] = Placed(
                    order.client_order_id, order.created_ms, order.side, order.type.value, order.purpose.value,
                    order.quantity, order.price, order.stop_price, order.reason,
                )  # fmt: skip
            case OrderChanged() if each.client_order_id in orders:
                orders[each.client_order_id].status = each.status.value
                orders[each.client_order_id].status_reason = each.reason
            case FillBooked(fill=fill) if fill.client_order_id in orders:
                orders[fill.client_order_id].fills.append(
                    Filled(fill.time_ms, fill.price, fill.quantity, fill.fee, fill.fee_asset, each.fee_in_quote)
                )
            case TradeClosed() if each.strategy_id == strategy_id:
                record.trips.append(
                    Trip(each.side, each.quantity, each.entry_price, each.exit_price, each.fees, each.pnl)
                )
            case StrategyStopped() if each.strategy_id == strategy_id:
                record.stops.append((each.time_ms, each.reason))
            case _:
                pass
    for name, values in seen.items():
        if name in orders:
            orders[name].seen = values
    record.orders = list(orders.values())
    return record


def latencies(run: Record) -> Mapping[str, float] | None:
    """Give how long fills of market orders took from their decision, in ms; None without any."""
    taken = [order.last_ms - order.time_ms for order in run.orders if order.fills and order.type == "MARKET"]
    return {"median_ms": float(median(taken)), "most_ms": float(max(taken))} if taken else None
