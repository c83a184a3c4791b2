"""The stream of facts: everything that decides about money, in order, each under its natural key, never changed.

Orders, positions and the ledger are folds of it (`bot.db.replay`). Marks of equity and decisions are opinions, and kept
in tables of their own.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

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
    Outcome,
    PlaceOrder,
    ProtectionMoved,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.money import plain

MoneyFact = (
    PlaceOrder
    | Attempt
    | CancelOrder
    | OrderChanged
    | FillBooked
    | FundsPosted
    | IncomeBooked
    | OrderFound
    | TradeClosed
    | StrategyStopped
    | AccountMoved
    | ProtectionMoved
    | ForeignSeen
)
_KINDS: dict[str, type[MoneyFact]] = {
    "intent": PlaceOrder,
    "attempt": Attempt,
    "cancel": CancelOrder,
    "order": OrderChanged,
    "fill": FillBooked,
    "funds": FundsPosted,
    "income": IncomeBooked,
    "found": OrderFound,
    "trip": TradeClosed,
    "stop": StrategyStopped,
    "state": AccountMoved,
    "protection": ProtectionMoved,
    "foreign": ForeignSeen,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_DECODERS: dict[str, Callable[[str | bytes], MoneyFact]] = {
    name: msgspec.json.Decoder(kind).decode for name, kind in _KINDS.items()
}
_encode = msgspec.json.Encoder().encode


def money_facts(outcomes: Iterable[Outcome]) -> list[MoneyFact]:
    """Give those that belong to the stream, in order."""
    return [cast(MoneyFact, each) for each in outcomes if type(each) in _NAMES]


def kind_of(fact: MoneyFact) -> str:
    """Name the kind of a fact, in one word."""
    return _NAMES[type(fact)]


def key_of(fact: MoneyFact) -> str:
    """Give what makes a fact that fact: written twice it is one."""
    match fact:
        case PlaceOrder(order) | OrderFound(order):
            return f"{kind_of(fact)}:{order.client_order_id}"
        case Attempt():
            return f"attempt:{fact.client_order_id}:{fact.signed_ms}"
        case CancelOrder():
            return f"cancel:{fact.client_order_id}"
        case OrderChanged():
            return f"order:{fact.client_order_id}:{fact.status}:{plain(fact.filled)}"
        case FillBooked(fill=fill):
            return f"fill:{fill.market}:{fill.symbol}:{fill.trade_id}"
        case FundsPosted(postings):
            return f"funds:{postings[0].source}"
        case IncomeBooked():
            return f"income:{fact.kind}:{fact.transaction_id}"
        case TradeClosed():
            return f"trip:{fact.client_order_id}:{fact.opened_ms}"
        case StrategyStopped():
            return f"stop:{fact.strategy_id}:{fact.time_ms}:{fact.reason}"
        case AccountMoved():
            return f"state:{fact.time_ms}:{fact.state}:{fact.reason}"
        case ProtectionMoved():
            return f"protection:{fact.strategy_id}:{fact.time_ms}:{fact.client_order_id}:{fact.state}"
        case ForeignSeen():
            place = f"{fact.market}:{fact.symbol}:{fact.exchange_order_id}"
            return f"foreign:{place}:{plain(fact.filled)}:{'open' if fact.is_open else 'over'}"


def body_of(fact: MoneyFact) -> str:
    """Write a fact as JSON; money as texts."""
    return _encode(fact).decode()


def read(kind: str, body: str | bytes) -> MoneyFact:
    """Read a fact back. ValueError for a kind that does not exist, or a body that is none."""
    decode: Callable[[str | bytes], Any] | None = _DECODERS.get(kind)
    if decode is None:
        raise ValueError(f"the journal has a fact of an unknown kind: {kind}")
    fact: MoneyFact = decode(body)
    return fact
