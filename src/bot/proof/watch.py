"""The watch: looks at each commit and at each order's first byte, at the moment of it, and calls out what is wrong.

It counts for itself, from what was committed alone, so that no mistake of the engine's can be its own, too.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.domain.market import Candle, Market
from bot.domain.messages import (
    AccountMoved,
    Attempt,
    Event,
    FillBooked,
    OrderChanged,
    OrderFound,
    Outcome,
    PlaceOrder,
    TradeClosed,
)
from bot.domain.money import EXACT, ZERO, exact
from bot.domain.order import Order, OrderStatus, Purpose, Side, may_move
from bot.domain.state import AccountState

DRIFT = Decimal("1.01")
"""What is held is valued at the price of the newest record; the engine may have seen a candle or two since."""


class Breach(NamedTuple):
    """An invariant that does not hold, and the order that shows it, if it is one order."""

    invariant: str
    text: str
    order: str = ""


class Caps(NamedTuple):
    """What may be at risk at once, in quote: by strategy, symbol and account."""

    strategy: Decimal
    symbol: Decimal
    account: Decimal


def names_of(sent: Mapping[str, str]) -> list[str]:
    """Give our ids of the order, or of both orders of the list, that a request asks for."""
    names = ("newClientOrderId", "belowClientOrderId", "aboveClientOrderId", "clientAlgoId")
    return [sent[each] for each in names if each in sent]


class Watch:
    """Watches over one account."""

    def __init__(self, caps: Caps, alarm: Callable[[Breach], None]) -> None:
        self._caps, self._alarm = caps, alarm
        self._seen: dict[int, Event] = {}
        self._orders: dict[str, Order] = {}
        self._status: dict[str, OrderStatus] = {}
        self._filled: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self._traded: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self._attempts: dict[str, Attempt] = {}
        self._fills: set[tuple[str, str, int]] = set()
        self._held: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
        """What each strategy holds of its symbol's base asset."""
        self._open: defaultdict[int, dict[str, Order]] = defaultdict(dict)
        self._symbols: dict[int, tuple[Market, str]] = {}
        self._prices: dict[tuple[Market, str], Decimal] = {}
        self._decided: set[tuple[int, int]] = set()
        self._state: AccountState | None = None

    def committed(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Look at what was just made durable."""
        if id(event) in self._seen:
            return  # written again, because the database went away before it said that it was written
        self._seen[id(event)] = event
        if isinstance(event, Candle):
            self._prices[event.market, event.symbol] = exact(event.close)
        decided: set[tuple[int, int]] = set()
        for each in outcomes:
            match each:
                case PlaceOrder(order, reserved, beside):
                    is_wished = order.purpose is not Purpose.STOP and order.stop_price is None and not beside
                    if isinstance(event, Candle) and is_wished:
                        decided.add((order.strategy_id, order.created_ms))
                    self._place(order, reserved)
                case OrderFound(order):
                    self._orders[order.client_order_id] = order
                    self._status[order.client_order_id] = OrderStatus.SENT
                case OrderChanged():
                    self._change(each)
                case FillBooked():
                    self._book(each)
                case TradeClosed():
                    self._held[each.strategy_id] = ZERO
                case Attempt():
                    self._attempts[each.client_order_id] = each
                case AccountMoved():
                    self._state = each.state
        for strategy_id, time_ms in decided & self._decided:
            self._alarm(Breach("I1", f"strategy {strategy_id} decided twice on the candle of {time_ms}"))
        self._decided |= decided

    def leaves(self, sent: Mapping[str, str], epoch: int) -> None:
        """Look at a request for an order, or a pair, at the moment of its first byte: `sent` are its parameters.

        `epoch` is the number of the turn that is on now.
        """
        for name in names_of(sent):
            self._leaves(name, sent, epoch)

    def _leaves(self, name: str, sent: Mapping[str, str], epoch: int) -> None:
        attempt = self._attempts.get(name)
        if name not in self._orders or attempt is None:
            self._alarm(Breach("I2", "it leaves, and no intent with its attempt is written down", name))
            return
        if int(sent["timestamp"]) != attempt.signed_ms:
            self._alarm(Breach("I2", f"signed for {sent['timestamp']}, written down was {attempt.signed_ms}", name))
        if attempt.epoch != epoch:
            self._alarm(Breach("I9", f"it leaves under epoch {attempt.epoch}, and it is the turn of {epoch}", name))

    def knows(self, name: str) -> bool:
        """Say whether an order is of this account."""
        return name in self._orders

    def _place(self, order: Order, reserved: Decimal) -> None:
        if order.client_order_id in self._orders:
            self._alarm(Breach("I1", "its id was used before", order.client_order_id))
            return
        self._symbols[order.strategy_id] = (order.market, order.symbol)
        if order.purpose is Purpose.ENTRY:
            self._enter(order, reserved)
        self._orders[order.client_order_id] = order
        self._status[order.client_order_id] = OrderStatus.SENT
        self._open[order.strategy_id][order.client_order_id] = order

    def _enter(self, order: Order, reserved: Decimal) -> None:
        """Look at new risk: may it be taken, and does it fit?"""
        name, ours = order.client_order_id, self._open[order.strategy_id]
        if self._state is not AccountState.READY:
            self._alarm(Breach("I8", f"new risk while the account is {self._state}", name))
        if unknown := [each for each in ours if self._status[each] is OrderStatus.UNKNOWN]:
            self._alarm(Breach("I6", f"new risk while nobody knows about {unknown[0]}", name))
        place = self._symbols[order.strategy_id]
        at_risk = {each: self._at_risk(each) for each in self._symbols}
        in_symbol = sum((worth for each, worth in at_risk.items() if self._symbols[each] == place), reserved)
        for what, worth, cap in (
            ("strategy", EXACT.add(at_risk[order.strategy_id], reserved), self._caps.strategy),
            ("symbol", in_symbol, self._caps.symbol),
            ("account", sum(at_risk.values(), reserved), self._caps.account),
        ):
            if worth > EXACT.multiply(cap, DRIFT):
                self._alarm(Breach("I6", f"{worth:.2f} at risk by {what}, allowed are {cap}", name))

    def _at_risk(self, strategy_id: int) -> Decimal:
        """Give what a strategy may come to hold at worst, in quote: an order in doubt is both open and filled."""
        quantity = abs(self._held[strategy_id])
        for name, order in self._open[strategy_id].items():
            if order.purpose is Purpose.ENTRY:
                left = EXACT.subtract(order.quantity, self._traded[name])
                quantity = EXACT.add(quantity, left)
                if self._status[name] is OrderStatus.UNKNOWN:
                    quantity = EXACT.add(quantity, left)
        return EXACT.multiply(quantity, self._prices.get(self._symbols[strategy_id], ZERO)) if quantity else ZERO

    def _change(self, change: OrderChanged) -> None:
        name = change.client_order_id
        order = self._orders.get(name)
        if order is None:
            self._alarm(Breach("I5", "changes without an intent", name))
            return
        status, filled = self._status[name], self._filled[name]
        # A dead process's last record may come after its successor has found out the same: that moves nothing.
        if (change.status, change.filled) == (status, filled):
            return
        if not may_move(status, change.status):
            self._alarm(Breach("I5", f"{status} → {change.status}", name))
        if change.filled < filled or change.filled > order.quantity:
            self._alarm(Breach("I5", f"filled {filled} → {change.filled} of {order.quantity}", name))
        if change.status is OrderStatus.FILLED and change.filled != order.quantity:
            self._alarm(Breach("I5", f"FILLED with {change.filled} of {order.quantity}", name))
        self._status[name], self._filled[name] = change.status, change.filled
        if not change.status.is_open:
            self._open[order.strategy_id].pop(name, None)

    def _book(self, booked: FillBooked) -> None:
        fill = booked.fill
        if fill.key in self._fills:
            return  # (the journal keeps the first; a life that died between commit and answer tells it again)
        self._fills.add(fill.key)
        self._traded[fill.client_order_id] = EXACT.add(self._traded[fill.client_order_id], fill.quantity)
        moved = fill.quantity if fill.side is Side.BUY else fill.quantity.copy_negate()
        if fill.market is Market.SPOT and fill.symbol.startswith(fill.fee_asset):
            moved = EXACT.subtract(moved, fill.fee)
        self._held[booked.strategy_id] = EXACT.add(self._held[booked.strategy_id], moved)
