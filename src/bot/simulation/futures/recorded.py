"""How resting orders meet a recorded trade: never more than its quantity, and each from his place in line.

The place in line is the worst that fits the recording, as in the spot exchange (`bot.simulation.recorded`).
"""

from decimal import Decimal

from bot.domain.money import ZERO, floor_to
from bot.domain.order import Side
from bot.simulation.futures.matching import fill_standing, tradable
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.state import Market, State
from bot.simulation.futures.sums import add, less


def meet_trade(state: State, market: Market, price: Decimal, quantity: Decimal, maker: Side) -> None:
    """Let a recorded trade fill customers at their own prices; `maker` is the side that stood.

    On that side who stands at the price or better trades; on the other side only who is better than the price.
    """
    left = floor_to(quantity, market.contract.rules.lot.step)
    standing = market.book.crossing(maker, price)
    left = _fill(state, [order for order in standing if order.price != price], left)
    line = [order for order in standing if order.price == price]
    passed = ZERO
    for order in line:
        before = min(left, max(ZERO, less(order.ahead, passed)))
        passed, left = add(passed, before), less(left, before)
        left = _fill(state, [order], left)
    for order in line:
        order.ahead = max(ZERO, less(order.ahead, passed))
    _fill(state, [order for order in market.book.crossing(maker.opposite, price) if order.price != price], left)


def _fill(state: State, orders: list[FuturesOrder], left: Decimal) -> Decimal:
    """Fill orders one after the other; give what is left."""
    for order in orders:
        part = min(left, tradable(state, order)) if order.is_open and order.price is not None else ZERO
        if part > 0 and order.price is not None:
            left = less(left, part)
            fill_standing(state, order, order.price, part)
    return left
