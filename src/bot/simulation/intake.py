"""From a wish to an order: form, filters and counts are checked, the quantity is worked out, nothing is written yet."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import OrderStatus, OrderType
from bot.simulation.admission import NO_LIQUIDITY, check_filters, check_order, check_trailing
from bot.simulation.balances import INSUFFICIENT
from bot.simulation.books import Account, Books, spent_asset
from bot.simulation.counts import ExchangeRules, check_counts, check_lists
from bot.simulation.list_rules import check_list
from bot.simulation.lists import ListKind, Lists, NewList
from bot.simulation.matching import Matcher
from bot.simulation.orders import NewOrder, Refused, RestingOrder
from bot.simulation.readings import Readings
from bot.simulation.routing import best_offer, check_routed
from bot.simulation.symbol_market import SymbolMarket


class Intake:
    """The clerk at the door. Every method leaves the books as they are."""

    def __init__(self, books: Books, lists: Lists, matcher: Matcher, rules: ExchangeRules, readings: Readings) -> None:
        self._books, self._lists, self._matcher = books, lists, matcher
        self._rules, self._readings = rules, readings

    def draft(self, account: str, wish: NewOrder, now_ms: int, *, number: int = 0) -> RestingOrder:
        """Give the order that a wish asks for, the `number`-th from now; Refused for its form or a filter."""
        market = self._books.market(wish.symbol)
        rules = market.instrument
        if wish.uses_sor:
            check_routed(wish, self._books.routes(market))
        check_order(rules, wish)
        price = wish.price
        if wish.peg is not None:
            price = market.peg_price(wish.side, wish.peg)
            if price is None:
                raise Refused(-2010, NO_LIQUIDITY)
        order = RestingOrder(
            account=account,
            order_id=self._books.next_order_id + number,
            client_order_id=wish.client_order_id,
            symbol=wish.symbol,
            side=wish.side,
            type=wish.type,
            quantity=wish.quantity or ZERO,
            created_ms=now_ms,
            time_in_force=wish.time_in_force,
            price=price,
            quote_quantity=wish.quote_quantity,
            updated_ms=now_ms,
            terms=wish.terms,
            exposed_from_ms=market.tape.seen_ms + 1,
            stop_price=wish.stop_price,
            trailing_delta=wish.trailing_delta,
            iceberg_quantity=wish.iceberg_quantity or None,
            peg=wish.peg,
            stp=rules.default_stp if wish.stp is None else wish.stp,
            strategy_id=wish.strategy_id,
            strategy_type=wish.strategy_type,
            used_sor=wish.uses_sor,
            working_floor="EXCHANGE" if wish.uses_sor else "",
        )
        self._size_and_filter(market, order)
        return order

    def admit(self, owner: Account, orders: Sequence[RestingOrder]) -> None:
        """Refuse orders for what stands already: a used client order id, a count, a trigger, a post-only taker."""
        market = self._books.market(orders[0].symbol)
        names = set[str]()
        for order in orders:
            namesake = owner.by_client_id.get((order.symbol, order.client_order_id))
            if order.client_order_id in names or (namesake is not None and namesake.is_open):
                raise Refused(-2010, "Duplicate order sent.")
            names.add(order.client_order_id)
        check_counts(owner, market.instrument, self._rules, orders, market.reference_price() or ZERO)
        for order in orders:
            if order.status is not OrderStatus.PENDING_NEW and order.type is not OrderType.MARKET:
                self._matcher.check_entry(market, order)

    def draft_list(
        self, account: str, new: NewList, now_ms: int
    ) -> tuple[list[RestingOrder], list[RestingOrder], list[Decimal]]:
        """Give the legs that stand at once, those that wait, and what each has to lock; Refused as a whole."""
        wishes = [*([new.working] if new.working else []), *new.pair]
        market = self._books.market(wishes[0].symbol)
        check_list(market.instrument, new, market.last)
        if new.kind.sells_what_it_bought and new.working is not None:
            # They are sized by what the working leg will bring; until then they show what it asks for.
            wishes[1:] = [replace(wish, quantity=new.working.quantity) for wish in new.pair]
        legs = [self.draft(account, wish, now_ms, number=number) for number, wish in enumerate(wishes)]
        first = legs if new.kind is ListKind.OCO else legs[:1]
        second = legs[len(first) :]
        for leg in second:
            leg.status = OrderStatus.PENDING_NEW
        standing = self._lists.standing(account)
        if any(one.client_id == new.client_id for one in standing):
            raise Refused(-2010, "Duplicate order list sent.")
        here = sum(one.symbol == market.symbol for one in standing)
        check_lists(here, len(standing), market.instrument, self._rules)
        self.admit(self._books.account(account), legs)
        locks = self._matcher.survey.lock_pair(market, first)
        if not second or new.kind.sells_what_it_bought or not self._readings.pending_legs_lock:
            return first, second, [*locks, *(ZERO for _ in second)]
        waiting = self._matcher.survey.lock_pair(market, second)
        if first[0].side is second[0].side:
            needed = sum([*locks, *waiting], ZERO)
            wallet = self._books.account(account).wallet
            if wallet.free(spent_asset(market.instrument, first[0].side)) < needed:
                raise Refused(-2010, INSUFFICIENT)
        return first, second, [*locks, *waiting]

    def check_amend(self, order: RestingOrder, quantity: Decimal, new_client_order_id: str | None) -> None:
        """Refuse a change of quantity that is none, or breaks a rule."""
        market, owner = self._books.market(order.symbol), self._books.account(order.account)
        rules = market.instrument
        if not rules.amend_allowed:
            raise Refused(-2010, "Order amend is not supported for this symbol.")
        one = self._lists.of(order)
        if one is not None and one.kind.sells_what_it_bought and order in one.second and not order.locked:
            raise Refused(-2038, "Order amend is not supported for a pending leg that has no quantity of its own.")
        if order.quote_quantity is not None:
            raise Refused(-2038, "Order amend is not supported for an order by quoteOrderQty.")
        if quantity > order.quantity:
            raise Refused(-2038, "Order amend (quantity increase) is not supported.")
        if quantity == order.quantity or quantity <= EXACT.subtract(order.quantity, order.remaining):
            raise Refused(-2038, "The requested action would change no state; rejecting")
        if rules.max_amends and len(order.amendments) >= rules.max_amends:
            raise Refused(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
        if order.iceberg_quantity is not None and order.iceberg_quantity > quantity:
            raise Refused(-2010, "IcebergQty exceeds QTY.")
        if rules.lot.broken_by(quantity):
            raise Refused(-1013, "Filter failure: LOT_SIZE")
        price = order.price or order.stop_price or market.reference_price() or ZERO
        if rules.notional.broken_by(times(price, quantity), is_market=order.price is None):
            raise Refused(-1013, f"Filter failure: {rules.notional_name}")
        namesake = owner.by_client_id.get((order.symbol, new_client_order_id or ""))
        if namesake is not None and namesake is not order and namesake.is_open:
            raise Refused(-2010, "Duplicate order sent.")

    def _size_and_filter(self, market: SymbolMarket, order: RestingOrder) -> None:
        rules, reference = market.instrument, market.reference_price()
        if order.price is None and not order.is_contingent and not self._is_plain(market, order):
            expected = self._expect(market, order)
            reference = reference or expected
        check_filters(
            rules,
            order.side,
            quantity=order.quantity,
            price=order.price,
            reference=reference or order.price or order.stop_price or ZERO,
            quote_quantity=order.quote_quantity,
            stop_price=order.stop_price,
            iceberg_quantity=order.iceberg_quantity,
        )
        if order.trailing_delta is not None:
            check_trailing(rules, order.side, order.type, order.trailing_delta)

    def _is_plain(self, market: SymbolMarket, order: RestingOrder) -> bool:
        """Say whether a market order needs no look at the book: its quantity is told, and the outside has no end."""
        is_endless = market.depth is None and market.last is not None
        return is_endless and order.quote_quantity is None and not order.used_sor and not self._matcher.clients_meet

    def _expect(self, market: SymbolMarket, order: RestingOrder) -> Decimal:
        """Give the price that a market order may expect, and its quantity when it came as an amount of quote."""
        routes = self._books.routes(market) if order.used_sor else (market,)
        best = best_offer(routes, order, None, clients_meet=self._matcher.clients_meet)
        if best is None:
            raise Refused(-2010, NO_LIQUIDITY)
        if order.quote_quantity is not None:
            order.quantity, _ = self._matcher.survey.reach(market, order, None, budget=order.quote_quantity)
        offer = market.outside(order.side, None, order.terms) if best.maker is not None else None
        return best.price if offer is None else offer[0]
