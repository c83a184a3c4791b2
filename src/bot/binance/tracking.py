"""What a broker remembers of an order while it may still trade: enough to tell each thing once, and forward only."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.binance.client import OrderSeen
from bot.domain.market import Market
from bot.domain.money import ZERO
from bot.domain.order import Fill, OrderStatus, may_move


@dataclass(slots=True)
class Tracked:
    """One order of ours on its way."""

    id: str
    symbol: str
    market: Market
    status: OrderStatus = OrderStatus.SENT
    was_found: bool = False
    """True once the exchange has shown it."""
    trades: dict[int, Decimal] = field(default_factory=dict)
    doubts: int = 0
    """Reports of the user stream that know of more trades than we were told, since the exchange was last asked."""

    @property
    def is_live(self) -> bool:
        """True until its end was told."""
        return self.status.is_open

    @property
    def filled(self) -> Decimal:
        """Quantity of the trades told so far."""
        return sum(self.trades.values(), ZERO)

    def fits(self, reply: OrderSeen) -> bool:
        """Say whether a reply speaks of this order, and of a quantity that can be."""
        is_possible = reply.executedQty.is_finite() and reply.executedQty >= 0
        return reply.our_id == self.id and reply.symbol == self.symbol and is_possible

    def move(self, status: OrderStatus) -> bool:
        """Move on; False for what was told already or lies behind us: replies and events race each other."""
        if status is self.status or not may_move(self.status, status):
            return False
        self.status = status
        return True

    def book(self, fill: Fill) -> bool:
        """Note a trade; False when it was told already."""
        if fill.trade_id in self.trades:
            return False
        self.trades[fill.trade_id] = fill.quantity
        return True
