"""Protection: the stop that rests on the exchange for what a strategy holds, so that it works while we do not.

Its states with the one table of moves between them, and the order that it is. It counts as armed only once the exchange
has shown it; whoever ends it but we ourselves has lost it, and it is placed again.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.messages import ProtectionMoved
from bot.domain.money import EXACT, Price, Quantity, plain, times
from bot.domain.order import OrderStatus, OrderType, Side

LIMIT_OFFSET = Decimal("0.01")
"""How far behind its trigger the limit of a stop-limit stands, as a fraction: it has to find takers in a fall."""
REFUSALS_MAX = 3
"""Losses in a row after which the policy decides."""
STEADY_MS = 60_000
"""A stop that stood this long is no part of a row of losses."""
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


class Guard:
    """Where the protection of one position stands."""

    __slots__ = ("armed_ms", "is_told", "order_id", "pause", "reason", "refusals", "seen_ms", "state")

    def __init__(self) -> None:
        self.state = Protection.NONE
        self.order_id = ""
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
        return self.state in {Protection.WANTED, Protection.LOST, Protection.LEAVING, Protection.BARE}

    def move(self, then: Protection) -> None:
        """Move on. AssertionError for a move that is not in the table."""
        assert then in MOVES[self.state], f"protection cannot go from {self.state} to {then}"
        self.state = then
        if then is Protection.NONE:
            self.refusals = self.pause = self.armed_ms = 0
            self.order_id = ""

    def recall(self, told: ProtectionMoved) -> None:
        """Go on with the row of losses, and the time that it stood, where the record left them."""
        self.refusals, self.armed_ms, self.reason = told.losses, told.armed_ms, told.reason
        self.seen_ms = max(self.seen_ms, told.time_ms)

    def adopt(self, order_id: str, status: OrderStatus) -> None:
        """Go on with a stop that was open when the state was left."""
        self.order_id = order_id
        self.state = Protection.ARMED if is_shown(status) else Protection.SENT
        self.is_told = False

    def follow(self, status: OrderStatus, time_ms: int, reason: str) -> Protection | None:
        """Give what its order's new status makes of it, None when nothing."""
        if status.is_open:
            if self.state is Protection.SENT and is_shown(status):
                self.armed_ms = time_ms
                return Protection.ARMED
            return None
        if status is OrderStatus.FILLED:
            return Protection.NONE
        if self.state is Protection.LEAVING:
            self.pause = 0
            return Protection.WANTED
        self._lose(status, time_ms, reason)
        return Protection.LOST

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


class Unprotectable(Exception):
    """No stop can rest for what is held; the text says why."""


def stop_for(instrument: Instrument, held: Decimal, trigger: Decimal, reference: Decimal) -> Stop:
    """Fit a stop for `held` (below zero: short) to the instrument's filters. Raises Unprotectable."""
    side = Side.SELL if held > 0 else Side.BUY
    is_market = OrderType.STOP_LOSS in instrument.order_types
    if not is_market and OrderType.STOP_LOSS_LIMIT not in instrument.order_types:
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
    if broken := instrument.explain(side, quantity, price, reference, stop_price=stop_price):
        raise Unprotectable(f"a stop for {plain(quantity)} at {plain(stop_price)} would be refused: {broken}")
    return Stop(side, OrderType.STOP_LOSS if is_market else OrderType.STOP_LOSS_LIMIT, quantity, stop_price, price)
