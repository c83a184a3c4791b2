"""Fees: taken from what is received, cut to eight decimals as there, or paid in BNB at a discount."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.money import EXACT, ZERO, cut, times
from bot.domain.order import Side

FEE_DECIMALS = 8
BNB = "BNB"


class Rates(msgspec.Struct, frozen=True):
    """Fractions of the worth of a fill: one by liquidity, one by side, added together."""

    maker: Decimal = ZERO
    taker: Decimal = ZERO
    buyer: Decimal = ZERO
    seller: Decimal = ZERO

    def of(self, side: Side, *, is_maker: bool) -> Decimal:
        """Give the rate of one fill."""
        return EXACT.add(self.maker if is_maker else self.taker, self.buyer if side is Side.BUY else self.seller)


class Commission(msgspec.Struct, frozen=True):
    """What an account pays. `discount` is what is left of the standard part when it is paid in BNB: 0.75 is 25 % off.

    Binance describes the number as a reduction, but multiplies by it; here it multiplies.
    """

    standard: Rates
    special: Rates = Rates()
    tax: Rates = Rates()
    discount: Decimal = Decimal("0.75")
    pays_in_bnb: bool = False

    def __post_init__(self) -> None:
        for side in Side:
            for is_maker in (True, False):
                if not 0 <= self.rate(side, is_maker=is_maker) < 1:
                    raise ValueError("fees are fractions from 0 to below 1: write 0.001 for a tenth of a percent")
        if not 0 <= self.discount <= 1:
            raise ValueError("discount goes from 0 to 1: write 0.75 for a quarter off")

    def rate(self, side: Side, *, is_maker: bool, is_discounted: bool = False) -> Decimal:
        """Give the whole rate of one fill."""
        standard = self.standard.of(side, is_maker=is_maker)
        if is_discounted:
            standard = times(standard, self.discount)
        extra = EXACT.add(self.special.of(side, is_maker=is_maker), self.tax.of(side, is_maker=is_maker))
        return EXACT.add(standard, extra)


def fee_of(
    instrument: Instrument,
    side: Side,
    price: Decimal,
    quantity: Decimal,
    rate: Decimal,
) -> tuple[str, Decimal]:
    """Give the asset and the amount of a fee that is taken from what one fill brings."""
    if side is Side.BUY:
        return instrument.base, cut(times(quantity, rate), FEE_DECIMALS)
    return instrument.quote, cut(times(times(price, quantity), rate), FEE_DECIMALS)


def fee_in_bnb(
    instrument: Instrument, worth: Decimal, rate: Decimal, bnb_price: Callable[[str], Decimal | None]
) -> Decimal | None:
    """Give the fee of a fill worth `worth` quote in BNB, or None when nobody knows what BNB costs in the quote."""
    price = bnb_price(instrument.quote)
    return None if not price else cut(EXACT.divide(times(worth, rate), price), FEE_DECIMALS)
