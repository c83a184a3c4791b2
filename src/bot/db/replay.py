"""Replay: folds the facts of an account, from the first one on, into the state to go on from.

The tables fold the same facts as they are written; the two have to agree to the last digit (`bot replay`).
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from bot.domain.errors import BotError
from bot.domain.ledger import Ledger, strategy_ledger
from bot.domain.market import Market
from bot.domain.messages import (
    AccountMarked,
    Attempt,
    EquityMarked,
    FillBooked,
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
from bot.domain.money import EXACT, ZERO, plain, times
from bot.domain.order import Fill, Order, OrderStatus, may_move
from bot.domain.position import LATELY
from bot.ports import OpenOrder, Recovered, StrategyState

DAY_MS = 86_400_000


class UsedBefore(BotError):
    """A client order id that stands for another order already: sending this one could make two of one decision."""


class Replay:
    """Takes facts one after the other; each is safe to take twice."""

    def __init__(self, facts: Iterable[Outcome] = ()) -> None:
        self.ledger = Ledger()
        self.orders: dict[str, OpenOrder] = {}
        """Every order there ever was, as it stands."""
        self.fills: dict[tuple[str, str, int], Fill] = {}
        self.trips: dict[tuple[str, int], TradeClosed] = {}
        self._sums: dict[str, tuple[Decimal, Decimal]] = {}
        """Quantity and quote of the fills of each order."""
        self._names: set[tuple[str, str]] = set()
        self._sources: set[tuple[str, str, str, int, Decimal]] = set()
        self._loose: defaultdict[int, list[tuple[Fill, Decimal]]] = defaultdict(list)
        self._lately: defaultdict[int, deque[tuple[int, Decimal]]] = defaultdict(lambda: deque(maxlen=LATELY))
        self._placed: defaultdict[int, list[Order]] = defaultdict(list)
        self._income: dict[tuple[str, int], int] = {}
        """What the exchange took or gave by itself: when it was, by kind and id."""
        self._charges: dict[str, Decimal] = {}
        """What that took of each sub-ledger's open round trip."""
        self._realised: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
        self._closed_ms: dict[int, int] = {}
        self._peaks: dict[int, float] = {}
        self._marks: defaultdict[int, dict[int, EquityMarked]] = defaultdict(dict)
        self._accounts: dict[str, AccountMarked] = {}
        self._stopped: dict[int, str] = {}
        self._protection: dict[int, ProtectionMoved] = {}
        for each in facts:
            self.take(each)

    def check(self, outcomes: Iterable[Outcome]) -> None:
        """Raise UsedBefore when one of them would reuse an order's id for something else."""
        for each in outcomes:
            if isinstance(each, PlaceOrder):
                known = self.orders.get(each.order.client_order_id)
                if known and (known.order != each.order or known.status is not OrderStatus.SENT):
                    raise UsedBefore(
                        f"client order id {each.order.client_order_id} was used before; the order was not sent"
                    )

    def take(self, fact: Outcome) -> None:
        """Fold one fact in."""
        match fact:
            case PlaceOrder(order) | OrderFound(order):
                self._place(order)
            case Attempt():
                known = self.orders[fact.client_order_id]
                self.orders[fact.client_order_id] = msgspec.structs.replace(known, attempt=fact)
            case IncomeBooked():
                self._earn(fact)
            case OrderChanged():
                self._change(fact)
            case FillBooked():
                self._book(fact)
            case FundsPosted():
                self._fund(fact)
            case TradeClosed():
                self._close(fact)
            case EquityMarked():
                known_peak = self._peaks.get(fact.strategy_id, fact.equity)
                self._peaks[fact.strategy_id] = max(known_peak, fact.equity)
                self._marks[fact.strategy_id][fact.time_ms] = fact
            case AccountMarked():
                self._accounts[fact.quote] = fact
            case StrategyStopped():
                self._stopped[fact.strategy_id] = fact.reason
            case ProtectionMoved():
                self._protection[fact.strategy_id] = fact
            case _:
                pass

    def state(self) -> Recovered:
        """Give what all of it comes to."""
        ids = {*self._placed, *self._peaks, *self._stopped}
        return Recovered(
            balances={name: amount for name in sorted(self._names) if (amount := self.ledger.balance(*name))},
            open_orders=tuple(each for each in self.orders.values() if each.status.is_open),
            strategies={each: self._strategy(each) for each in sorted(ids)},
            fill_keys=frozenset(self.fills),
            accounts=tuple(self._accounts[quote] for quote in sorted(self._accounts)),
            income=frozenset(self._income),
            income_ms={
                kind: max(ms for (each, _), ms in self._income.items() if each == kind)
                for kind in sorted({kind for kind, _ in self._income})
            },
        )

    def _place(self, order: Order) -> None:
        if order.client_order_id not in self.orders:
            self.orders[order.client_order_id] = OpenOrder(order, OrderStatus.SENT, ZERO, ZERO, 0)
            self._placed[order.strategy_id].append(order)

    def _change(self, fact: OrderChanged) -> None:
        now = self.orders[fact.client_order_id]
        self.orders[fact.client_order_id] = msgspec.structs.replace(
            now,
            status=fact.status if may_move(now.status, fact.status) else now.status,
            filled=max(now.filled, fact.filled),
            quote_filled=max(now.quote_filled, fact.quote_filled),
            exchange_order_id=fact.exchange_order_id or now.exchange_order_id,
        )

    def _book(self, fact: FillBooked) -> None:
        fill = fact.fill
        if fill.key in self.fills:
            return
        self.fills[fill.key] = fill
        self._loose[fact.strategy_id].append((fill, fact.fee_in_quote))
        if fill.market is Market.FUTURES:
            self._lately[fact.strategy_id].append((fill.trade_id, fill.signed))
        self.ledger.post(fact.postings)
        self._names.update((each.ledger, each.asset) for each in fact.postings)
        now = self.orders[fill.client_order_id]
        # What an order's change told may be ahead of its fills, never behind them.
        filled, quote = self._sums.get(fill.client_order_id, (ZERO, ZERO))
        filled = EXACT.add(filled, fill.quantity)
        quote = EXACT.add(quote, times(fill.quantity, fill.price))
        self._sums[fill.client_order_id] = (filled, quote)
        self.orders[fill.client_order_id] = msgspec.structs.replace(
            now,
            filled=max(now.filled, filled),
            quote_filled=max(now.quote_filled, quote),
            exchange_order_id=fill.exchange_order_id or now.exchange_order_id,
        )

    def _fund(self, fact: FundsPosted) -> None:
        new = [
            each
            for each in fact.postings
            if (each.ledger, each.asset, each.source, each.time_ms, each.amount) not in self._sources
        ]
        self._sources.update((each.ledger, each.asset, each.source, each.time_ms, each.amount) for each in new)
        self._names.update((each.ledger, each.asset) for each in new)
        self.ledger.post(new)

    def _earn(self, fact: IncomeBooked) -> None:
        if fact.key in self._income:
            return
        self._income[fact.key] = fact.time_ms
        self._names.update((each.ledger, each.asset) for each in fact.postings)
        self.ledger.post(fact.postings)
        for each in fact.postings:
            self._charges[each.ledger] = EXACT.subtract(self._charges.get(each.ledger, ZERO), each.amount)

    def _close(self, fact: TradeClosed) -> None:
        key = (fact.client_order_id, fact.opened_ms)
        if key in self.trips:
            return
        self.trips[key] = fact
        self._realised[fact.strategy_id] = EXACT.add(self._realised[fact.strategy_id], fact.pnl)
        self._closed_ms[fact.strategy_id] = fact.closed_ms
        self._charges.pop(strategy_ledger(fact.strategy_id), None)
        self._loose[fact.strategy_id] = [
            each
            for each in self._loose[fact.strategy_id]
            if (each[0].market, each[0].symbol) != (fact.market, fact.symbol)
        ]

    def _strategy(self, strategy_id: int) -> StrategyState:
        marks = self._marks[strategy_id]
        newest = marks[max(marks)] if marks else None
        midnight = newest.time_ms // DAY_MS * DAY_MS if newest else 0
        placed = self._placed[strategy_id]
        return StrategyState(
            strategy_id=strategy_id,
            fills=tuple(fill for fill, _ in self._loose[strategy_id]),
            fees=tuple(fee for _, fee in self._loose[strategy_id]),
            realised=self._realised[strategy_id],
            closed_ms=self._closed_ms.get(strategy_id, 0),
            peak_equity=self._peaks.get(strategy_id),
            capital=newest.equity - newest.realised - newest.unrealised if newest else None,
            marked_ms=newest.time_ms if newest else 0,
            day_equity=marks[min(each for each in marks if each >= midnight)].equity if newest else None,
            stopped=self._stopped.get(strategy_id, ""),
            sequence=len(placed),
            decided_ms=max((each.created_ms for each in placed if each.is_of_market), default=-1),
            protection=self._protection.get(strategy_id),
            lately=tuple(self._lately[strategy_id]),
            charges=self._charges.get(strategy_ledger(strategy_id), ZERO) if self._loose[strategy_id] else ZERO,
        )


