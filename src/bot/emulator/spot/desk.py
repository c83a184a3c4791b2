"""The trading desk: it takes orders to the exchange, and tells the truth book and each customer what came of them."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.domain.order import OrderStatus
from bot.emulator.spot import wire_events
from bot.emulator.wire import Json
from bot.simulation.exchange import Exchange
from bot.simulation.happenings import (
    BalanceMoved,
    Happening,
    ListMoved,
    OrderAccepted,
    OrderMoved,
    Prevented,
    Traded,
)

if TYPE_CHECKING:
    from bot.emulator.spot.venue import Venue

_KINDS: dict[type, str] = {
    OrderAccepted: "order", OrderMoved: "move", Traded: "trade", Prevented: "prevented", ListMoved: "list",
    BalanceMoved: "balance",
}  # fmt: skip


def new_client_id() -> str:
    """Make a client order id for a request that brought none."""
    return secrets.token_hex(11)


class Desk:
    """Between the exchange and those who have to hear of it."""

    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self._executions = 0
        self._moved_assets: dict[str, dict[str, None]] = {}
        """Assets by account whose balances may have changed since the last telling."""
        self._prevented: Prevented | None = None
        self.moved_books: set[str] = set()
        """Symbols whose orders or prices changed since their book was last laid out."""
        self.touched_books: set[str] = set()
        """Symbols whose clients' orders changed since everybody was last shown."""

    @property
    def exchange(self) -> Exchange:
        """Give the exchange behind the desk."""
        return self._venue.exchange

    @property
    def executions(self) -> int:
        """Give the id of the newest execution."""
        return self._executions

    @contextmanager
    def settling(self) -> Iterator[int]:
        """Do something at the exchange at this market time (ms); at the end the owners hear of their balances."""
        try:
            yield self._venue.now_ms
        finally:
            self._tell_balances()
            self._venue.show_moved_books()

    def observe(self, happening: Happening) -> None:
        """Hear from the exchange what really happened."""
        account = "" if isinstance(happening, Traded | Prevented) else happening.account
        self._venue.gate.truth.note("spot", _KINDS[type(happening)], account, happening)
        match happening:
            case OrderAccepted():
                self._touch(happening.account, happening.symbol)
                self._tell_accepted(happening)
            case OrderMoved():
                self._touch(happening.account, happening.symbol)
                self._tell_moved(happening)
            case ListMoved():
                self._tell(happening.account, lambda: wire_events.list_status(happening))
            case Prevented():
                self._prevented = happening
            case Traded():
                self._venue.show_trade(happening)
            case BalanceMoved():
                self._moved_assets.setdefault(happening.account, {})[happening.asset] = None

    def deposit(self, account: str, asset: str, delta: Decimal, *, locks: bool) -> None:
        """Bring money in or take it out, or let another system lock it; Refused when it is not there."""
        now_ms = self._venue.now_ms
        amount = delta.copy_negate() if locks else delta
        self.exchange.deposit(account, asset, amount)
        if locks:
            self._tell(account, lambda: wire_events.external_lock(asset, delta, now_ms))
        else:
            self._tell(account, lambda: wire_events.balance_update(asset, delta, now_ms))
        self._tell_balances()

    def _tell_accepted(self, order: OrderAccepted) -> None:
        if not self._venue.has_listeners(order.account):
            self._executions += 1
            return
        self._tell_moved(
            OrderMoved(
                order.account, order.symbol, order.order_id, order.client_order_id, "NEW", order.status, "NONE",
                order.quantity, Decimal(0), Decimal(0), Decimal(0), order.time_ms,
                is_working=order.status is OrderStatus.NEW and order.stop_price is None,
            )
        )  # fmt: skip

    def _tell_moved(self, moved: OrderMoved) -> None:
        self._executions += 1
        if moved.fill is None and not self._venue.has_listeners(moved.account):
            return
        order = self.exchange.order(moved.account, moved.symbol, order_id=moved.order_id)
        if moved.fill is not None and len(order.fills) == 1:
            count = self._venue.order_count(moved.account)
            count.filled(is_maker=moved.fill.is_maker, now_ms=self._venue.gate.clock.now_ms)
        if not self._venue.has_listeners(moved.account):
            return
        if moved.execution == "TRIGGERED":
            # No source tells how a reached stop price is shown; NEW with its working flag set is the least surprising.
            report = wire_events.execution_report(order, moved, self._executions) | {"x": "NEW", "w": True}
        else:
            report = wire_events.execution_report(order, moved, self._executions, self._prevented)
        self._venue.tell(moved.account, report)

    def _touch(self, account: str, symbol: str) -> None:
        rules = self._venue.instruments[symbol]
        assets = self._moved_assets.setdefault(account, {})
        assets[rules.base] = assets[rules.quote] = None
        self.moved_books.add(symbol)
        self.touched_books.add(symbol)

    def _tell_balances(self) -> None:
        moved, self._moved_assets = self._moved_assets, {}
        self._prevented = None
        for account, assets in moved.items():
            if self._venue.has_listeners(account):
                balances = self.exchange.balances(account)
                self._venue.tell(account, wire_events.account_position(balances, sorted(assets), self._venue.now_ms))

    def _tell(self, account: str, event: Callable[[], Json]) -> None:
        if self._venue.has_listeners(account):
            self._venue.tell(account, event())
