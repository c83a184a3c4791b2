"""The trading desk: takes orders to the exchange, and tells each customer what became of them as user events."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Fill, OrderStatus, OrderType, Side, TimeInForce
from bot.emulator import wire_orders
from bot.emulator.faults import bad_symbol
from bot.emulator.limits import OrderCount
from bot.emulator.wire import Json
from bot.simulation.admission import check_filters, check_form
from bot.simulation.exchange import Exchange, RestingOrder, Terms
from bot.simulation.liquidity import affordable

Tell = Callable[[Json], None]
"""Where user events go. Never waits."""


class Wish(msgspec.Struct, frozen=True):
    """A new order as it was asked for."""

    symbol: str
    side: Side
    type: OrderType
    client_order_id: str
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stp: str = wire_orders.DEFAULT_STP


def new_client_id() -> str:
    """Make a client order id for a request that brought none."""
    return secrets.token_hex(11)


class Desk:
    """Orders in, replies and events out."""

    def __init__(self, exchange: Exchange, instruments: Mapping[str, Instrument], terms: Terms) -> None:
        self._exchange, self._instruments, self._terms = exchange, instruments, terms
        self._listeners: defaultdict[str, list[Tell]] = defaultdict(list)
        self._counts: dict[str, OrderCount] = {}
        self._told: dict[int, int] = {}
        """Fills already reported, by order."""
        self._stp: dict[int, str] = {}
        self._executions = 0

    def count_orders_of(self, account: str, count: OrderCount) -> None:
        """Name the order count of an account."""
        self._counts[account] = count

    def listen(self, account: str, tell: Tell) -> Callable[[], None]:
        """Send the events of an account from now on; call what you get to stop it."""
        self._listeners[account].append(tell)
        return lambda: self._listeners[account].remove(tell)

    def check(self, wish: Wish) -> None:
        """Refuse what no balance or book could save: form and filters."""
        rules = self._instruments.get(wish.symbol)
        if rules is None:
            raise bad_symbol()
        check_form(
            rules,
            wish.type,
            time_in_force=wish.time_in_force,
            quantity=wish.quantity,
            quote_quantity=wish.quote_quantity,
            price=wish.price,
        )
        reference = self._exchange.last_price(wish.symbol)
        if reference is None:
            return
        quantity = wish.quantity
        if quantity is None:
            quantity = affordable(wish.quote_quantity or ZERO, reference, rules)
        check_filters(
            rules,
            wish.side,
            quantity=quantity,
            price=wish.price,
            reference=reference,
            quote_quantity=wish.quote_quantity,
        )

    def place(self, account: str, wish: Wish, *, now_ms: int, wall_ms: int) -> RestingOrder:
        """Place an order: checked, counted, then handed to the exchange. Raises Refused or ApiError."""
        self.check(wish)
        self._counts[account].add(wall_ms)
        order = self._exchange.place(
            account,
            client_order_id=wish.client_order_id,
            symbol=wish.symbol,
            side=wish.side,
            type=wish.type,
            now_ms=now_ms,
            time_in_force=wish.time_in_force,
            quantity=wish.quantity,
            quote_quantity=wish.quote_quantity,
            price=wish.price,
            terms=self._terms,
        )
        if wish.stp != wire_orders.DEFAULT_STP:
            self._stp[order.order_id] = wish.stp
        self._tell_change(order, now_ms, kind="NEW", status=OrderStatus.NEW)
        self.report([order], now_ms, wall_ms)
        return order

    def cancel(
        self, account: str, symbol: str, *, client_order_id: str | None, order_id: int | None, cancel_id: str,
        now_ms: int,
    ) -> RestingOrder:  # fmt: skip
        """Cancel an open order; Refused when there is none."""
        order = self._exchange.cancel(
            account, symbol, now_ms=now_ms, client_order_id=client_order_id, order_id=order_id
        )
        self._tell_change(
            order, now_ms, kind="CANCELED", status=order.status, filled=order.filled,
            quote_filled=order.quote_filled, cancel_id=cancel_id,
        )  # fmt: skip
        self._tell_balances(order, now_ms)
        self._told.pop(order.order_id, None)
        return order

    def stp_of(self, order: RestingOrder) -> str:
        """Give the self-trade prevention mode that an order was placed with."""
        return self._stp.get(order.order_id, wire_orders.DEFAULT_STP)

    def report(self, orders: Iterable[RestingOrder], now_ms: int, wall_ms: int) -> None:
        """Tell the owners of these orders what happened to them since the last time."""
        for order in orders:
            told = self._told.get(order.order_id, 0)
            if order.fills and not told:
                self._counts[order.account].filled(is_maker=order.fills[0].is_maker, now_ms=wall_ms)
            self._tell_fills(order, told, now_ms)
            if order.status is OrderStatus.EXPIRED:
                self._tell_change(
                    order, now_ms, kind="EXPIRED", status=order.status, filled=order.filled,
                    quote_filled=order.quote_filled,
                )  # fmt: skip
            if order.is_open:
                self._told[order.order_id] = len(order.fills)
            else:
                self._told.pop(order.order_id, None)
            self._tell_balances(order, now_ms)

    def _tell_fills(self, order: RestingOrder, told: int, now_ms: int) -> None:
        filled, quote_filled = ZERO, ZERO
        for number, fill in enumerate(order.fills, 1):
            filled = EXACT.add(filled, fill.quantity)
            quote_filled = EXACT.add(quote_filled, times(fill.price, fill.quantity))
            if number > told:
                done = filled == order.quantity
                status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
                self._tell_change(
                    order, now_ms, kind="TRADE", status=status, fill=fill, filled=filled, quote_filled=quote_filled
                )

    def _tell_change(
        self, order: RestingOrder, now_ms: int, *, kind: str, status: OrderStatus, fill: Fill | None = None,
        filled: Decimal = ZERO, quote_filled: Decimal = ZERO, cancel_id: str = "",
    ) -> None:  # fmt: skip
        self._executions += 1
        if self._listeners[order.account]:
            self._tell(order.account, wire_orders.execution_report(
                order, now_ms, self._executions, kind=kind, status=status, stp=self.stp_of(order), fill=fill,
                filled=filled, quote_filled=quote_filled, cancel_id=cancel_id,
            ))  # fmt: skip

    def _tell_balances(self, order: RestingOrder, now_ms: int) -> None:
        if self._listeners[order.account]:
            rules, balances = self._instruments[order.symbol], self._exchange.balances(order.account)
            self._tell(order.account, wire_orders.account_position(balances, (rules.base, rules.quote), now_ms))

    def _tell(self, account: str, event: Json) -> None:
        for tell in tuple(self._listeners[account]):
            tell(event)
