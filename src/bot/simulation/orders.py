"""What the simulated exchange keeps of an order, and how it says no."""

from decimal import Decimal

import msgspec

from bot.domain.errors import Rejected
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Fill, OrderStatus, OrderType, Side, TimeInForce
from bot.simulation.liquidity import Terms


class Refused(Rejected):
    """The simulated exchange said no, with Binance's code and Binance's text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message, code)
        self.message = message


class RestingOrder(msgspec.Struct, eq=False):
    """An order as the exchange knows it. It changes in place, so copy what has to stay.

    `time_in_force` is None where Binance wants none. `locked` is what is set aside for the rest of the order:
    quote for a buy, base for a sell. `exposed_from_ms` is the earliest open time of a candle the order can meet.
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

    @property
    def is_open(self) -> bool:
        """True while the order can still trade."""
        return self.status.is_open

    @property
    def remaining(self) -> Decimal:
        """Give the quantity not filled yet."""
        return EXACT.subtract(self.quantity, self.filled)

    @property
    def needs(self) -> Decimal:
        """Give what has to stay locked for the rest of a limit order: quote for a buy, base for a sell."""
        if self.price is None or not self.is_open:
            return ZERO
        return times(self.price, self.remaining) if self.side is Side.BUY else self.remaining
