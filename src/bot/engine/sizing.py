"""Sizing: turns a strategy's wish into an order that fits the instrument, or says why none fits."""

from decimal import Decimal

from bot.domain.money import EXACT, Price, Quantity, exact
from bot.domain.order import OrderType, Purpose, Side, TimeInForce
from bot.engine.slot import Slot
from bot.strategies.base import Wish


class Misfit(Exception):
    """No order fits the wish; the text says why."""


class Sized:
    """The parts of an order that sizing decides."""

    __slots__ = ("price", "quantity", "time_in_force", "type", "worth")

    def __init__(self, quantity: Quantity, price: Price | None, reference: Decimal) -> None:
        self.quantity = quantity
        self.price = price
        self.type = OrderType.MARKET if price is None else OrderType.LIMIT
        self.time_in_force = None if price is None else TimeInForce.GTC
        self.worth = EXACT.multiply(quantity, reference if price is None else price)


def size(wish: Wish, slot: Slot) -> Sized:
    """Fit a wish to the instrument's tick and step. Raises Misfit."""
    instrument = slot.instrument
    reference = exact(slot.last_price)
    price = None if wish.price is None else instrument.fit_price(_number(wish.price, "price"), wish.side)
    wanted = _entry(wish, slot, price or reference) if wish.purpose is Purpose.ENTRY else _exit(wish, slot)
    quantity = instrument.fit_quantity(wanted, is_market=price is None)
    if quantity is None:
        raise Misfit(f"quantity {wanted.normalize():f} is below the smallest lot of {slot.instrument.symbol}")
    return Sized(quantity, price, reference)


def _entry(wish: Wish, slot: Slot, price: Decimal) -> Decimal:
    if wish.side is Side.SELL and slot.position.market == "spot":
        raise Misfit("a short entry is not possible on spot")
    if wish.quantity is not None:
        return _number(wish.quantity, "quantity")
    return EXACT.divide(exact(slot.config.order_value), price)


def _exit(wish: Wish, slot: Slot) -> Decimal:
    held = slot.position.quantity
    if not held or (held > 0) == (wish.side is Side.BUY):
        raise Misfit("there is nothing to exit")
    free = abs(held) - slot.exiting()  # (the stop on the exchange makes way)
    if free <= 0:
        raise Misfit("an earlier exit is still at work")
    return free if wish.quantity is None else min(free, _number(wish.quantity, "quantity"))


def _number(value: float | Decimal, name: str) -> Decimal:
    try:
        number = value if isinstance(value, Decimal) else exact(value)
    except (ValueError, TypeError):
        raise Misfit(f"{name} {value!r} is not a number") from None
    if not number.is_finite() or number <= 0:
        raise Misfit(f"{name} {value!r} is not above zero")
    return number
