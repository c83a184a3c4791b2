"""Orders, their states, and the one table of moves between them."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from bot.domain.market import Market
from bot.domain.money import Price, Quantity


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """Kinds of orders by Binance's names."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


class TimeInForce(StrEnum):
    """How long a limit order stands: until cancelled, at once or not at all in part (IOC) or whole (FOK)."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class StpMode(StrEnum):
    """What happens when an order would trade with another one of the same owner; the taker's mode decides."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"
    """Like DECREMENT; when both orders say so, quantity and money also move between the accounts of a group."""


class Purpose(StrEnum):
    """Why an order exists. Risk holds entries back first, exits only for `min_profit`, stops never."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"


class OrderStatus(StrEnum):
    """Where an order stands."""

    INTENT = "INTENT"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    PENDING_NEW = "PENDING_NEW"
    """A leg of an order list that waits for another leg to be filled."""
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    """Ended because it would have traded with an order of the same owner."""
    REJECTED = "REJECTED"
    VOID = "VOID"
    """Never reached the exchange: its time ran out, or its absence was proven."""

    is_open: bool
    """True while the order can still trade, or while we cannot tell."""


S = OrderStatus
_ENDS = {S.FILLED, S.CANCELED, S.EXPIRED, S.EXPIRED_IN_MATCH}
MOVES: dict[OrderStatus, frozenset[OrderStatus]] = {
    S.INTENT: frozenset({S.SENT, S.VOID, S.REJECTED}),
    # The stream may report a fill before the reply to our request arrives, so SENT goes straight to any later state.
    S.SENT: frozenset({S.UNKNOWN, S.NEW, S.PARTIALLY_FILLED, S.REJECTED, S.VOID, *_ENDS}),
    S.UNKNOWN: frozenset({S.NEW, S.PARTIALLY_FILLED, S.REJECTED, S.VOID, *_ENDS}),
    S.PENDING_NEW: frozenset({S.NEW, S.PARTIALLY_FILLED, *_ENDS}),
    S.NEW: frozenset({S.PARTIALLY_FILLED, *_ENDS}),
    S.PARTIALLY_FILLED: frozenset({S.PARTIALLY_FILLED, *_ENDS}),
    S.FILLED: frozenset(),
    S.CANCELED: frozenset(),
    S.EXPIRED: frozenset(),
    S.EXPIRED_IN_MATCH: frozenset(),
    S.REJECTED: frozenset(),
    S.VOID: frozenset(),
}
"""Allowed moves. A state with no moves is final; a fill reported after a cancel still counts, as a fill."""
for _status, _moves in MOVES.items():
    _status.is_open = bool(_moves)  # (asked for so often that a look into the table would be felt)


def may_move(now: OrderStatus, then: OrderStatus) -> bool:
    """Say whether an order may go from `now` to `then`."""
    return then in MOVES[now]


FORCED_PREFIXES = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
"""How the ids begin of orders that the exchange itself gives: to liquidate, to deleverage, to settle."""
_PARTS = 1_000


def part_id(trade_id: int, number: int) -> int:
    """Name the parts of a trade that several strategies share: the first has the trade's own id, others none of any."""
    return trade_id if not number else -(trade_id * _PARTS + number)


def whole_id(trade_id: int) -> int:
    """Give the id of the trade that this one is, or is a part of."""
    return trade_id if trade_id > 0 else -trade_id // _PARTS


class Order(msgspec.Struct, frozen=True):
    """What we asked for. `price` is None for market orders.

    `created_ms` is the time of what it was decided on: a candle's close, a trade, or what a person did.
    """

    client_order_id: str
    strategy_id: int
    symbol: str
    side: Side
    type: OrderType
    quantity: Quantity
    created_ms: int
    price: Price | None = None
    time_in_force: TimeInForce | None = None
    market: Market = Market.SPOT
    purpose: Purpose = Purpose.ENTRY
    reason: str = ""
    stop_price: Price | None = None
    """Stops alone: the price that sets it off."""

    @property
    def is_of_market(self) -> bool:
        """Say whether `created_ms` is the market's time: what guards or closes may have that of a clock which is off.

        Candles alone end a millisecond before a whole second.
        """
        is_wished = self.purpose is not Purpose.STOP and self.stop_price is None
        return (is_wished and self.type is not OrderType.LIMIT_MAKER) or self.created_ms % 1_000 == 999


class Fill(msgspec.Struct, frozen=True):
    """One trade of ours. (market, symbol, trade_id) is unique. The fee is in the asset that it was taken in."""

    client_order_id: str
    symbol: str
    trade_id: int
    side: Side
    price: Price
    quantity: Quantity
    fee: Decimal
    fee_asset: str
    time_ms: int
    exchange_order_id: int = 0
    is_maker: bool = False
    market: Market = Market.SPOT
    realised: Decimal | None = None
    """Futures: what this trade gained or lost against the position it closed, in quote, as the exchange says."""

    @property
    def signed(self) -> Decimal:
        """The quantity, below zero when sold."""
        return self.quantity if self.side is Side.BUY else self.quantity.copy_negate()

    @property
    def key(self) -> tuple[str, str, int]:
        """The natural key by which a fill is posted once."""
        return (self.market, self.symbol, self.trade_id)
