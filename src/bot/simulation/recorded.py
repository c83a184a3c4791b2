"""How orders meet what was recorded: a real trade fills who stood in its way, a real book says who stands before whom.

The place in line is the worst that fits the recording. An order stands behind everything that its level held when it
came; only trades at its price move it forward, and a level that became smaller than what was before it. Orders that
left the line from behind are not known, so none is taken to have left from before.
"""

from collections.abc import Sequence
from decimal import Decimal

from bot.domain.money import EXACT, ZERO, floor_to
from bot.domain.order import Side
from bot.simulation.levels import Level
from bot.simulation.liquidity import Depth, crosses
from bot.simulation.matching import Matcher
from bot.simulation.symbol_market import SymbolMarket


def meet_trade(
    matcher: Matcher, market: SymbolMarket, price: Decimal, quantity: Decimal | None, maker: Side | None, now_ms: int
) -> None:
    """Let a public trade fill clients, at their own prices and never more than its quantity.

    `maker` is the side that stood, when the trade was recorded: without it there are no places in line. On that side
    who stands at the price or better trades; on the other side only who is better than the price, since the market
    could not have traded past him.
    """
    if maker is None or quantity is None:
        matcher.meet_trade(market, price, quantity, now_ms)
        return
    left = floor_to(quantity, market.instrument.lot.step)
    left = _fill_better(matcher, market, maker, price, left, now_ms)
    left = _fill_level(matcher, market, maker, price, left, now_ms)
    _fill_better(matcher, market, maker.opposite, price, left, now_ms)


def show_depth(market: SymbolMarket, bids: Sequence[Level], asks: Sequence[Level], *, is_change: bool) -> None:
    """Show a picture of the outside book, or what changed; then nobody waits for more than what his level holds."""
    if not is_change or market.depth is None:
        market.depth = Depth(bids, asks, market.instrument)
        return
    market.depth.change(bids, asks)
    for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
        if market.book[side]:
            for price, quantity in levels:
                for order in market.book[side].line(price):
                    order.ahead = min(order.ahead, quantity)


def _fill_better(
    matcher: Matcher, market: SymbolMarket, side: Side, price: Decimal, left: Decimal, now_ms: int
) -> Decimal:
    """Fill who is better than the price; give what is left of the trade."""
    queue = market.book[side]
    while left > 0 and (order := queue.head) is not None:
        limit = order.price or ZERO
        if limit == price or not crosses(side, limit, price):
            break
        part = min(left, order.shown)
        left = EXACT.subtract(left, part)
        matcher.make(market, order, limit, part, now_ms)
    return left


def _fill_level(
    matcher: Matcher, market: SymbolMarket, side: Side, price: Decimal, left: Decimal, now_ms: int
) -> Decimal:
    """Fill who stands at the price, each after what stands before him; give what is left of the trade."""
    passed, reached = ZERO, set[int]()
    for order in market.book[side].line(price):
        if order.shelf != "book":
            continue
        before = min(left, max(ZERO, EXACT.subtract(order.ahead, passed)))
        passed, left = EXACT.add(passed, before), EXACT.subtract(left, before)
        if left <= 0:
            break
        part = min(left, order.shown)
        left = EXACT.subtract(left, part)
        order.ahead = ZERO
        reached.add(order.order_id)
        matcher.make(market, order, price, part, now_ms)
    for order in market.book[side].line(price) if passed else ():
        if order.order_id not in reached:
            order.ahead = max(ZERO, EXACT.subtract(order.ahead, passed))
    return left
