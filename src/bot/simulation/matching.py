"""Who trades with whom: best price first, at one price the oldest first, clients before the world outside.

An order that arrives takes what its limit allows, meets orders of its own owner as their mode says, and rests or ends
with what is left. Every trade may reach stops, which then arrive as orders of their own.
"""

from decimal import Decimal

from bot.domain.money import EXACT, ZERO, cut, times
from bot.domain.order import OrderStatus, OrderType, Side, StpMode, TimeInForce
from bot.simulation.books import Books, spent_asset
from bot.simulation.liquidity import affordable, crosses, taker_price
from bot.simulation.lists import Lists, OrderList
from bot.simulation.orders import Refused, RestingOrder
from bot.simulation.prevention import Prevention
from bot.simulation.readings import STANDARD as STANDARD_READINGS
from bot.simulation.readings import Readings
from bot.simulation.routing import Offer, best_offer
from bot.simulation.survey import Survey
from bot.simulation.symbol_market import SymbolMarket

NO_DEPTH = "INSUFFICIENT_LIQUIDITY"
_LEFT_OVER = {
    TimeInForce.IOC: "UNFILLED_IOC_QUANTITY_EXPIRED",
    TimeInForce.FOK: "UNFILLED_FOK_ORDER_EXPIRED",
}


class Matcher:
    """Lets orders arrive, trade, trigger and end. Where `clients_meet` is false, each trades with the outside only."""

    def __init__(
        self, books: Books, lists: Lists, *, clients_meet: bool, readings: Readings = STANDARD_READINGS
    ) -> None:
        self._books, self._lists, self._readings = books, lists, readings
        self._prevention = Prevention(books, lists)
        self.clients_meet = clients_meet
        self.survey = Survey(books, clients_meet=clients_meet)

    # Orders arrive.

    def check_entry(self, market: SymbolMarket, order: RestingOrder) -> None:
        """Refuse a stop that is reached already, and a post-only order that would take."""
        if market.would_trigger(order):
            raise Refused(-2010, "Order would trigger immediately.")
        if order.type is OrderType.LIMIT_MAKER and market.would_take(order, clients_meet=self.clients_meet):
            raise Refused(-2010, "Order would immediately match and take.")

    def start(self, market: SymbolMarket, order: RestingOrder, now_ms: int) -> None:
        """Let an accepted order go live: to its trigger, to the next candle, or to the book."""
        if order.is_contingent or (order.price is None and order.terms.fill == "next"):
            market.shelve(order)
        else:
            self.arrive(market, order, now_ms)

    def arrive(self, market: SymbolMarket, order: RestingOrder, now_ms: int, at: Decimal | None = None) -> None:
        """Let an order take what it can; the rest of it rests, or ends. `at` stands for the last price inside a bar."""
        order.working_ms = now_ms
        is_whole_or_not = order.time_in_force is TimeInForce.FOK
        if not is_whole_or_not or self.survey.reach(market, order, order.remaining, at=at)[0] >= order.remaining:
            self._take(market, order, now_ms, at)
        if not order.is_open:
            return
        if order.price is None:
            self.end(order, OrderStatus.EXPIRED, now_ms, NO_DEPTH)
        elif (left_over := _LEFT_OVER.get(order.time_in_force or TimeInForce.GTC)) is not None:
            self.end(order, OrderStatus.EXPIRED, now_ms, left_over)
        else:
            if order.used_sor:
                order.working_floor = "EXCHANGE"
            market.rest(order)

    def end(self, order: RestingOrder, status: OrderStatus, now_ms: int, reason: str = "NONE") -> None:
        """End an open order, and draw the conclusions for its list."""
        self._books.finish(order, status, now_ms, reason=reason)
        if order.list_id != -1:
            self._lists.after_end(order, now_ms)

    # The market moves.

    def meet_trade(self, market: SymbolMarket, price: Decimal, quantity: Decimal | None, now_ms: int) -> None:
        """Let a public trade reach the book: who waits at its price or better fills at his own limit."""
        left = quantity
        for side in Side:
            queue = market.book[side]
            while (order := queue.head) is not None and crosses(side, order.price or ZERO, price):
                part = order.remaining if left is None else min(left, order.shown)
                if part <= 0:
                    return
                left = None if left is None else EXACT.subtract(left, part)
                self.make(market, order, order.price or ZERO, part, now_ms)

    def meet_depth(self, market: SymbolMarket, now_ms: int) -> None:
        """Let a new picture of the outside reach the book: what crosses a client's limit fills it at that limit."""
        if market.depth is None:
            return
        for side in Side:
            queue, offers = market.book[side], market.depth.offers_to(side)
            while (order := queue.head) is not None and offers:
                limit = order.price or ZERO
                if not crosses(side, limit, offers[0][0]):
                    break
                part = min(order.shown, offers[0][1])
                market.depth.take(side, part)
                self.make(market, order, limit, part, now_ms)

    def make(self, market: SymbolMarket, order: RestingOrder, price: Decimal, part: Decimal, now_ms: int) -> None:
        """Fill a part of a resting order against the outside."""
        self._trade(market, None, order, price, part, now_ms)

    def fill_waiting(self, market: SymbolMarket, orders: list[RestingOrder], price: Decimal, now_ms: int) -> None:
        """Fill market orders that waited; when the price ran away, what the money reaches: the rest expires."""
        for order in orders:
            at = taker_price(price, order.side, order.terms, market.instrument)
            wallet = self._books.account(order.account).wallet
            budget = EXACT.add(wallet.free(spent_asset(market.instrument, order.side)), order.locked)
            if order.quote_quantity is not None:
                order.quantity = affordable(order.quote_quantity, at, market.instrument)
            reach = affordable(budget, at, market.instrument) if order.side is Side.BUY else budget
            part = market.instrument.lot.fit(min(order.quantity, reach))
            order.working_ms = now_ms
            if part is not None:
                self._trade(market, order, None, at, part, now_ms)
            if order.is_open:
                self.end(order, OrderStatus.EXPIRED, now_ms, NO_DEPTH)

    # Triggers and lists.

    def follow_up(self, now_ms: int) -> None:
        """Do what trades brought about: triggers first, then the second legs of lists, until nothing is left."""
        moved, due = self._books.moved, self._lists.due
        while moved or due:
            if moved:
                _, market = moved.popitem()
                self._trigger(market, now_ms)
            else:
                self._go_live(due.popleft(), now_ms)

    def release(self, market: SymbolMarket, order: RestingOrder, now_ms: int, at: Decimal | None = None) -> None:
        """Let an order go whose trigger was reached."""
        market.take_off(order)
        if order.list_id != -1:
            self._lists.seize(order, now_ms)
        order.working_ms = order.updated_ms = max(now_ms, order.created_ms)
        order.exposed_from_ms = market.tape.seen_ms + 1
        self._books.tell(order, "TRIGGERED")
        self.arrive(market, order, order.working_ms, at)

    def track(self, order: RestingOrder, price: Decimal, now_ms: int) -> Decimal | None:
        """Let a trailing order follow a price; give the price of its trigger when this one reaches it."""
        is_buy, stop = order.side is Side.BUY, order.stop_price
        if order.extreme is None:
            reached = stop is None or (price >= stop if order.triggers_above else price <= stop)
            if reached:
                order.extreme, order.trailing_ms = price, now_ms
            return None
        order.extreme = min(order.extreme, price) if is_buy else max(order.extreme, price)
        delta = EXACT.divide(Decimal(order.trailing_delta or 0), Decimal(10_000))
        threshold = times(order.extreme, EXACT.add(1, delta) if is_buy else EXACT.subtract(1, delta))
        return threshold if (price >= threshold if is_buy else price <= threshold) else None

    def shrink(self, order: RestingOrder, quantity: Decimal, client_order_id: str, now_ms: int) -> None:
        """Make an open order smaller, and with it the other leg of its pair."""
        one = self._lists.of(order)
        legs = [order] if one is None else [leg for leg in self._lists.pair_of(one, order) if leg.is_open]
        before = order.remaining
        left = EXACT.subtract(before, EXACT.subtract(order.quantity, quantity))
        costs = [self._shrunk(leg, left, before) for leg in legs]
        for number, leg in enumerate(legs):
            # The second leg of a pair locks only what it needs beyond the first.
            lock = costs[0] if not number else max(ZERO, EXACT.subtract(costs[number], costs[0]))
            name = client_order_id if leg is order else leg.client_order_id
            self._books.amend(leg, quantity, name, min(lock, leg.locked), now_ms)
        if one is not None and legs:
            one.updated_ms = now_ms
            self._lists.tell(one, "UPDATED")

    def _shrunk(self, order: RestingOrder, left: Decimal, before: Decimal) -> Decimal:
        """Give what an order has to lock for `left` instead of `before`."""
        if order.side is Side.SELL:
            return left
        if order.price is not None:
            return times(order.price, left)
        return order.locked if left == before else cut(EXACT.divide(times(order.locked, left), before), 16)

    def _trigger(self, market: SymbolMarket, now_ms: int) -> None:
        prices, market.unseen = market.unseen, []
        for price in prices:
            due = [*market.above.reaching(price), *market.below.reaching(price)]
            due += [order for order in list(market.trailing.values()) if self.track(order, price, now_ms) is not None]
            for order in due:
                if order.shelf in {"trigger", "trailing"}:
                    self.release(market, order, now_ms)

    def _go_live(self, one: OrderList, now_ms: int) -> None:
        market, legs = self._books.market(one.symbol), [leg for leg in one.second if leg.is_open]
        try:
            if one.kind.sells_what_it_bought:
                self._size(market, one, legs)
            for leg in legs:
                self.check_entry(market, leg)
                leg.status = OrderStatus.NEW
            for leg in legs:
                self._books.relock(leg, ZERO)
            locks = self.survey.lock_pair(market, legs)
        except Refused:
            self._lists.reject(one, now_ms)
            return
        for leg, lock in zip(legs, locks, strict=True):
            self._books.lock(leg, lock)
            leg.updated_ms, leg.exposed_from_ms = max(now_ms, leg.created_ms), market.tape.seen_ms + 1
            self._books.tell(leg, "NEW")
        for leg in legs:
            if leg.is_open:
                self.start(market, leg, leg.updated_ms)

    def _size(self, market: SymbolMarket, one: OrderList, legs: list[RestingOrder]) -> None:
        """Give the legs the quantity that the working leg brought, less its fees, in whole lots."""
        base = market.instrument.base
        fees = sum((fill.fee for fill in one.first[0].fills if fill.fee_asset == base), ZERO)
        quantity = market.instrument.lot.fit(EXACT.subtract(one.first[0].filled, fees))
        if quantity is None:
            raise Refused(-1013, "Filter failure: LOT_SIZE")
        for leg in legs:
            leg.quantity = quantity

    # Trades.

    def _take(self, market: SymbolMarket, order: RestingOrder, now_ms: int, at: Decimal | None) -> None:
        bounds = market.price_range(order.side)
        routes = self._books.routes(market) if order.used_sor else (market,)
        while order.is_open:
            offer = best_offer(routes, order, at, clients_meet=self.clients_meet)
            if offer is None:
                return
            price, maker = offer.price, offer.maker
            if bounds is not None and not bounds[0] <= price <= bounds[1]:
                self.end(order, OrderStatus.EXPIRED, now_ms, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED")
                return
            reach = self._reach(market, order, price)
            if maker is not None and order.stp is not StpMode.NONE and self._books.is_same_owner(order, maker):
                if not self._prevention.prevent(order, maker, price, reach, now_ms):
                    return
                continue
            part = min(order.remaining, offer.available, reach)
            if part <= 0:
                return
            if maker is None and offer.market.depth is not None:
                offer.market.depth.take(order.side, part)
            if offer.market is not market or (order.used_sor and self._readings.sor_allocates_own_book):
                self._route(order, offer, part, now_ms)
            else:
                self._trade(market, order, maker, price, part, now_ms)

    def _route(self, order: RestingOrder, offer: Offer, part: Decimal, now_ms: int) -> None:
        """Fetch a part of an order from a book where it does not stand: the router trades there, and passes it on."""
        self._trade(offer.market, None, offer.maker, offer.price, part, now_ms, routed=order.side)
        order.working_floor = "SOR"
        self._books.allocate(order, offer.price, part, now_ms)

    def _reach(self, market: SymbolMarket, order: RestingOrder, price: Decimal) -> Decimal:
        """Give how much the money of an order reaches: without a limit nothing says that it is enough."""
        if order.price is not None or order.side is Side.SELL:
            return order.remaining
        free = self._books.account(order.account).wallet.free(market.instrument.quote)
        return affordable(EXACT.add(free, order.locked), price, market.instrument)

    def _trade(
        self,
        market: SymbolMarket,
        taker: RestingOrder | None,
        maker: RestingOrder | None,
        price: Decimal,
        part: Decimal,
        now_ms: int,
        *,
        routed: Side | None = None,
    ) -> None:
        for order in (taker, maker):
            if order is not None and order.list_id != -1:
                self._lists.seize(order, now_ms)
            if order is not None and order.used_sor:
                order.working_floor = "EXCHANGE"
        self._books.trade(market.symbol, taker, maker, price, part, now_ms, routed=routed)
        if (taker is not None or routed is not None) and (maker is not None or market.depth is not None):
            market.show_own_trade(price, part, now_ms)
            self._books.moved[market.symbol] = market
        if maker is not None and maker.is_open:
            maker.shown = EXACT.subtract(maker.shown, part)
            if maker.shown <= 0:
                market.renew(maker)
        for order in (taker, maker):
            if order is not None and order.list_id != -1 and not order.is_open:
                self._lists.after_end(order, now_ms)
