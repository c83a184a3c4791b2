"""Foresight: says before an entry goes out why its stop could not rest on the exchange, or could do nothing there."""

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.market import Market
from bot.domain.money import EXACT, ZERO, exact, times
from bot.domain.order import Order, Purpose, Side
from bot.engine.protection import Unprotectable, stop_for
from bot.engine.slot import Slot

CONDITIONAL_MAX = 200
"""Orders that may wait for a price on one futures account, all symbols together."""


def objection(slots: Iterable[Slot], slot: Slot, entry: Order) -> str | None:
    """Say why the stop of an entry could not rest or could not do its work, or None. `slots` are the account's."""
    is_contract = slot.stream.market is Market.FUTURES
    if slot.guard is None and not is_contract:
        return None
    others = [each for each in slots if each is not slot and each.stream.market is slot.stream.market]
    neighbours = [each for each in others if each.config.symbol == slot.config.symbol]
    if is_contract and (why := _crossed(neighbours, slot, entry.side)):
        return why
    if slot.guard is None:
        return None
    rivals = sum(_may_have_stop(each) for each in neighbours)
    if 0 < slot.instrument.max_algo_orders <= rivals:
        return f"its stop could not rest: {rivals} of {slot.config.symbol} do already: MAX_NUM_ALGO_ORDERS"
    waiting = sum(_legs(each) for each in others if _may_have_stop(each))
    if is_contract and waiting + _legs(slot) > CONDITIONAL_MAX:
        return f"its stop could not rest: {waiting} orders may wait for a price already, {CONDITIONAL_MAX} are allowed"
    price = exact(slot.last_price) if entry.price is None else entry.price
    # On spot the fee may be taken out of what is bought.
    fee = ZERO if is_contract else exact(slot.config.fee_pct)
    added = times(entry.quantity, EXACT.subtract(Decimal(1), fee))
    held = slot.position.quantity.copy_abs()
    total = EXACT.add(held, added)
    cost = EXACT.divide(EXACT.add(times(held, slot.position.cost), times(added, price)), total)
    is_long = entry.side is Side.BUY
    try:
        stop_for(
            slot.instrument,
            total if is_long else total.copy_negate(),
            trigger_of(slot, cost, is_long=is_long),
            exact(slot.last_price),
        )
    except Unprotectable as why:
        return f"its stop could not rest: {why}"
    return None


def trigger_of(slot: Slot, cost: Decimal, *, is_long: bool) -> Decimal:
    """Give the price at which a position that cost so much has lost as much as it may."""
    loss = exact(slot.config.stop_loss or 0.0)
    return times(cost, EXACT.subtract(Decimal(1), loss) if is_long else EXACT.add(Decimal(1), loss))


def _crossed(neighbours: Iterable[Slot], slot: Slot, side: Side) -> str:
    """Say why an entry would keep a stop from its work: it reduces what the account holds, and that would be nothing.

    So it is when two strategies go opposite ways in one contract and the stop of either is on the exchange.
    """
    for each in neighbours:
        if each.guard is None and slot.guard is None:
            continue
        entries = {live.order.side for live in each.live.values() if live.order.purpose is Purpose.ENTRY}
        held = each.position.quantity
        if side.opposite in entries or (held and (held > 0) is (side is Side.SELL)):
            whose = "its stop" if slot.guard is not None else f"the stop of strategy {each.id}"
            return f"{whose} could not work: strategy {each.id} goes the other way in {slot.config.symbol}"
    return ""


def _legs(slot: Slot) -> int:
    """Give how many orders guard a position of a strategy."""
    return 1 if slot.config.take_profit is None else 2


def _may_have_stop(slot: Slot) -> bool:
    """Say whether a strategy has a stop on the exchange, or will want one as soon as its entry is filled."""
    return slot.guard is not None and (not slot.position.is_flat or bool(slot.live))
