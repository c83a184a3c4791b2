"""Order lists: two legs of which one trades (OCO), legs that wait for another to be filled (OTO), and both together."""

from collections import deque
from enum import StrEnum

import msgspec

from bot.domain.money import EXACT, ZERO
from bot.domain.order import OrderStatus, Side
from bot.simulation.books import Books
from bot.simulation.happenings import ListMoved
from bot.simulation.orders import NewOrder, RestingOrder

OCO_TRIGGER = "OCO_TRIGGER"
PHASE_ONE_EXPIRED = "OTO_PHASE_ONE_EXPIRED"


class ListKind(StrEnum):
    """Kinds of order lists. OPO and OPOCO sell what their working buy brought, after its fees."""

    OCO = "OCO"
    OTO = "OTO"
    OTOCO = "OTOCO"
    OPO = "OPO"
    OPOCO = "OPOCO"

    @property
    def sells_what_it_bought(self) -> bool:
        """True where the pending quantity is what the working leg received."""
        return self in {ListKind.OPO, ListKind.OPOCO}


class NewList(msgspec.Struct, frozen=True, kw_only=True):
    """A list as it is asked for. An OCO has its pair in `pair`; the others a `working` leg and one or two in `pair`.

    The pair of an OCO, an OTOCO and an OPOCO is (above, below). OPO legs come without a quantity.
    """

    kind: ListKind
    client_id: str
    pair: tuple[NewOrder, ...]
    working: NewOrder | None = None


class OrderList(msgspec.Struct, eq=False):
    """A list as the exchange knows it. It changes in place. `first` legs stand from the start, `second` legs wait."""

    list_id: int
    client_id: str
    account: str
    symbol: str
    kind: ListKind
    created_ms: int
    first: list[RestingOrder]
    second: list[RestingOrder] = []
    updated_ms: int = 0
    is_open: bool = True

    @property
    def contingency(self) -> str:
        """Binance's contingency type: OCO, or OTO for every list with a working leg."""
        return "OCO" if self.kind is ListKind.OCO else "OTO"

    @property
    def legs(self) -> list[RestingOrder]:
        """Give every leg, the working ones first."""
        return [*self.first, *self.second]

    @property
    def status_type(self) -> str:
        """Binance's listStatusType."""
        return "EXEC_STARTED" if self.is_open else "ALL_DONE"

    @property
    def order_status(self) -> str:
        """Binance's listOrderStatus."""
        return "EXECUTING" if self.is_open else "ALL_DONE"


class Lists:
    """Every list, and what the fate of one leg means for the others."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lists: dict[int, OrderList] = {}
        self._standing: dict[str, dict[int, OrderList]] = {}
        self.due: deque[OrderList] = deque()
        """Lists whose working leg is filled and whose second legs have to go live."""
        self._next_id = 1

    def next_id(self) -> int:
        """Give the number of the next list."""
        return self._next_id

    def register(self, one: OrderList) -> None:
        """Take a list in."""
        self._lists[one.list_id] = one
        self._standing.setdefault(one.account, {})[one.list_id] = one
        self._next_id = one.list_id + 1
        self.tell(one, one.status_type)

    def pair_up(self, stop: RestingOrder | None, limit: RestingOrder) -> None:
        """Let two orders that stand already be an OCO; a limit order alone stays alone."""
        if stop is None:
            return
        legs = [limit, stop] if stop.side is Side.SELL else [stop, limit]
        name = f"{stop.client_order_id}+"
        one = OrderList(
            self._next_id, name, stop.account, stop.symbol, ListKind.OCO, stop.created_ms, legs, [], stop.updated_ms
        )
        for leg in legs:
            leg.list_id = one.list_id
        self.register(one)

    def standing(self, account: str) -> list[OrderList]:
        """Give the open lists of an account, oldest first."""
        return list(self._standing.get(account, {}).values())

    def of_account(self, account: str) -> list[OrderList]:
        """Give every list of an account that is still known, oldest first."""
        return [one for one in self._lists.values() if one.account == account]

    def find(self, account: str, client_id: str | None, list_id: int | None) -> OrderList | None:
        """Look a list up by its id or by its client id; of a reused client id the newest."""
        if list_id is not None:
            found = self._lists.get(list_id)
            fits = found is not None and found.account == account and client_id in {None, found.client_id}
            return found if fits else None
        return next((one for one in reversed(self.of_account(account)) if one.client_id == client_id), None)

    def of(self, order: RestingOrder) -> OrderList | None:
        """Give the list that an order belongs to."""
        return self._lists.get(order.list_id)

    def pair_of(self, one: OrderList, order: RestingOrder) -> list[RestingOrder]:
        """Give the legs of which only one can trade, this one among them."""
        return one.first if order in one.first else one.second

    def seize(self, order: RestingOrder, now_ms: int) -> None:
        """Let one leg of a pair go on alone: the other expires, and its share of the lock stays with this one."""
        for other in self.pair_of(self._lists[order.list_id], order):
            if other is not order and other.is_open:
                order.locked = EXACT.add(order.locked, other.locked)
                other.locked = ZERO
                self._books.finish(other, OrderStatus.EXPIRED, now_ms, reason=OCO_TRIGGER)
        if order.price is not None:
            self._books.relock(order, min(order.needs, order.locked))

    def after_end(self, order: RestingOrder, now_ms: int) -> None:
        """Draw the conclusions from the end of a leg."""
        one = self._lists[order.list_id]
        if order in one.first and order.status is OrderStatus.FILLED:
            if any(leg.is_open for leg in one.second):
                self.due.append(one)
        else:
            reason = PHASE_ONE_EXPIRED if order in one.first and one.second else order.expiry_reason
            self._expire(one, now_ms, reason)
        self._close(one, now_ms)

    def cancel(self, one: OrderList, now_ms: int, request_id: str = "") -> None:
        """Cancel every open leg."""
        for leg in one.legs:
            if leg.is_open:
                self._books.finish(leg, OrderStatus.CANCELED, now_ms, request_id=request_id)
        self._close(one, now_ms)

    def reject(self, one: OrderList, now_ms: int) -> None:
        """Let the legs expire that could not go live."""
        self._expire(one, now_ms, "REJECTED")
        self._close(one, now_ms)

    def forget(self) -> None:
        """Let go of lists whose orders the exchange let go of."""
        gone = [
            one
            for one in self._lists.values()
            if not one.is_open and not any(leg.order_id in self._books.account(one.account).orders for leg in one.legs)
        ]
        for one in gone:
            del self._lists[one.list_id]

    def tell(self, one: OrderList, status_type: str) -> None:
        """Note that something happened to a list."""
        if self._books.observe is not None:
            orders = tuple((leg.order_id, leg.client_order_id) for leg in one.legs)
            self._books.observe(
                ListMoved(
                    one.account, one.symbol, one.list_id, one.client_id, one.contingency, status_type,
                    one.order_status, orders, one.updated_ms,
                )
            )  # fmt: skip

    def _expire(self, one: OrderList, now_ms: int, reason: str) -> None:
        for leg in one.legs:
            if leg.is_open:
                self._books.finish(leg, OrderStatus.EXPIRED, now_ms, reason=reason)

    def _close(self, one: OrderList, now_ms: int) -> None:
        if one.is_open and not any(leg.is_open for leg in one.legs):
            one.is_open = False
            one.updated_ms = max(now_ms, one.updated_ms)
            self._standing[one.account].pop(one.list_id, None)
            self.tell(one, one.status_type)
