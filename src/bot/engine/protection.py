"""Protection: the stop that rests on the exchange for what a strategy holds, so that it works while we do not.

Its states with the one table of moves between them, and the order that it is. It counts as armed only once the exchange
has shown it; whoever ends it but we ourselves has lost it, and it is placed again.

On spot the take profit beside it stands with it as one list (OCO): the exchange ends the one when the other trades. On
futures there are no lists: the take profit is sent once the stop is armed, and we end whichever has not traded.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.market import Market
from bot.domain.messages import ProtectionMoved
from bot.domain.money import EXACT, Price, Quantity, plain, times
from bot.domain.order import Order, OrderStatus, OrderType, Purpose, Side

LIMIT_OFFSET = Decimal("0.01")
"""How far behind its trigger the limit of a stop-limit stands, as a fraction: it has to find takers in a fall."""
REFUSALS_MAX = 3
"""Losses in a row after which the policy decides."""
STEADY_MS = 60_000
"""A stop that stood this long is no part of a row of losses."""
FUTURES_STOP, FUTURES_TAKE = "STOP_MARKET", "TAKE_PROFIT_MARKET"
"""What contracts call our stops and take profits among their order types."""
CANCEL_AGAIN = 5
"""Pulses after which a stop that did not go is taken back once more."""


class Protection(StrEnum):
    """How far the stop is."""

    NONE = "none"
    """Nothing is held."""
    WANTED = "wanted"
    SENT = "sent"
    ARMED = "armed"
    """The exchange has shown it."""
    LEAVING = "leaving"
    """Taken back by us: something else sells, or it does not fit any more."""
    LOST = "lost"
    """It ended, and neither we nor its own fill ended it."""
    BARE = "bare"
    """None can rest: the policy decides."""


P = Protection
MOVES: dict[Protection, frozenset[Protection]] = {
    P.NONE: frozenset({P.WANTED}),
    P.WANTED: frozenset({P.SENT, P.BARE, P.NONE}),
    P.SENT: frozenset({P.ARMED, P.LEAVING, P.LOST, P.NONE}),
    P.ARMED: frozenset({P.LEAVING, P.LOST, P.NONE}),
    # Somebody else may end it first, or its own fill: for us it has left in any case.
    P.LEAVING: frozenset({P.WANTED, P.NONE}),
    P.LOST: frozenset({P.SENT, P.BARE, P.NONE}),
    P.BARE: frozenset({P.SENT, P.NONE}),
}
"""Allowed moves."""


_WAITING = {P.WANTED, P.LOST, P.LEAVING, P.BARE}


class Guard:
    """Where the protection of one position stands."""

    __slots__ = (
        "armed_ms", "is_alone", "is_list", "is_told", "order_id", "pause", "reason", "refusals", "seen_ms", "state",
        "take_id", "takes_lost", "traded_id", "unseen",
    )  # fmt: skip

    def __init__(self, *, is_list: bool = True) -> None:
        """`is_list`: a take profit stands in one list with the stop, and does not go its own way."""
        self.state = Protection.NONE
        self.is_list = is_list
        self.order_id = ""
        self.take_id = ""
        """The take profit that rests beside the stop; "" for a stop that stands alone."""
        self.takes_lost = 0
        """Take profits of this position that went without a trade, where they go their own way."""
        self.traded_id = ""
        """The leg of the pair that has traded: the other one cannot any more."""
        self.unseen: set[str] = set()
        """Legs that the exchange has not shown yet."""
        self.is_alone = False
        """The take profit traded in part, the exchange refused the pair, or a restart found the stop alone: for this
        position it goes without."""
        self.reason = ""
        """Why it was lost last."""
        self.armed_ms = 0
        self.seen_ms = 0
        """Time of the newest event about its strategy: that of the decisions about it."""
        self.refusals = 0
        """Losses in a row."""
        self.is_told = True
        """False while its state is known from a restart alone, and the record may say another one."""
        self.pause = 0
        """Pulses to wait before it is tried again."""

    @property
    def is_waiting(self) -> bool:
        """True while only time brings it on: it wants pulses."""
        return self.state in _WAITING or (self.state is Protection.ARMED and bool(self.pause))

    def move(self, then: Protection) -> None:
        """Move on. AssertionError for a move that is not in the table."""
        assert then in MOVES[self.state], f"protection cannot go from {self.state} to {then}"
        self.state = then
        if then is Protection.NONE:
            self.refusals = self.pause = self.armed_ms = self.takes_lost = 0
            self.is_alone = False
            self.begin("", "")

    def begin(self, order_id: str, take_id: str) -> None:
        """Take in what is sent now: a stop, and the take profit beside it, if there is one."""
        self.order_id, self.take_id, self.traded_id = order_id, take_id, ""
        self.unseen = {each for each in (order_id, take_id if self.is_list else "") if each}

    def has(self, order_id: str) -> bool:
        """Say whether an order is the stop, or the take profit beside it."""
        return bool(order_id) and order_id in (self.order_id, self.take_id)

    def is_spare(self, order_id: str) -> bool:
        """Say whether an order is the leg of the pair that brings nothing: only one of them can trade."""
        return self.has(order_id) and bool(self.take_id) and order_id != (self.traded_id or self.order_id)

    def trade(self, order_id: str) -> None:
        """Note that an order traded."""
        if self.has(order_id):
            self.traded_id = order_id

    def recall(self, told: ProtectionMoved) -> None:
        """Go on with the row of losses, and the time that it stood, where the record left them."""
        self.refusals, self.armed_ms, self.reason = told.losses, told.armed_ms, told.reason
        self.seen_ms = max(self.seen_ms, told.time_ms)

    def adopt(self, order_id: str, status: OrderStatus, *, is_take: bool = False) -> None:
        """Go on with an order that was open when the state was left: the stop, or the take profit beside it."""
        if is_take:
            self.take_id = order_id
        else:
            self.order_id = order_id
        if not is_shown(status) and (self.is_list or not is_take):
            self.unseen.add(order_id)
        if status is OrderStatus.PARTIALLY_FILLED:
            self.traded_id = order_id
        if not self.order_id or (self.is_list and is_take and self.traded_id == order_id):
            self.state = Protection.LEAVING  # (what is left of a take profit that trades guards nothing)
        elif not self.is_list or self.traded_id != self.take_id or not self.take_id:
            self.state = Protection.SENT if self.unseen else Protection.ARMED
        self.is_told = False

    def follow(self, status: OrderStatus, time_ms: int, reason: str, *, has_take: bool = False) -> Protection | None:
        """Give what the stop's new status makes of it, None when nothing. `has_take`: its take profit is open still."""
        if status.is_open:
            return self._shown(status, time_ms)
        self.unseen.discard(self.order_id)
        if status is OrderStatus.FILLED and not has_take:
            return Protection.NONE
        if self.state is Protection.LEAVING:
            self.pause = 0
            return None if has_take else Protection.WANTED
        if has_take and (status is OrderStatus.FILLED or (self.is_list and status is OrderStatus.EXPIRED)):
            self.pause = CANCEL_AGAIN
            return Protection.LEAVING  # one of the two trades, and the other ends: by the exchange, or by us
        self.is_alone |= bool(self.take_id) and status is OrderStatus.REJECTED
        self._lose(status, time_ms, reason)
        return Protection.LOST

    def follow_take(self, status: OrderStatus, time_ms: int, *, has_stop: bool) -> Protection | None:
        """Give what the new status of the take profit makes of it, None when nothing. `has_stop`: the stop is open."""
        if not self.is_list:
            return self._follow_apart(status, has_stop=has_stop)
        if not status.is_open:
            self.unseen.discard(self.take_id)
        has_traded = status in {OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED}
        self.is_alone |= has_traded  # (the price is there: beside the stop of what is left, none could rest)
        if self.state is Protection.LEAVING:
            if has_stop or status.is_open:
                return None
            self.pause = 0
            return Protection.WANTED
        if self.state is Protection.LOST and not status.is_open:
            self.pause = min(self.pause, max(0, self.refusals - 1))  # (what it was cancelled again with is over)
        if has_traded and self.state in {Protection.SENT, Protection.ARMED}:
            self.pause = CANCEL_AGAIN
            return Protection.LEAVING
        return self._shown(status, time_ms, self.take_id) if has_stop else None

    def _follow_apart(self, status: OrderStatus, *, has_stop: bool) -> Protection | None:
        """Follow a take profit that goes its own way: the stop stays until all of it is over."""
        if status.is_open:
            return None
        if self.state is Protection.LEAVING:
            if has_stop:
                return None
            self.pause = 0
            return Protection.WANTED
        if status is OrderStatus.FILLED:
            if self.state not in {Protection.SENT, Protection.ARMED}:
                return None
            self.pause = CANCEL_AGAIN
            return Protection.LEAVING
        self.takes_lost += 1
        self.is_alone |= status is OrderStatus.REJECTED or self.takes_lost >= REFUSALS_MAX
        self.take_id = self.traded_id = ""
        if self.state is Protection.ARMED:
            self.pause = self.takes_lost
        return None

    def _shown(self, status: OrderStatus, time_ms: int, order_id: str = "") -> Protection | None:
        if is_shown(status):
            self.unseen.discard(order_id or self.order_id)
        elif status.is_open:
            return None
        if self.state is not Protection.SENT or self.unseen:
            return None
        self.armed_ms = time_ms
        return Protection.ARMED

    def _lose(self, status: OrderStatus, time_ms: int, reason: str) -> None:
        self.reason = reason or f"it was {status.value.lower()}"
        if status is OrderStatus.VOID:
            self.pause = 1  # it never left us: nobody refused it
            return
        if self.armed_ms and time_ms - self.armed_ms > STEADY_MS:
            self.refusals = 0
        self.armed_ms = 0
        self.pause = self.refusals
        self.refusals += 1


