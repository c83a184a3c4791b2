"""The face of the simulated exchange: accounts place and change orders, the market moves, orders fill.

Spot. One book holds the orders of all accounts, over liquidity from outside: recorded depth, or no end of it at the
last price. How a candle fills orders is told in `bars`; who trades with whom, in `matching`; prices, in `liquidity`.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.money import ZERO
from bot.domain.order import OrderStatus, OrderType, Side, StpMode, TimeInForce
from bot.simulation import bars, recorded
from bot.simulation.balances import Balance
from bot.simulation.books import Books
from bot.simulation.counts import ExchangeRules
from bot.simulation.fees import Commission, Rates
from bot.simulation.happenings import Observe
from bot.simulation.intake import Intake
from bot.simulation.liquidity import STANDARD_TERMS, Terms
from bot.simulation.lists import ListKind, Lists, NewList, OrderList
from bot.simulation.matching import Matcher
from bot.simulation.orders import NewOrder, Peg, Refused, RestingOrder
from bot.simulation.questions import Questions
from bot.simulation.readings import STANDARD as STANDARD_READINGS
from bot.simulation.readings import Readings

__all__ = [
    "Balance", "Commission", "Exchange", "ExchangeRules", "ListKind", "NewList", "NewOrder", "OrderList", "Peg",
    "Rates", "Readings", "Refused", "Replaced", "RestingOrder", "Terms",
]  # fmt: skip

Levels = Sequence[tuple[Decimal, Decimal]]
Restriction = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]


class Replaced(msgspec.Struct, frozen=True):
    """The two halves of a cancel-replace: an order, or why there is none; None when it was not tried."""

    cancelled: RestingOrder | Refused
    placed: RestingOrder | Refused | None


class Exchange(Questions):
    """An exchange's rules in memory. Every call happens at once; time is whatever the caller says it is.

    With `clients_meet` the orders of all accounts stand in one book and trade with each other; without it each meets
    the outside alone. `spread_ticks` is what a buyer pays above the last price to the endless outside.
    `keep_finished` is how many ended orders stay known (None: all); fills stay always. `number_trade` gives the id of
    a symbol's next trade, where others number trades of that symbol too. `sors` are groups of symbols among which
    smart order routing works: one base asset, and quotes that are worth the same.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        *,
        first_order_id: int = 1,
        first_trade_id: int = 1,
        clients_meet: bool = False,
        spread_ticks: int = 0,
        rules: ExchangeRules | None = None,
        keep_finished: int | None = None,
        observe: Observe | None = None,
        number_trade: Callable[[str], int] | None = None,
        sors: Sequence[Sequence[str]] = (),
        readings: Readings = STANDARD_READINGS,
    ) -> None:
        self._spread_ticks = spread_ticks
        books = Books(
            instruments,
            first_order_id,
            first_trade_id,
            spread_ticks=spread_ticks,
            keep_finished=keep_finished,
            observe=observe,
            number_trade=number_trade,
            sors=sors,
        )
        super().__init__(books, Lists(books))
        self._matcher = Matcher(self._books, self._lists, clients_meet=clients_meet, readings=readings)
        self._intake = Intake(self._books, self._lists, self._matcher, rules or ExchangeRules(), readings)

    # Accounts and symbols.

    def open_account(
        self,
        account: str,
        funds: Mapping[str, Decimal],
        *,
        commission: Commission | None = None,
        trade_group: int = -1,
    ) -> None:
        """Open an account with these free amounts by asset. Without a `commission` each order's terms say the fees."""
        self._books.open_account(account, funds, commission, trade_group)

    def set_commission(self, account: str, commission: Commission, symbol: str | None = None) -> None:
        """Change what an account pays from now on, on one symbol or on all that have no own rates."""
        owner = self._books.account(account)
        if symbol is None:
            owner.commission = commission
        else:
            owner.commissions[symbol] = commission

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Bring money in, or take free money out with a negative amount; Refused -2010 when it is not there."""
        self._books.account(account).wallet.move(asset, amount, ZERO, "deposit")

    def set_instrument(self, instrument: Instrument) -> None:
        """List a symbol, or change the rules of one; orders that stand stay."""
        self._books.add_market(instrument, self._spread_ticks)

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
        stop_price: Decimal | None = None,
        trailing_delta: int | None = None,
        iceberg_quantity: Decimal | None = None,
        stp: StpMode | None = None,
        terms: Terms = STANDARD_TERMS,
    ) -> RestingOrder:
        """Take an order, and fill at once what can fill; Refused as Binance would, and then nothing changed."""
        wish = NewOrder(
            symbol=symbol,
            side=side,
            type=type,
            client_order_id=client_order_id,
            time_in_force=time_in_force,
            quantity=quantity,
            quote_quantity=quote_quantity,
            price=price,
            stop_price=stop_price,
            trailing_delta=trailing_delta,
            iceberg_quantity=iceberg_quantity,
            stp=stp,
            terms=terms,
        )
        return self.submit(account, wish, now_ms)

    def submit(self, account: str, wish: NewOrder, now_ms: int) -> RestingOrder:
        """Take an order given as a record."""
        order = self._intake.draft(account, wish, now_ms)
        market = self._books.market(wish.symbol)
        self._intake.admit(self._books.account(account), [order])
        self._begin()
        self._books.enter(order, self._matcher.survey.cost(market, order))
        self._matcher.start(market, order, now_ms)
        self._finish(now_ms)
        return order

    def check(self, account: str, wish: NewOrder, now_ms: int) -> None:
        """Refuse an order for its form or a filter, without placing it."""
        self._intake.draft(account, wish, now_ms)

    def cancel(
        self,
        account: str,
        symbol: str,
        *,
        now_ms: int,
        client_order_id: str | None = None,
        order_id: int | None = None,
        restriction: Restriction | None = None,
        request_id: str = "",
    ) -> RestingOrder:
        """Cancel an open order, with the list it belongs to; Refused -2011 when it is unknown or finished."""
        order = self._standing(account, symbol, client_order_id, order_id)
        if restriction and restriction != f"ONLY_{order.status}":
            raise Refused(-2011, "Order was not canceled due to cancel restrictions.")
        self._begin()
        self._cancel(order, now_ms, request_id)
        self._finish(now_ms)
        return order

    def cancel_all(self, account: str, symbol: str, now_ms: int) -> list[RestingOrder]:
        """Cancel every open order of an account on a symbol, and give them; Refused -2011 when there is none."""
        orders = self.open_orders(account, symbol)
        if not orders:
            raise Refused(-2011, "Unknown order sent.")
        self._begin()
        for order in orders:
            if order.is_open:
                self._cancel(order, now_ms, "")
        self._finish(now_ms)
        return orders

    def replace(
        self,
        account: str,
        wish: NewOrder,
        *,
        now_ms: int,
        client_order_id: str | None = None,
        order_id: int | None = None,
        restriction: Restriction | None = None,
        request_id: str = "",
        stop_on_failure: bool = True,
    ) -> Replaced:
        """Cancel an order and place another; Refused, and nothing tried, when the new one breaks a filter."""
        if not self.instrument(wish.symbol).replace_allowed:
            raise Refused(-2010, "Cancel-replace orders are not supported for this symbol.")
        self.check(account, wish, now_ms)
        cancelled: RestingOrder | Refused
        try:
            cancelled = self.cancel(
                account,
                wish.symbol,
                now_ms=now_ms,
                client_order_id=client_order_id,
                order_id=order_id,
                restriction=restriction,
                request_id=request_id,
            )
        except Refused as refusal:
            if stop_on_failure:
                return Replaced(refusal, None)
            cancelled = refusal
        try:
            return Replaced(cancelled, self.submit(account, wish, now_ms))
        except Refused as refusal:
            return Replaced(cancelled, refusal)

    def amend(
        self,
        account: str,
        symbol: str,
        quantity: Decimal,
        *,
        now_ms: int,
        client_order_id: str | None = None,
        order_id: int | None = None,
        new_client_order_id: str | None = None,
    ) -> RestingOrder:
        """Make an open order smaller; it keeps its place in line. Both legs of an OCO change."""
        order = self._books.find(account, symbol, client_order_id, order_id)
        if order is None or not order.is_open:
            raise Refused(-2013, "Order does not exist.")
        self._intake.check_amend(order, quantity, new_client_order_id)
        self._begin()
        self._matcher.shrink(order, quantity, new_client_order_id or order.client_order_id, now_ms)
        self._finish(now_ms)
        return order

    def adopt(self, account: str, order: RestingOrder, beside: RestingOrder | None = None) -> None:
        """Put back an open order after a restart, under its own ids, with its lock; `beside` the other leg of its OCO.

        Unless it says otherwise itself, it meets whole candles from the first that opens after it was made.
        """
        if not order.is_open:
            raise ValueError(f"order {order.client_order_id} is {order.status}: only open orders can be put back")
        if order.order_id in self._books.account(account).orders:
            raise ValueError(f"order {order.order_id} is here already")
        order.account = account
        order.exposed_from_ms = order.exposed_from_ms or order.created_ms
        market = self._books.market(order.symbol)
        self._books.enter(order, ZERO if beside else order.locked if order.price is None else order.needs)
        self._lists.pair_up(beside, order)
        if order.price is None or (order.is_contingent and order.working_ms < 0):
            market.shelve(order)
        else:
            order.working_ms = max(order.working_ms, order.created_ms)
            market.rest(order)

    def place_list(self, account: str, new: NewList, now_ms: int) -> OrderList:
        """Take a list of orders; Refused as a whole, and then nothing changed."""
        first, second, locks = self._intake.draft_list(account, new, now_ms)
        market = self._books.market(first[0].symbol)
        self._begin()
        one = OrderList(
            self._lists.next_id(), new.client_id, account, market.symbol, new.kind, now_ms, first, second,
            now_ms,
        )  # fmt: skip
        for leg, lock in zip([*first, *second], locks, strict=True):
            leg.list_id = one.list_id
            self._books.enter(leg, lock)
        self._lists.register(one)
        for leg in first:
            if leg.is_open:
                self._matcher.start(market, leg, now_ms)
        self._finish(now_ms)
        return one

    def cancel_list(
        self,
        account: str,
        symbol: str,
        *,
        now_ms: int,
        client_id: str | None = None,
        list_id: int | None = None,
        request_id: str = "",
    ) -> OrderList:
        """Cancel every open leg of a list; Refused -2011 when it is unknown or over."""
        one = self._lists.find(account, client_id, list_id)
        if one is None or one.symbol != symbol or not one.is_open:
            raise Refused(-2011, "Unknown order list sent.")
        self._begin()
        self._lists.cancel(one, now_ms, request_id)
        self._finish(now_ms)
        return one

    # The market moves.

    def on_candle(self, candle: Candle) -> list[RestingOrder]:
        """Let a whole closed candle happen; give the touched orders, new fills at the end of their `fills`.

        An order never meets a candle that opened before what was already known of the market when it was placed.
        A candle that still forms changes nothing.
        """
        market = self._books.market(candle.symbol)
        if not candle.is_closed:
            return []
        market.show_candle(candle)
        if not market.resting:
            return []
        self._begin()
        bars.play(self._matcher, market, candle)
        if market.last is not None:
            market.note(market.last)
            self._books.moved[candle.symbol] = market
        return self._finish(candle.close_time)

    def on_price(
        self, symbol: str, price: Decimal, now_ms: int, quantity: Decimal | None = None, maker: Side | None = None
    ) -> list[RestingOrder]:
        """Let one public trade happen; give the orders it touched. A resting order fills at its own limit.

        `quantity` bounds what they get (None: no bound). With `maker`, the side that stood, they keep their places.
        """
        market = self._books.market(symbol)
        market.show_price(price, now_ms, quantity)
        if not market.resting:
            return []
        self._begin()
        self._matcher.fill_waiting(market, list(market.waiting.values()), price, now_ms)
        recorded.meet_trade(self._matcher, market, price, quantity, maker, now_ms)
        self._books.moved[symbol] = market
        return self._finish(now_ms)

    def on_depth(
        self, symbol: str, bids: Levels, asks: Levels, now_ms: int, *, is_change: bool = False
    ) -> list[RestingOrder]:
        """Show a whole picture of the outside book as (price, quantity), or what changed; give the orders it touched.

        From the first picture on takers get what the pictures have, and no more. A changed quantity of 0 is gone.
        """
        market = self._books.market(symbol)
        recorded.show_depth(market, bids, asks, is_change=is_change)
        self._begin()
        self._matcher.meet_depth(market, now_ms)
        return self._finish(now_ms)

    def forget_depth(self, symbol: str) -> None:
        """Let the outside of a symbol be endless again, at the last price."""
        self._books.market(symbol).depth = None

    def set_reference_price(self, symbol: str, price: Decimal | None) -> None:
        """Publish the exchange's own reference price, by which filters and price ranges measure; None takes it back."""
        self._books.market(symbol).reference = price

    # Helpers.

    def _begin(self) -> None:
        self._books.touched.clear()

    def _finish(self, now_ms: int) -> list[RestingOrder]:
        self._matcher.follow_up(now_ms)
        if self._books.forget():
            self._lists.forget()
        return list(self._books.touched.values())

    def _standing(self, account: str, symbol: str, client_id: str | None, order_id: int | None) -> RestingOrder:
        order = self._books.find(account, symbol, client_id, order_id)
        if order is None or not order.is_open:
            raise Refused(-2011, "Unknown order sent.")
        return order

    def _cancel(self, order: RestingOrder, now_ms: int, request_id: str) -> None:
        one = self._lists.of(order)
        if one is not None:
            self._lists.cancel(one, now_ms, request_id)
        else:
            self._books.finish(order, OrderStatus.CANCELED, now_ms, request_id=request_id)
