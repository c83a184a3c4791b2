"""A position: what a strategy holds of one symbol, at what cost, and the round trip it belongs to.

Average cost. `quantity` is what is really owned: a fee taken in the base asset has already left it. Fees are kept
apart, in quote, so that gross P&L, fees and net P&L add up to what the quote balance did.
"""

from decimal import Decimal

from bot.domain.market import Market
from bot.domain.messages import TradeClosed
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Fill, Side


class Position:
    """One symbol's holding. Signed: below zero is short (futures)."""

    __slots__ = (
        "_bought", "_closed_quantity", "_closed_worth", "_entry", "_entry_side", "_gross", "_sold",
        "cost", "fees", "market", "opened_ms", "quantity", "symbol",
    )

    def __init__(self, symbol: str, market: Market = Market.SPOT) -> None:
        self.symbol = symbol
        self.market = market
        self._reset()

    def _reset(self) -> None:
        self.quantity = ZERO
        self.cost = ZERO
        """Average price paid per unit held, fees apart; 0 when flat."""
        self.fees = ZERO
        """Fees of the open round trip so far, in quote."""
        self.opened_ms = 0
        self._entry_side: Side | None = None
        self._gross = ZERO
        self._closed_quantity = ZERO
        self._closed_worth = ZERO

    @property
    def is_flat(self) -> bool:
        """True when nothing is held."""
        return not self.quantity

    @property
    def is_long(self) -> bool:
        """True when holding a bought quantity."""
        return self.quantity > 0

    @property
    def is_short(self) -> bool:
        """True when owing a sold quantity."""
        return self.quantity < 0
