"""Smart order routing: one order takes the best price of several books whose quotes are worth the same."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from bot.domain.money import ZERO
from bot.domain.order import OrderType
from bot.simulation.liquidity import crosses
from bot.simulation.orders import NewOrder, Refused, RestingOrder
from bot.simulation.symbol_market import SymbolMarket

_ROUTED = frozenset({OrderType.LIMIT, OrderType.MARKET})


class Offer(msgspec.Struct, frozen=True):
    """What a taker can get next: from a client's order, or from the outside when there is no maker."""

    market: SymbolMarket
    price: Decimal
    available: Decimal
    maker: RestingOrder | None


def check_routed(wish: NewOrder, routes: Iterable[SymbolMarket]) -> None:
    """Refuse a routed order of a type or a symbol that is not routed."""
    if wish.type not in _ROUTED:
        raise Refused(-1116, "Invalid orderType.")
    if wish.quote_quantity is not None:
        raise Refused(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    if len(list(routes)) < 2:
        raise Refused(-2010, "SOR is not supported for this symbol.")


def best_offer(
    markets: Iterable[SymbolMarket], order: RestingOrder, at: Decimal | None, *, clients_meet: bool
) -> Offer | None:
    """Give the best that an order can take; among equals the first market, and there clients before the outside."""
    best: Offer | None = None
    for market in markets:
        found = _offer(market, order, at, clients_meet=clients_meet)
        if found is not None and (best is None or not crosses(order.side, found.price, best.price)):
            best = found
    return best


def _offer(market: SymbolMarket, order: RestingOrder, at: Decimal | None, *, clients_meet: bool) -> Offer | None:
    maker = market.book[order.side.opposite].head if clients_meet else None
    if maker is not None and order.price is not None and not crosses(order.side, order.price, maker.price or ZERO):
        maker = None
    outside = market.outside(order.side, order.price, order.terms, at)
    if maker is not None and (outside is None or crosses(order.side, outside[0], maker.price or ZERO)):
        return Offer(market, maker.price or ZERO, maker.shown, maker)
    return None if outside is None else Offer(market, outside[0], outside[1] or order.remaining, None)
