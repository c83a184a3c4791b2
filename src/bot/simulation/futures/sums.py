"""Sums that never round on the way, and the few places where an exchange does round."""

from decimal import ROUND_HALF_EVEN, Decimal

from bot.domain.money import EXACT, ZERO

AMOUNT_DECIMALS = 8
"""Wallets, fees, funding and realised P&L are kept to so many decimals."""
_AMOUNT = Decimal(1).scaleb(-AMOUNT_DECIMALS)
_COST = Decimal(1).scaleb(-20)


def add(first: Decimal, second: Decimal = ZERO, *more: Decimal) -> Decimal:
    """Add without rounding."""
    total = EXACT.add(first, second)
    for term in more:
        total = EXACT.add(total, term)
    return total


def less(whole: Decimal, part: Decimal, *more: Decimal) -> Decimal:
    """Take parts away without rounding."""
    left = EXACT.subtract(whole, part)
    for each in more:
        left = EXACT.subtract(left, each)
    return left


def amount(value: Decimal) -> Decimal:
    """Round to what a wallet can hold: eight decimals, the nearest."""
    return value.quantize(_AMOUNT, rounding=ROUND_HALF_EVEN, context=EXACT)


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Give whole × part / of to twenty decimals, so fine that what is left still adds up to the eye."""
    exact = EXACT.divide(EXACT.multiply(whole, part), of)
    return exact.quantize(_COST, rounding=ROUND_HALF_EVEN, context=EXACT)


def ratio(value: Decimal, by: Decimal | int) -> Decimal:
    """Divide, to eight decimals."""
    return amount(EXACT.divide(value, Decimal(by)))
