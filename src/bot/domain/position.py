"""A position: what a strategy holds of one symbol, at what cost, and the round trip it belongs to.

Average cost. `quantity` is what is really owned: a fee taken in the base asset has already left it. Fees are kept
apart, in quote, so that gross P&L less fees is exactly what the round trip did to the quote balance.
"""

from decimal import Decimal

from bot.domain.market import Market
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Fill, Side

LATELY = 50
"""So many of its newest futures trades a strategy remembers: what it held before the last of them can be told."""


class Position:
    """One symbol's holding; below zero is short (futures). Changed by `apply` and `close` alone."""

    __slots__ = (
        "cost",
        "entry_side",
        "exit_worth",
        "exited",
        "fees",
        "gross",
        "market",
        "opened_by",
        "opened_ms",
        "quantity",
        "symbol",
    )

    def __init__(self, symbol: str, market: Market = Market.SPOT) -> None:
        self.symbol = symbol
        self.market = market
        self.close()

    def close(self) -> None:
        """Forget the round trip: flat, at no cost."""
        self.quantity = ZERO
        self.cost = ZERO
        """Average price of what was bought (or sold short), fees apart."""
        self.fees = ZERO
        """Fees of this round trip so far, in quote; on futures with what funding and liquidation took."""
        self.gross = ZERO
        """P&L of the part already exited, before fees, in quote."""
        self.exited = ZERO
        self.exit_worth = ZERO
        self.opened_ms = 0
        self.opened_by = 0
        """The trade that began it."""
        self.entry_side: Side | None = None

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

    @property
    def exit_price(self) -> Decimal:
        """Average price of the part already exited; 0 before the first exit."""
        return EXACT.divide(self.exit_worth, self.exited) if self.exited else ZERO

    def unrealised(self, price: float) -> float:
        """Give what the open part would gain at `price`, in quote, before the fee of leaving."""
        return (price - float(self.cost)) * float(self.quantity) if self.quantity else 0.0

    def gain(self, price: float, fee_pct: float) -> float:
        """Give the fraction gained on the entry when left at `price`, after the fees of both ways."""
        cost = float(self.cost)
        if not cost:
            return 0.0
        direction = 1.0 if self.quantity > 0 else -1.0
        return (direction * (price - cost) - fee_pct * (price + cost)) / cost

    def apply(self, fill: Fill, base: str, fee_in_quote: Decimal) -> None:
        """Take a fill in. `base` is the instrument's base asset; a fee in it lessens what is owned."""
        signed = fill.signed
        if self.entry_side is None:
            self.entry_side = fill.side
            self.opened_ms, self.opened_by = fill.time_ms, fill.trade_id
        self.fees = EXACT.add(self.fees, fee_in_quote)
        held = self.quantity.copy_abs()
        if fill.side is self.entry_side:
            self._enter(fill.price, fill.quantity)
        elif self.market is Market.SPOT or fill.quantity <= held:
            self._leave(fill.price, fill.quantity)
        else:  # (the exchange closed it by force while our exit was on its way, which then opened the other way)
            self._leave(fill.price, held)
            self.entry_side, self.quantity, self.cost = fill.side, ZERO, ZERO
            turned = EXACT.subtract(fill.quantity, held)
            self._enter(fill.price, turned)
            signed = turned if fill.side is Side.BUY else turned.copy_negate()
        self.quantity = EXACT.add(self.quantity, signed)
        if fill.fee_asset == base:
            self.quantity = EXACT.subtract(self.quantity, fill.fee)

    def charge(self, amount: Decimal) -> None:
        """Count what was taken for holding it (given, when below zero), in quote, as a fee of the round trip."""
        self.fees = EXACT.add(self.fees, amount)

    def _enter(self, price: Decimal, quantity: Decimal) -> None:
        held = self.quantity.copy_abs()
        worth = EXACT.add(times(self.cost, held), times(price, quantity))
        self.cost = EXACT.divide(worth, EXACT.add(held, quantity))

    def _leave(self, price: Decimal, quantity: Decimal) -> None:
        gain = EXACT.subtract(price, self.cost)
        gain = gain if self.entry_side is Side.BUY else gain.copy_negate()
        self.gross = EXACT.add(self.gross, times(gain, quantity))
        self.exited = EXACT.add(self.exited, quantity)
        self.exit_worth = EXACT.add(self.exit_worth, times(price, quantity))
