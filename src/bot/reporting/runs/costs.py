"""What trading cost: fees as charged, slippage found again in the fills, funding as paid."""

from decimal import Decimal

import numpy as np

from bot.domain.money import EXACT, ONE, ZERO, exact
from bot.domain.order import Fill, Side
from bot.history.columns import Columns
from bot.reporting.runs.record import Part
from bot.simulation.liquidity import taker_price

NAMES = {"fees": "fees", "slippage": "slippage", "funding": "funding", "liquidation": "liquidation fees"}
"""The kinds of costs, and what people call them."""
_BPS = Decimal(10_000)


def costs(part: Part) -> dict[str, float]:
    """Give what each kind of costs took of a strategy, in quote: below zero it gave."""
    fees = ZERO
    for booked in part.fills:
        fees = EXACT.add(fees, booked.fee_in_quote)
    return {
        "fees": float(fees),
        "slippage": float(slippage(part)),
        "funding": -part.funding if part.funding else 0.0,
        "liquidation": part.liquidation_fees,
    }


def slippage(part: Part) -> Decimal:
    """Give what slippage took of all fills, in quote: each price against the one it would have had without.

    The candle says what that price was: the open, the close or the middle, as `fill` has it. It is believed when the
    exchange's own rule makes of it the price that was paid; fills that came about otherwise (a stop inside a candle, a
    limit that crossed) have the slippage taken out of their price, which is right to one tick.
    """
    if not part.terms.slippage_bps or not part.fills:
        return ZERO
    moments = np.array([booked.fill.time_ms for booked in part.fills], np.int64)
    rows = np.searchsorted(part.columns.open_time, moments, side="right") - 1
    total = ZERO
    for booked, row in zip(part.fills, rows.tolist(), strict=True):
        fill = booked.fill
        if not fill.is_maker:
            lost = EXACT.multiply(EXACT.subtract(fill.price, _without(part, fill, row)), fill.quantity)
            total = EXACT.add(total, lost if fill.side is Side.BUY else lost.copy_negate())
    return total


def _without(part: Part, fill: Fill, row: int) -> Decimal:
    """Give the price that a fill would have had without slippage."""
    price = _quoted(part.columns, row, part.terms.fill)
    if taker_price(price, fill.side, part.terms, part.instrument) == fill.price:
        return price
    share = EXACT.divide(part.terms.slippage_bps, _BPS)
    return EXACT.divide(fill.price, ONE + share if fill.side is Side.BUY else ONE - share)


def _quoted(columns: Columns, row: int, kind: str) -> Decimal:
    if kind == "next":
        return exact(float(columns.open[row]))
    if kind == "midpoint":
        both = EXACT.add(exact(float(columns.high[row])), exact(float(columns.low[row])))
        return EXACT.divide(both, Decimal(2))
    return exact(float(columns.close[row]))
