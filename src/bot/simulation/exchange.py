"""The face of the simulated exchange: accounts place and cancel orders, the market moves, orders fill.

Spot only. Depth is unlimited unless a trade says its quantity, and our orders never move the market or meet
each other. How a candle fills resting orders is told in `matching`; where market orders get their price, in
`liquidity`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.money import EXACT, ZERO, exact, times
from bot.domain.order import Fill, OrderStatus, OrderType, Side, TimeInForce
from bot.simulation.admission import NO_LIQUIDITY, check_filters, check_form
from bot.simulation.balances import Balance
from bot.simulation.books import Account, Books, SymbolMarket, spent_asset
from bot.simulation.liquidity import STANDARD_TERMS, Terms, affordable, market_price, taker_price
from bot.simulation.matching import better, crosses, met_by_candle, met_by_price
from bot.simulation.orders import Refused, RestingOrder

__all__ = ["Balance", "Exchange", "Refused", "RestingOrder", "Terms"]


class Exchange:
    """An exchange's rules in memory. Every call happens at once; time is whatever the caller says it is."""

    def __init__(
        self, instruments: Mapping[str, Instrument], *, first_order_id: int = 1, first_trade_id: int = 1
    ) -> None:
        self._books = Books(instruments, first_order_id, first_trade_id)

    def open_account(self, account: str, funds: Mapping[str, Decimal]) -> None:
        """Open an account with these free amounts by asset."""
        self._books.open_account(account, funds)

    # Orders.

    def place(
        self,
        account: str,
        *,
        client_order_id: str,
        symbol: str,
        side: Side,
        type: OrderType,  # noqa: A002 - the field's own word
        now_ms: int,
        time_in_force: TimeInForce | None = None,
        quantity: Decimal | None = None,
        quote_quantity: Decimal | None = None,
        price: Decimal | None = None,
        terms: Terms = STANDARD_TERMS,
    ) -> RestingOrder:
        """Take an order, and fill at once what can fill; Refused as Binance would, and then nothing changed."""
        market, owner = self._books.market(symbol), self._books.account(account)
        check_form(
            market.instrument,
            type,
            time_in_force=time_in_force,
            quantity=quantity,
            quote_quantity=quote_quantity,
            price=price,
        )
        expected = price if price is not None else market_price(market.tape, side, terms, market.instrument)
        if expected is None:
            raise Refused(-2010, NO_LIQUIDITY)
        if quantity is None:
            quantity = affordable(quote_quantity or ZERO, expected, market.instrument)
        reference = market.tape.last or expected
        check_filters(
            market.instrument,
            side,
            quantity=quantity,
            price=price,
            reference=reference,
            quote_quantity=quote_quantity,
        )
        order = RestingOrder(
            account=account,
            order_id=self._books.next_order_id,
            client_order_id=client_order_id,
            symbol=symbol,
            side=side,
            type=type,
            quantity=quantity,
            created_ms=now_ms,
            time_in_force=time_in_force,
            price=price,
            quote_quantity=quote_quantity,
            updated_ms=now_ms,
            terms=terms,
            exposed_from_ms=market.tape.seen_ms + 1,
        )
        self._check_book(market, owner, order)
        self._books.enter(order, _cost(order, expected))
        self._match_on_arrival(market, order, expected)
        return order

    def cancel(
        self,
        account: str,
        symbol: str,
        *,
        now_ms: int,
        client_order_id: str | None = None,
        order_id: int | None = None,
    ) -> RestingOrder:
        """Cancel an open order and free its lock; Refused -2011 when it is unknown or finished."""
        order = self._books.find(account, symbol, client_order_id, order_id)
        if order is None or not order.is_open:
            raise Refused(-2011, "Unknown order sent.")
        self._books.finish(order, OrderStatus.CANCELED, now_ms)
        return order

    def adopt(self, account: str, order: RestingOrder) -> None:
        """Put back an open order after a restart, under its own ids; its lock is taken from the free balance.

        Unless it says otherwise itself, it meets whole candles from the first that opens after it was made.
        """
        if not order.is_open:
            raise ValueError(f"order {order.client_order_id} is {order.status}: only open orders can be put back")
        if order.order_id in self._books.account(account).orders:
            raise ValueError(f"order {order.order_id} is here already")
        order.account = account
        order.exposed_from_ms = order.exposed_from_ms or order.created_ms
        self._books.enter(order, order.needs if order.price is not None else order.locked)

    # The market moves.

    def on_candle(self, candle: Candle) -> list[RestingOrder]:
        """Let a whole closed candle happen; give the touched orders, new fills at the end of their `fills`.

        First market orders that waited for the next candle fill at its open, oldest first; then limit orders
        along the pessimistic path told in `matching`. An order never meets a candle that opened before what was
        already known of the market when it was placed. A candle that still forms changes nothing.
        """
        market = self._books.market(candle.symbol)
        if not candle.is_closed:
            return []
        market.tape.show_candle(candle)
        if not market.resting:
            return []
        exposed = [order for order in market.resting.values() if order.exposed_from_ms <= candle.open_time]
        touched = self._fill_waiting(market, exposed, exact(candle.open), candle.open_time)
        for match in met_by_candle(exposed, candle):
            at_ms = candle.open_time if match.at_open else candle.close_time
            self._books.fill(match.order, match.price, match.order.remaining, at_ms, is_maker=True)
            touched.append(match.order)
        return touched

    def on_price(self, symbol: str, price: Decimal, now_ms: int, quantity: Decimal | None = None) -> list[RestingOrder]:
        """Let one public trade happen; give the orders it touched. A resting order fills at its own limit.

        `quantity` bounds what resting limit orders take from this trade; None means no bound.
        """
        market = self._books.market(symbol)
        market.tape.show_price(price, now_ms)
        if not market.resting:
            return []
        touched = self._fill_waiting(market, list(market.resting.values()), price, now_ms)
        left = quantity
        for match in met_by_price(list(market.resting.values()), price):
            part = match.order.remaining if left is None else min(left, match.order.remaining)
            if part <= 0:
                break
            left = None if left is None else EXACT.subtract(left, part)
            self._books.fill(match.order, match.price, part, now_ms, is_maker=True)
            touched.append(match.order)
        return touched

    # Questions.

    def order(
        self, account: str, symbol: str, *, client_order_id: str | None = None, order_id: int | None = None
    ) -> RestingOrder:
        """Give an order; of a reused client order id the newest. Refused -2013 when there is none."""
        order = self._books.find(account, symbol, client_order_id, order_id)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        return order

    def open_orders(self, account: str, symbol: str | None = None) -> list[RestingOrder]:
        """Give the open orders of an account, oldest first within each symbol."""
        markets = self._books.markets() if symbol is None else [self._books.market(symbol)]
        return [order for market in markets for order in market.resting.values() if order.account == account]

    def orders(self, account: str, symbol: str) -> list[RestingOrder]:
        """Give every order of an account on a symbol, oldest first."""
        self._books.market(symbol)
        return [order for order in self._books.account(account).orders.values() if order.symbol == symbol]

    def fills(self, account: str, symbol: str) -> list[Fill]:
        """Give every fill of an account on a symbol, oldest first."""
        self._books.market(symbol)
        return list(self._books.account(account).fills.get(symbol, ()))

    def balances(self, account: str) -> dict[str, Balance]:
        """Give what an account holds, by asset."""
        return self._books.account(account).wallet.balances()

    def last_price(self, symbol: str) -> Decimal | None:
        """Give the last price, or None before the market showed one."""
        return self._books.market(symbol).tape.last

    # Helpers.

    def _check_book(self, market: SymbolMarket, owner: Account, order: RestingOrder) -> None:
        namesake = owner.by_client_id.get((order.symbol, order.client_order_id))
        if namesake is not None and namesake.is_open:
            raise Refused(-2010, "Duplicate order sent.")
        standing = sum(other.account == order.account for other in market.resting.values())
        if standing >= market.instrument.max_orders:
            raise Refused(-2010, "Filter failure: MAX_NUM_ORDERS")
        if order.type is OrderType.LIMIT_MAKER and _takes(order, market.tape.last):
            raise Refused(-2010, "Order would immediately match and take.")

    def _match_on_arrival(self, market: SymbolMarket, order: RestingOrder, expected: Decimal) -> None:
        now_ms, last = order.created_ms, market.tape.last
        if order.price is None:
            if order.terms.fill != "next":
                self._books.fill(order, expected, order.quantity, now_ms, is_maker=False)
        elif last is not None and _takes(order, last):
            slipped = taker_price(last, order.side, order.terms, market.instrument)
            price = better(order.side, slipped, order.price)
            self._books.fill(order, price, order.quantity, now_ms, is_maker=False)
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            self._books.finish(order, OrderStatus.EXPIRED, now_ms)

    def _fill_waiting(
        self, market: SymbolMarket, orders: Iterable[RestingOrder], price: Decimal, now_ms: int
    ) -> list[RestingOrder]:
        """Fill market orders that waited; when the price ran away, what the money reaches: the rest expires."""
        waiting = [order for order in orders if order.price is None]
        for order in waiting:
            at = taker_price(price, order.side, order.terms, market.instrument)
            wallet = self._books.account(order.account).wallet
            spent = spent_asset(market.instrument, order.side)
            budget = EXACT.add(wallet.free(spent), order.locked)
            if order.quote_quantity is not None:
                order.quantity = affordable(order.quote_quantity, at, market.instrument)
            reach = affordable(budget, at, market.instrument) if order.side is Side.BUY else budget
            part = market.instrument.lot.fit(min(order.quantity, reach))
            if part is not None:
                self._books.fill(order, at, part, now_ms, is_maker=False)
            if order.is_open:
                self._books.finish(order, OrderStatus.EXPIRED, now_ms)
        return waiting


def _takes(order: RestingOrder, last: Decimal | None) -> bool:
    return last is not None and order.price is not None and crosses(order.side, order.price, last)


def _cost(order: RestingOrder, expected: Decimal) -> Decimal:
    """Give what has to be there for the whole order: quote for a buy, base for a sell."""
    if order.side is Side.SELL:
        return order.quantity
    return order.quote_quantity if order.quote_quantity is not None else times(expected, order.quantity)