def is_shown(status: OrderStatus) -> bool:
    """Say whether the exchange has shown an order."""
    return status in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}


class Stop(msgspec.Struct, frozen=True):
    """The stop order that fits what is held."""

    side: Side
    type: OrderType
    quantity: Quantity
    stop_price: Price
    price: Price | None = None
    """The limit, where the symbol offers no stop at the market."""


def is_leg(order: Order) -> bool:
    """Say whether an order is ours to guard what is held: a stop, or the take profit beside one.

    Nothing else of ours has a trigger, or is an exit that may only be a maker.
    """
    return order.stop_price is not None or is_take(order)


def is_take(order: Order) -> bool:
    """Say whether an order is a take profit beside a stop."""
    return order.type in _TAKES and order.purpose is Purpose.EXIT


_TAKES = {OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT}


class Unprotectable(Exception):
    """No stop can rest for what is held; the text says why."""


def stop_for(instrument: Instrument, held: Decimal, trigger: Decimal, reference: Decimal) -> Stop:
    """Fit a stop for `held` (below zero: short) to the instrument's filters. Raises Unprotectable."""
    side = Side.SELL if held > 0 else Side.BUY
    is_contract = instrument.market is Market.FUTURES
    is_market = (FUTURES_STOP if is_contract else OrderType.STOP_LOSS) in instrument.order_types
    if not is_market and (is_contract or OrderType.STOP_LOSS_LIMIT not in instrument.order_types):
        raise Unprotectable(f"{instrument.symbol} takes no stop orders")
    stop_price = instrument.fit_price(trigger, side)
    price: Price | None = None
    if not is_market:
        beyond = EXACT.subtract(Decimal(1), LIMIT_OFFSET if side is Side.SELL else -LIMIT_OFFSET)
        price = instrument.fit_price(times(stop_price, beyond), side)
    size = held.copy_abs()
    quantity = instrument.fit_quantity(size, is_market=is_market)
    if quantity is None:
        raise Unprotectable(f"{plain(size)} is below the smallest lot")
    if instrument.fit_quantity(EXACT.subtract(size, quantity), is_market=is_market) is not None:
        raise Unprotectable(f"{plain(size)} is more than one stop may sell")
    if broken := instrument.explain(side, quantity, price, reference, stop_price=stop_price, only_reduces=is_contract):
        raise Unprotectable(f"a stop for {plain(quantity)} at {plain(stop_price)} would be refused: {broken}")
    return Stop(side, OrderType.STOP_LOSS if is_market else OrderType.STOP_LOSS_LIMIT, quantity, stop_price, price)


def take_for(instrument: Instrument, stop: Stop, wanted: Decimal, reference: Decimal) -> Price | None:
    """Fit the price of a take profit that can rest beside a stop, as one list on spot; None when none can."""
    is_contract = instrument.market is Market.FUTURES
    if FUTURES_TAKE not in instrument.order_types if is_contract else not _takes_pairs(instrument):
        return None
    price = instrument.fit_price(wanted, stop.side)
    if price <= reference if stop.side is Side.SELL else price >= reference:
        return None  # it would trade at once, which the exchange refuses to a maker, and to what waits for a price
    if is_contract:
        return None if instrument.price.broken_by(price) else price
    return None if instrument.explain(stop.side, stop.quantity, price, reference) else price


def _takes_pairs(instrument: Instrument) -> bool:
    return instrument.oco_allowed and OrderType.LIMIT_MAKER in instrument.order_types
