"""What really happened, told in order to whoever keeps the books of truth.

Balances move first; the trade, the order's move or the list's move that follows says why. All amounts are exact,
all times are the caller's ms.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from bot.domain.order import Fill, OrderStatus, OrderType, Side

MARKET = "market"
"""The counterparty of a fill that no client stands behind."""
ROUTER = "sor"
"""The counterparty of fills that smart order routing brings, and the taker in the books where it fetches them."""


class OrderAccepted(msgspec.Struct, frozen=True):
    """An order was written in. `status` is NEW, or PENDING_NEW for a leg that waits for another."""

    account: str
    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    status: OrderStatus
    list_id: int
    time_ms: int


class OrderMoved(msgspec.Struct, frozen=True):
    """An order changed. `execution` is Binance's execution type, or TRIGGERED when a stop price was reached.

    `quantity`, `filled` and `quote_filled` are as they stood then. `request_id` is the client id of the cancel or
    amend request; `counterparty` an account's name, or "market".
    """

    account: str
    symbol: str
    order_id: int
    client_order_id: str
    execution: str
    status: OrderStatus
    reason: str
    quantity: Decimal
    filled: Decimal
    quote_filled: Decimal
    prevented: Decimal
    time_ms: int
    is_working: bool
    fill: Fill | None = None
    counterparty: str = ""
    request_id: str = ""


class Traded(msgspec.Struct, frozen=True):
    """A trade with at least one client in it, or routed for one; the market and the router have no fills."""

    symbol: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    time_ms: int
    taker_side: Side
    taker: str
    maker: str
    taker_fill: Fill | None
    maker_fill: Fill | None


class Allocation(Fill, frozen=True, kw_only=True):
    """A fill that smart order routing fetched from somewhere else: it has no trade id, but a number of its own."""

    allocation_id: int


class Prevented(msgspec.Struct, frozen=True):
    """A trade of an owner with himself that did not happen; `quantity` is what the two orders have in common.

    `mode` is the one that took effect. `taker_lost` and `maker_lost` are what each order lost by it, None for nothing.
    `is_transfer` when quantity and money moved between the two accounts.
    """

    symbol: str
    match_id: int
    taker: str
    taker_order_id: int
    maker: str
    maker_order_id: int
    mode: str
    price: Decimal
    quantity: Decimal
    time_ms: int
    maker_symbol: str = ""
    trade_group: int = -1
    taker_lost: Decimal | None = None
    maker_lost: Decimal | None = None
    is_transfer: bool = False


class ListMoved(msgspec.Struct, frozen=True):
    """An order list was taken in, changed, or came to its end."""

    account: str
    symbol: str
    list_id: int
    client_id: str
    contingency: str
    status_type: str
    order_status: str
    orders: tuple[tuple[int, str], ...]
    time_ms: int


class BalanceMoved(msgspec.Struct, frozen=True):
    """Money of an account moved; `why` is open, deposit, lock, unlock, trade, fee or transfer."""

    account: str
    asset: str
    free: Decimal
    locked: Decimal
    why: str


Happening = OrderAccepted | OrderMoved | Traded | Prevented | ListMoved | BalanceMoved
Observe = Callable[[Happening], None]
