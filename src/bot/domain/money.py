"""Exact numbers: prices, quantities and amounts are Decimal from the wire to the database and back.

A Binance number has at most 8 decimals and 15 significant digits, so a product of two needs up to 30 digits; the
default context of 28 would round it. All products here go through a wider context that never rounds in practice.
"""

from decimal import ROUND_DOWN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import cache, lru_cache
from typing import NewType

Price = NewType("Price", Decimal)
Quantity = NewType("Quantity", Decimal)
Amount = NewType("Amount", Decimal)
"""A sum of one asset: quote money, a fee, a balance."""

ZERO = Decimal(0)
ONE = Decimal(1)
EXACT = Context(prec=60, traps=[InvalidOperation, DivisionByZero, Overflow])


def number(text: str | int | Decimal) -> Decimal:
    """Give the exact finite number written in `text`; ValueError for NaN, infinity or nonsense."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"not a number: {text!r}") from error
    if not value.is_finite():
        raise ValueError(f"not a finite number: {text!r}")
    return value


@lru_cache(maxsize=256, typed=True)
def exact(signal: float) -> Decimal:
    """Give the decimal text of a float, as it was on the wire: 15 significant digits survive float64."""
    # One price is asked for several times while its candle is the newest. Numbers that are equal but written otherwise
    # (50 and 50.0, 0.0 and -0.0) must not answer for one another: what is written down would depend on who asked first.
    return number(repr(signal or 0.0))


def times(left: Decimal, right: Decimal) -> Decimal:
    """Multiply without rounding."""
    return EXACT.multiply(left, right)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Give the largest multiple of `step` not above `value` in size; a step of 0 leaves it as it is."""
    if not step:
        return value
    return EXACT.multiply(EXACT.divide_int(value, step), step)


def cut(value: Decimal, decimals: int) -> Decimal:
    """Cut to so many decimals, towards zero, as the exchange does with amounts."""
    return value.quantize(_unit(decimals), rounding=ROUND_DOWN, context=EXACT)


_SETTLED = Decimal(1).scaleb(-18)


def settled(value: Decimal) -> Decimal:
    """Round to the 18 decimals that are kept: for averages, which may have no end."""
    return value.quantize(_SETTLED, context=EXACT).normalize(EXACT)


def plain(value: Decimal) -> str:
    """Write a number the way the wire takes it: no exponent, no trailing zeros, no minus zero."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@cache
def _unit(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)
