"""What the simulated exchange keeps of an order, and how it says no."""

from decimal import Decimal
from typing import Literal

import msgspec

from bot.domain.errors import Rejected
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Fill, OrderStatus, OrderType, Side, StpMode, TimeInForce
from bot.simulation.happenings import Prevented
from bot.simulation.liquidity import STANDARD_TERMS, Terms

STOPS = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
TAKES = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
CONTINGENT = STOPS | TAKES
"""Types that wait for their trigger before they are sent to the book."""

Shelf = Literal["", "book", "trigger", "trailing", "waiting"]
"""Where an open order stands: nowhere, in the book, behind a stop price, behind a trailing one, for the next candle."""


class Refused(Rejected):
    """The simulated exchange said no, with Binance's code and Binance's text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message, code)
        self.message = message


class Peg(msgspec.Struct, frozen=True):
    """A price tied to the book on arrival: the best of the own or of the opposite side, so many levels deeper."""

    to: Literal["PRIMARY_PEG", "MARKET_PEG"]
    levels: int = 0


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is asked for. `trailing_delta` is in basis points; `stp` None takes the symbol's own mode."""

    symbol: str
    side: Side
    type: OrderType
    client_order_id: str
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_quantity: Decimal | None = None
    peg: Peg | None = None
    stp: StpMode | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    terms: Terms = STANDARD_TERMS
    uses_sor: bool = False
    """Whether it may also take from the books of symbols with interchangeable quotes: LIMIT and MARKET only."""


class Amendment(msgspec.Struct, frozen=True):
    """One change of an order's quantity that kept its place in line."""

    time_ms: int
    from_quantity: Decimal
    to_quantity: Decimal
    from_client_order_id: str
    to_client_order_id: str


class RestingOrder(msgspec.Struct, eq=False):
    """An order as the exchange knows it. It changes in place, so copy what has to stay.

    `time_in_force` is None where Binance wants none. `locked` is what is set aside for the rest of the order:
    quote for a buy, base for a sell; two legs that cannot both trade share what the dearer one needs.
    `ahead` is what a recorded book holds before the order in its line.
    `exposed_from_ms` is the earliest open time of a candle the order can meet. `working_ms` is -1 until the order
    is in the book or has taken from it. `extreme` is the best price since a trailing order began to follow.
    """

    account: str
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    created_ms: int
    time_in_force: TimeInForce | None = None
    price: Decimal | None = None
    quote_quantity: Decimal | None = None
    filled: Decimal = ZERO
    quote_filled: Decimal = ZERO
    status: OrderStatus = OrderStatus.NEW
    updated_ms: int = 0
    fills: list[Fill] = []
    terms: Terms = Terms()
    locked: Decimal = ZERO
    exposed_from_ms: int = 0
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    trailing_ms: int = -1
    extreme: Decimal | None = None
    iceberg_quantity: Decimal | None = None
    shown: Decimal = ZERO
    ahead: Decimal = ZERO
    peg: Peg | None = None
    stp: StpMode = StpMode.NONE
    prevented: Decimal = ZERO
    prevented_match_id: int = -1
    strategy_id: int | None = None
    strategy_type: int | None = None
    list_id: int = -1
    working_ms: int = -1
    expiry_reason: str = "NONE"
    amendments: list[Amendment] = []
    shelf: Shelf = ""
    used_sor: bool = False
    working_floor: Literal["", "EXCHANGE", "SOR"] = ""
    """With smart order routing: where the order was last at work, in its own book or in those of others."""
    prevented_matches: list[Prevented] = []
    """Trades with its owner that it was kept from as the taker."""

    @property
    def is_open(self) -> bool:
        """True while the order can still trade."""
        return self.status.is_open

    @property
    def is_contingent(self) -> bool:
        """True for stop and take-profit orders, also after their trigger."""
        return self.type in CONTINGENT

    @property
    def triggers_above(self) -> bool:
        """True when a rise to the stop price triggers, False when a fall does."""
        return (self.side is Side.BUY) == (self.type in STOPS)

    @property
    def remaining(self) -> Decimal:
        """Give the quantity neither filled nor prevented yet."""
        left = EXACT.subtract(self.quantity, self.filled)
        return EXACT.subtract(left, self.prevented) if self.prevented else left

    @property
    def needs(self) -> Decimal:
        """Give what has to stay locked for the rest of a limit order: quote for a buy, base for a sell."""
        if self.price is None or self.status is OrderStatus.PENDING_NEW or not self.is_open:
            return ZERO
        return times(self.price, self.remaining) if self.side is Side.BUY else self.remaining