def digest(state: Recovered) -> str:
    """Give the hash of what decides about money: equal for equal facts, on every machine and at every replay."""
    return digest_of(money_of(state))


def digest_of(money: dict[str, Any]) -> str:
    """Give the hash of what `money_of` gave."""
    return hashlib.sha256(msgspec.json.encode(money, order="sorted")).hexdigest()


def money_of(state: Recovered) -> dict[str, Any]:
    """Give what decides about money, as plain words and numbers."""
    return {
        "balances": {f"{ledger} {asset}": plain(amount) for (ledger, asset), amount in state.balances.items()},
        "orders": {each.order.client_order_id: _words(each) for each in state.open_orders},
        "strategies": {
            str(strategy_id): {
                "fills": [_words(fill) for fill in strategy.fills],
                "fees": [plain(fee) for fee in strategy.fees],
                "realised": plain(strategy.realised),
                "closed_ms": strategy.closed_ms,
                "sequence": strategy.sequence,
                "decided_ms": strategy.decided_ms,
                "charges": plain(strategy.charges),
            }
            for strategy_id, strategy in state.strategies.items()
            if strategy.sequence
        },
    }


def first_difference(ours: Any, theirs: Any, names: tuple[str, str], path: str = "") -> str:
    """Say where two states part first, in words; empty when they are equal."""
    if ours == theirs:
        return ""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            if found := first_difference(ours.get(key), theirs.get(key), names, f"{path} {key}".strip()):
                return found
    if isinstance(ours, list) and isinstance(theirs, list):
        for place in range(max(len(ours), len(theirs))):
            pair = [each[place] if place < len(each) else None for each in (ours, theirs)]
            if found := first_difference(pair[0], pair[1], names, f"{path} {place + 1}"):
                return found
    return f"{path}: {names[0]} say {_shown(ours)}, {names[1]} say {_shown(theirs)}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _words(record: msgspec.Struct) -> dict[str, Any]:
    """Give a record as plain words and numbers; amounts without trailing zeros.

    What a futures fill realised is left out: it is in the ledger, and the tables keep it nowhere else.
    """
    values: dict[str, Any] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, Decimal):
            value = plain(value)
        elif isinstance(value, msgspec.Struct):
            value = _words(value)
        if name != "realised":
            values[name] = value
    return values
