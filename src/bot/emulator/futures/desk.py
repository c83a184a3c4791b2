"""The futures desk: it hears what really happened, writes it into the truth book, and tells each customer."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from bot.emulator.futures import wire_events
from bot.emulator.wire import Json
from bot.simulation.futures.happenings import (
    AlgoMoved,
    BalanceMoved,
    Funded,
    Happening,
    Liquidated,
    MarginCalled,
    OrderAccepted,
    OrderMoved,
    PositionMoved,
    Traded,
)
from bot.simulation.futures.words import Execution, Why

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

_KINDS: dict[type, str] = {
    OrderAccepted: "order", OrderMoved: "move", AlgoMoved: "algo", Traded: "trade", BalanceMoved: "balance",
    PositionMoved: "position", Funded: "funding", Liquidated: "liquidation", MarginCalled: "margin_call",
}  # fmt: skip


def new_client_id() -> str:
    """Make a client order id for a request that brought none."""
    return secrets.token_hex(11)


class _Moved(msgspec.Struct):
    """What of an account moved for one reason and was not told yet."""

    why: Why
    balances: dict[str, BalanceMoved] = {}
    positions: dict[tuple[str, str], PositionMoved] = {}


class Desk:
    """Between the exchange and those who have to hear of it."""

    def __init__(self, venue: "FuturesVenue") -> None:
        self._venue = venue
        self._moved: dict[str, _Moved] = {}
        self._taken: tuple[str, Json] | None = None
        """Whom to tell that an order was taken in, and how: what it trades at once comes first, on the fast path."""
        self.moved_books: set[str] = set()
        """Symbols whose clients' orders changed since their book was last laid out."""
        self.touched_books: set[str] = set()
        """Those of them that clients changed since everybody was last shown."""

    @contextmanager
    def settling(self) -> Iterator[int]:
        """Do something at the exchange at this market time (ms); at the end the owners hear of their money."""
        try:
            yield self._venue.now_ms
        finally:
            self._tell_taken()
            for account in list(self._moved):
                self._flush(account)
            self._venue.show_moved_books()

    def observe(self, happening: Happening) -> None:
        """Hear from the exchange what really happened."""
        account = _owner(happening)
        self._venue.gate.truth.note("um", _KINDS[type(happening)], account, happening)
        if not isinstance(happening, Traded | BalanceMoved | PositionMoved):
            self._tell_taken()
        match happening:
            case OrderAccepted():
                self._take_in(happening)
            case OrderMoved():
                self._tell_moved(happening)
            case AlgoMoved():
                self._tell_algo(happening)
            case Traded():
                self._venue.show_trade(happening)
                self._tell_lite(happening)
                self._tell_taken()
            case BalanceMoved():
                balances = self._gather(account, happening.why).balances
                balances[happening.asset] = _joined(balances.get(happening.asset), happening)
            case PositionMoved():
                moved = self._gather(account, happening.why)
                moved.positions[happening.symbol, happening.position_side] = happening
            case MarginCalled():
                self._tell_margin_call(happening)
            case Liquidated():
                self._venue.forced.add(happening)
            case _:
                pass

    def tell_leverage(self, account: str, symbol: str, leverage: int) -> None:
        """Tell the owner of a new leverage."""
        self._venue.tell(account, wire_events.config_update(self._venue.now_ms, "ac", {"s": symbol, "l": leverage}))

    def tell_asset_mode(self, account: str, *, multi_assets: bool) -> None:
        """Tell the owner of a new asset mode."""
        self._venue.tell(account, wire_events.config_update(self._venue.now_ms, "ai", {"j": multi_assets}))

    def forget(self, account: str) -> None:
        """Tell nobody of what moved so far: it was before the opening."""
        self._moved.pop(account, None)

    def _touch(self, symbol: str) -> None:
        self.moved_books.add(symbol)
        self.touched_books.add(symbol)

    def _gather(self, account: str, why: Why) -> _Moved:
        found = self._moved.get(account)
        if found is not None and found.why is not why:
            self._flush(account)
            found = None
        if found is None:
            found = self._moved[account] = _Moved(why)
        return found

    def _flush(self, account: str) -> None:
        self._tell_taken()
        moved = self._moved.pop(account, None)
        if moved is not None and self._venue.has_listeners(account):
            event = wire_events.account_update(
                moved.why, moved.balances.values(), moved.positions.values(), self._venue.now_ms
            )
            self._venue.tell(account, event)

    def _take_in(self, accepted: OrderAccepted) -> None:
        order = accepted.order
        self._touch(order.symbol)
        self._venue.deadlines.set_date(order.good_till_ms)
        if self._venue.has_listeners(order.account):
            moved = OrderMoved(order, Execution.NEW, accepted.time_ms)
            self._taken = order.account, self._order_event(moved)

    def _tell_moved(self, moved: OrderMoved) -> None:
        account = moved.order.account
        self._touch(moved.order.symbol)
        if moved.trade is not None:
            self._flush(account)
        if self._venue.has_listeners(account):
            self._venue.tell(account, self._order_event(moved))

    def _tell_algo(self, moved: AlgoMoved) -> None:
        algo = moved.algo
        if algo.is_open:
            self._venue.deadlines.set_date(algo.good_till_ms)
        if self._venue.has_listeners(algo.account):
            self._venue.tell(algo.account, wire_events.algo_update(algo, moved.time_ms))

    def _order_event(self, moved: OrderMoved) -> Json:
        order, exchange = moved.order, self._venue.exchange
        algo_type = exchange.algo(order.account, algo_id=order.algo_id).type if order.algo_id else ""
        return wire_events.order_update(moved, exchange.slot(order.account, order.symbol), algo_type)

    def _tell_taken(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            self._venue.tell(*taken)

    def _tell_lite(self, traded: Traded) -> None:
        for side in (traded.taker, traded.maker):
            if side is not None and self._venue.has_listeners(side.account):
                order = self._venue.exchange.order(side.account, side.symbol, order_id=side.order_id)
                self._venue.tell(side.account, wire_events.trade_lite(side, order))

    def _tell_margin_call(self, called: MarginCalled) -> None:
        if self._venue.has_listeners(called.account):
            rows = [self._venue.exchange.position(called.account, *one) for one in called.positions]
            self._venue.tell(called.account, wire_events.margin_call(called, rows))


def _joined(before: BalanceMoved | None, moved: BalanceMoved) -> BalanceMoved:
    """Add what moved of the same balance just before."""
    if before is None:
        return moved
    return msgspec.structs.replace(moved, moved=moved.moved + before.moved, delta=moved.delta + before.delta)


def _owner(happening: Happening) -> str:
    match happening:
        case OrderAccepted() | OrderMoved():
            return happening.order.account
        case AlgoMoved():
            return happening.algo.account
        case Traded():
            return ""
        case _:
            return happening.account
