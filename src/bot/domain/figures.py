"""Figures of merit of a series of results: pure arithmetic, for reports of every kind."""

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.market import Market
from bot.domain.messages import FillBooked, TradeClosed
from bot.domain.money import EXACT, ZERO


def max_drawdown(equity: Iterable[Decimal]) -> Decimal | None:
    """Give the deepest fall from a peak as a fraction of that peak, or None without a positive peak."""
    peak, deepest = ZERO, ZERO
    for value in equity:
        peak = max(peak, value)
        if peak > 0:
            deepest = max(deepest, EXACT.divide(peak - value, peak))
    return deepest if peak > 0 else None


def profit_factor(results: Iterable[Decimal]) -> Decimal | None:
    """Give what the winners won per unit that the losers lost, or None when nothing was lost."""
    won = lost = ZERO
    for result in results:
        if result > 0:
            won += result
        else:
            lost -= result
    return EXACT.divide(won, lost) if lost else None


def win_rate(wins: int, closed: int) -> Decimal | None:
    """Give the fraction of closed trades that won, or None when none was closed."""
    return Decimal(wins) / closed if closed else None


def left_over(fills: Iterable[FillBooked], trades: Iterable[TradeClosed], instrument: Instrument) -> Decimal:
    """Give what closed round trips of one strategy left in base, too little to be sold; 0 for contracts."""
    if instrument.market is not Market.SPOT:
        return ZERO
    last = max((trade.closed_ms for trade in trades), default=-1)
    left = ZERO
    for fill in (booked.fill for booked in fills):
        if fill.time_ms <= last:
            left = EXACT.add(left, fill.signed)
            if fill.fee_asset == instrument.base:
                left = EXACT.subtract(left, fill.fee)
    return left
