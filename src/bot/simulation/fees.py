"""Fees are taken from what is received: base on a buy, quote on a sell, cut to eight decimals as there."""

from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.money import cut, times
from bot.domain.order import Side
from bot.simulation.liquidity import Terms

FEE_DECIMALS = 8


def fee_of(
    instrument: Instrument, side: Side, price: Decimal, quantity: Decimal, terms: Terms, *, is_maker: bool
) -> tuple[str, Decimal]:
    """Give the asset and the amount of the fee for one fill."""
    rate = terms.maker_fee if is_maker else terms.taker_fee
    if side is Side.BUY:
        return instrument.base, cut(times(quantity, rate), FEE_DECIMALS)
    return instrument.quote, cut(times(times(price, quantity), rate), FEE_DECIMALS)
