"""Which resting limit orders a candle or a price fills, at what price, and in which order.

A price that is touched counts as traded: a buy fills when the low is at or below its limit, a sell when the
high is at or above it. The price is the limit itself, or the open when the bar opened beyond the limit.

The path inside a bar is assumed against the account: the open comes first, then the fall to the low (buys,
highest limit first), and only then the rise to the high (sells, lowest limit first). So no sale inside a bar
ever pays for a purchase in the same bar.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.domain.market import Candle
from bot.domain.money import exact
from bot.domain.order import Side
from bot.simulation.orders import RestingOrder


class Match(NamedTuple):
    """An order that fills, the price it gets, and whether that happens at the open of the bar."""

    order: RestingOrder
    price: Decimal
    at_open: bool = False


def crosses(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Say whether somebody with this limit trades at `price`."""
    return price <= limit if side is Side.BUY else price >= limit


def better(side: Side, one: Decimal, other: Decimal) -> Decimal:
    """Give the price that is better for this side."""
    return min(one, other) if side is Side.BUY else max(one, other)


def met_by_candle(orders: Iterable[RestingOrder], candle: Candle) -> list[Match]:
    """Give the limit orders that a closed candle fills, in the order of its assumed path."""
    opened, high, low = exact(candle.open), exact(candle.high), exact(candle.low)
    at_open: list[Match] = []
    later: list[Match] = []
    for order in orders:
        limit = order.price
        if limit is None or not crosses(order.side, limit, low if order.side is Side.BUY else high):
            continue
        if crosses(order.side, limit, opened):
            at_open.append(Match(order, opened, at_open=True))
        else:
            later.append(Match(order, limit))
    return [*_buys_first(at_open), *_buys_first(later)]


def met_by_price(orders: Iterable[RestingOrder], price: Decimal) -> list[Match]:
    """Give the limit orders that one trade at `price` fills, best limit first; each gets its own limit."""
    met = [
        Match(order, order.price)
        for order in orders
        if order.price is not None and crosses(order.side, order.price, price)
    ]
    return _buys_first(met)


def _buys_first(matches: Sequence[Match]) -> list[Match]:
    def place(match: Match) -> tuple[bool, Decimal, int]:
        limit = match.order.price or match.price
        is_sell = match.order.side is Side.SELL
        return is_sell, limit if is_sell else -limit, match.order.order_id

    return sorted(matches, key=place)
