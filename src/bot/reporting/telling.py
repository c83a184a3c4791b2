"""Facts in words: one plain sentence each, amounts without exponents, times left to whoever shows them."""

from typing import assert_never

from bot.db.facts import MoneyFact
from bot.domain.messages import (
    AccountMoved,
    Attempt,
    CancelOrder,
    FillBooked,
    ForeignSeen,
    FundsPosted,
    IncomeBooked,
    OrderChanged,
    OrderFound,
    PlaceOrder,
    ProtectionMoved,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.money import plain
from bot.domain.order import Order, OrderStatus

_STANDS = {
    OrderStatus.SENT: "it is on its way",
    OrderStatus.UNKNOWN: "nobody knows whether the exchange has it; it is asked about, and never sent again",
    OrderStatus.NEW: "the exchange has it",
    OrderStatus.PARTIALLY_FILLED: "a part of it is filled",
    OrderStatus.FILLED: "all of it is filled",
    OrderStatus.CANCELED: "it was cancelled",
    OrderStatus.EXPIRED: "the exchange ended it",
    OrderStatus.EXPIRED_IN_MATCH: "the exchange ended it: it would have met an order of the same owner",
    OrderStatus.REJECTED: "it was refused",
    OrderStatus.VOID: "it never reached the exchange",
}


def says(fact: MoneyFact) -> str:
    """Tell a fact in one sentence."""
    match fact:
        case PlaceOrder(order, reserved):
            why = f" ({order.reason})" if order.reason else ""
            return f"intent written: {order_words(order)}{why}; {plain(reserved)} set aside for the worst case"
        case Attempt():
            lease = f" under lease {fact.epoch}" if fact.epoch else ""
            window = f", good for {fact.recv_window_ms / 1000:g} s" if fact.recv_window_ms else ""
            request = f", request {fact.digest}" if fact.digest else ""
            return f"attempt written{lease}: signed for this moment{window}{request}"
        case CancelOrder():
            return "a cancel was decided on"
        case OrderChanged():
            return _change(fact)
        case FillBooked():
            return _fill(fact)
        case FundsPosted(postings):
            return f"money posted: {', '.join(f'{each.ledger} {plain(each.amount)} {each.asset}' for each in postings)}"
        case IncomeBooked() | OrderFound():
            return _own_act(fact)
        case TradeClosed():
            why = f" ({fact.reason})" if fact.reason else ""
            prices = f"{plain(fact.quantity)} from {plain(fact.entry_price)} to {plain(fact.exit_price)}"
            pnl = f"P&L {plain(fact.pnl)}: {plain(fact.gross)} gross less {plain(fact.fees)} fees"
            return f"round trip ended{why}: {prices}, {pnl}"
        case StrategyStopped() | AccountMoved():
            return _stand(fact)
        case ProtectionMoved():
            at = f" at {plain(fact.stop_price)}" if fact.stop_price is not None else ""
            why = f": {fact.reason}" if fact.reason else ""
            return f"its stop on the exchange is {fact.state}, for {plain(fact.quantity)}{at}{why}"
        case ForeignSeen():
            stands = "open" if fact.is_open else "over"
            what = f"{fact.side} {plain(fact.quantity)} {fact.symbol}, {plain(fact.filled)} filled, {stands}"
            return f"an order that this bot did not send is {what}"
        case _:
            assert_never(fact)


def time_of(fact: MoneyFact) -> int:
    """Give when a fact happened, in ms UTC; 0 for one that has no time of its own."""
    match fact:
        case PlaceOrder(order) | OrderFound(order):
            return order.created_ms
        case Attempt():
            return fact.signed_ms
        case FillBooked(fill=fill):
            return fill.time_ms
        case FundsPosted(postings):
            return postings[0].time_ms if postings else 0
        case TradeClosed():
            return fact.closed_ms
        case CancelOrder():
            return 0
        case _:
            return fact.time_ms


def order_words(order: Order) -> str:
    """Tell what was ordered."""
    price = f" at {plain(order.price)}" if order.price is not None else ""
    stop = f", set off at {plain(order.stop_price)}" if order.stop_price is not None else ""
    kind = order.type.value.lower().replace("_", " ")
    return f"{order.side} {plain(order.quantity)} {order.symbol} {kind}{price}{stop}, {order.purpose.value}"


def _stand(fact: StrategyStopped | AccountMoved) -> str:
    if isinstance(fact, StrategyStopped):
        return f"the strategy was stopped: {fact.reason}"
    return f"the account is {fact.state.value}{f': {fact.reason}' if fact.reason else ''}"


def _own_act(fact: IncomeBooked | OrderFound) -> str:
    if isinstance(fact, OrderFound):
        return f"an order of the exchange's own: {order_words(fact.order)} ({fact.order.reason})"
    return f"the exchange moved {plain(fact.amount)} {fact.asset} by itself: {fact.kind.value} {fact.symbol}"


def _change(fact: OrderChanged) -> str:
    number = f", number {fact.exchange_order_id} there" if fact.exchange_order_id else ""
    filled = f", {plain(fact.filled)} filled" if fact.filled else ""
    why = f" ({fact.reason})" if fact.reason else ""
    return f"{fact.status.value}: {_STANDS.get(fact.status, 'it waits')}{number}{filled}{why}"


def _fill(fact: FillBooked) -> str:
    fill = fact.fill
    role = "maker" if fill.is_maker else "taker"
    lines = ", ".join(f"{each.ledger} {plain(each.amount)} {each.asset}" for each in fact.postings)
    worth = "" if fact.fee_in_quote == fill.fee else f" (worth {plain(fact.fee_in_quote)} then)"
    return (
        f"filled {plain(fill.quantity)} at {plain(fill.price)} as {role}, trade {fill.trade_id},"
        f" fee {plain(fill.fee)} {fill.fee_asset}{worth}; posted: {lines}"
    )
