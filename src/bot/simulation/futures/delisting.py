"""Delisting: a contract is settled. Orders go, and the exchange closes every position at one price, for nothing."""

from decimal import Decimal

from bot.simulation.futures.deleveraging import forced_order
from bot.simulation.futures.matching import enter, finish, hand_over
from bot.simulation.futures.state import State
from bot.simulation.futures.words import SETTLEMENT_PREFIX, OrderState, TradeSource


def settle_contract(state: State, symbol: str, price: Decimal) -> None:
    """Close all that anybody holds of a symbol at a price."""
    for account in list(state.accounts.values()):
        slot = account.slots.get(symbol)
        if slot is None:
            continue
        for order in list(slot.orders.values()):
            finish(state, order, OrderState.EXPIRED, is_resting=bool(order.place))
        for position in list(slot.held):
            quantity = abs(position.quantity)
            name = f"{SETTLEMENT_PREFIX}{state.next_order_id}"
            order = forced_order(state, account, position, price, quantity, name)
            enter(state, order)
            hand_over(state, order, price, quantity, TradeSource.SETTLEMENT)
