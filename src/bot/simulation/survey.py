"""What an order could get now and what it will cost, found out without touching anything."""

from collections.abc import Iterator
from decimal import Decimal
from heapq import merge

from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Side, StpMode
from bot.simulation.balances import INSUFFICIENT
from bot.simulation.books import Books, spent_asset
from bot.simulation.liquidity import affordable, crosses
from bot.simulation.orders import Refused, RestingOrder
from bot.simulation.prevention import is_transfer
from bot.simulation.symbol_market import SymbolMarket


class Survey:
    """Looks along the book as a taker would walk it."""

    def __init__(self, books: Books, *, clients_meet: bool) -> None:
        self._books, self._clients_meet = books, clients_meet

    def reach(
        self,
        market: SymbolMarket,
        order: RestingOrder,
        quantity: Decimal | None,
        *,
        budget: Decimal = ZERO,
        at: Decimal | None = None,
    ) -> tuple[Decimal, Decimal]:
        """Give the quantity and its worth that an order would get now: up to `quantity`, or for `budget` quote."""
        got = worth = ZERO
        for price, available in self._offers(market, order, at):
            if quantity is not None:
                room = EXACT.subtract(quantity, got)
            else:
                room = affordable(EXACT.subtract(budget, worth), price, market.instrument)
            part = room if available is None else min(room, available)
            got, worth = EXACT.add(got, part), EXACT.add(worth, times(part, price))
            if part == room:
                break
        return got, worth

    def cost(self, market: SymbolMarket, order: RestingOrder) -> Decimal:
        """Give what has to be there for the rest of an order: quote for a buy, base for a sell."""
        if order.side is Side.SELL:
            return order.remaining
        if order.quote_quantity is not None:
            return order.quote_quantity
        if order.price is not None:
            return times(order.price, order.remaining)
        if order.is_contingent:
            return times(order.stop_price or market.last or ZERO, order.remaining)
        if order.terms.fill == "next":
            offer = market.outside(order.side, None, order.terms)
            return ZERO if offer is None else times(offer[0], order.remaining)
        return self.reach(market, order, order.remaining)[1]

    def lock_pair(self, market: SymbolMarket, legs: list[RestingOrder]) -> list[Decimal]:
        """Give what each of these legs has to lock: the second only what it needs beyond the first.

        Refused -2010 when the money is not there.
        """
        needs = [self.cost(market, leg) for leg in legs]
        locks = [need if not number else max(ZERO, EXACT.subtract(need, needs[0])) for number, need in enumerate(needs)]
        wallet = self._books.account(legs[0].account).wallet
        if wallet.free(spent_asset(market.instrument, legs[0].side)) < max(needs):
            raise Refused(-2010, INSUFFICIENT)
        return locks

    def _offers(
        self, market: SymbolMarket, order: RestingOrder, at: Decimal | None
    ) -> Iterator[tuple[Decimal, Decimal | None]]:
        """Give what an order could take, best first, without taking it."""
        bounds = market.price_range(order.side)
        routes = self._books.routes(market) if order.used_sor else (market,)
        sign = 1 if order.side is Side.BUY else -1
        offers = (self._merged(route, order, at) for route in routes)
        for price, available in merge(*offers, key=lambda offer: offer[0] * sign):
            if bounds is not None and not bounds[0] <= price <= bounds[1]:
                return
            if available is None or available > 0:
                yield price, available
            elif available < 0:
                return

    def _merged(
        self, market: SymbolMarket, order: RestingOrder, at: Decimal | None
    ) -> Iterator[tuple[Decimal, Decimal | None]]:
        """Merge clients and outside; -1 marks an own order that ends this one, 0 an own order that makes way."""
        side, limit = order.side, order.price
        if market.depth is not None:
            outside = [
                level for level in market.depth.offers_to(side) if limit is None or crosses(side, limit, level[0])
            ]
            waiting: list[tuple[Decimal, Decimal | None]] = [*reversed(outside)]
        else:
            offer = market.outside(side, limit, order.terms, at)
            waiting = [] if offer is None else [offer]
        for price, makers in market.book[side.opposite].levels() if self._clients_meet else ():
            if limit is not None and not crosses(side, limit, price):
                break
            while waiting and not crosses(side, waiting[-1][0], price):
                yield waiting.pop()
            for maker in makers:
                yield price, self._available(order, maker)
        while waiting:
            yield waiting.pop()

    def _available(self, order: RestingOrder, maker: RestingOrder) -> Decimal:
        if order.stp is StpMode.NONE or not self._books.is_same_owner(order, maker):
            return maker.remaining
        if is_transfer(order, maker):
            return maker.remaining
        return Decimal(-1) if order.stp in {StpMode.EXPIRE_TAKER, StpMode.EXPIRE_BOTH} else ZERO
