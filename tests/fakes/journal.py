"""A journal in memory: a list of what was recorded, folded anew at each recovery."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from bot.domain.errors import BotError, Unavailable
from bot.domain.ledger import Ledger, Posting
from bot.domain.messages import (
    AccountMarked,
    EquityMarked,
    Event,
    FillBooked,
    FundsPosted,
    OrderChanged,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.order import Fill, OrderStatus, may_move
from bot.ports import OpenOrder, Recovered, StrategyState


class MemoryJournal:
    """Remembers until the test ends. `is_away` True makes it unavailable."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.outcomes: list[Outcome] = []
        self.is_away = False
        self._fold = _Fold()

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        """Remember what came out of an event, all of it or nothing."""
        if self.is_away:
            raise Unavailable("the journal is away")
        fold = _Fold()
        for each in (*self.outcomes, *outcomes):
            fold.take(each)
        self.events.append(event)
        self.outcomes += outcomes
        self._fold = fold

    async def recover(self) -> Recovered:
        """Give the state to go on from."""
        if self.is_away:
            raise Unavailable("the journal is away")
        return self._fold.state()

    async def close(self) -> None:
        """Nothing to let go of."""


class _Fold:
    def __init__(self) -> None:
        self.orders: dict[str, OpenOrder] = {}
        self.fills: dict[tuple[str, str, int], Fill] = {}
        self.loose: defaultdict[int, list[tuple[Fill, Decimal]]] = defaultdict(list)
        self.trips: dict[tuple[str, int], TradeClosed] = {}
        self.peaks: dict[int, float] = {}
        self.marks: defaultdict[int, dict[int, EquityMarked]] = defaultdict(dict)
        self.accounts: dict[str, AccountMarked] = {}
        self.stopped: dict[int, str] = {}
        self.ledger: list[Posting] = []

    def take(self, outcome: Outcome) -> None:
        match outcome:
            case PlaceOrder(order):
                known = self.orders.get(order.client_order_id)
                if known and (known.order != order or known.status is not OrderStatus.SENT):
                    raise BotError(f"client order id {order.client_order_id} was used before")
                if not known:
                    self.orders[order.client_order_id] = OpenOrder(order, OrderStatus.SENT, Decimal(0), Decimal(0), 0)
            case OrderChanged():
                self._change(outcome)
            case FillBooked():
                self._book(outcome)
            case FundsPosted(postings):
                self.ledger += [each for each in postings if each not in self.ledger]
            case TradeClosed():
                self._close(outcome)
            case EquityMarked():
                self.peaks[outcome.strategy_id] = max(
                    self.peaks.get(outcome.strategy_id, outcome.equity), outcome.equity
                )
                self.marks[outcome.strategy_id][outcome.time_ms] = outcome
            case AccountMarked():
                self.accounts[outcome.quote] = outcome
            case StrategyStopped():
                self.stopped[outcome.strategy_id] = outcome.reason
            case _:
                pass

    def state(self) -> Recovered:
        """Give what all of it comes to."""
        ledger = Ledger(self.ledger)
        names = {(each.ledger, each.asset) for each in self.ledger}
        ids = {each.order.strategy_id for each in self.orders.values()} | {*self.peaks, *self.stopped}
        return Recovered(
            balances={name: amount for name in names if (amount := ledger.balance(*name))},
            open_orders=tuple(each for each in self.orders.values() if each.status.is_open),
            strategies={each: self._strategy(each) for each in ids},
            fill_keys=frozenset(self.fills),
            accounts=tuple(self.accounts[quote] for quote in sorted(self.accounts)),
        )

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
        self.loose[fact.strategy_id].append((fill, fact.fee_in_quote))
        self.ledger += fact.postings
        ours = [each for each in self.fills.values() if each.client_order_id == fill.client_order_id]
        now = self.orders[fill.client_order_id]
        self.orders[fill.client_order_id] = msgspec.structs.replace(
            now,
            filled=max(now.filled, sum((each.quantity for each in ours), Decimal(0))),
            quote_filled=max(now.quote_filled, sum((each.quantity * each.price for each in ours), Decimal(0))),
            exchange_order_id=fill.exchange_order_id or now.exchange_order_id,
        )

    def _close(self, fact: TradeClosed) -> None:
        key = (fact.client_order_id, fact.opened_ms)
        if key not in self.trips:
            self.trips[key] = fact
            self.loose[fact.strategy_id] = [
                each for each in self.loose[fact.strategy_id] if each[0].symbol != fact.symbol
            ]

    def _strategy(self, strategy_id: int) -> StrategyState:
        trips = [each for each in self.trips.values() if each.strategy_id == strategy_id]
        marks = self.marks[strategy_id]
        newest = marks[max(marks)] if marks else None
        midnight = newest.time_ms // 86_400_000 * 86_400_000 if newest else 0
        return StrategyState(
            strategy_id=strategy_id,
            fills=tuple(fill for fill, _ in self.loose[strategy_id]),
            fees=tuple(fee for _, fee in self.loose[strategy_id]),
            realised=sum((each.pnl for each in trips), Decimal(0)),
            closed_ms=trips[-1].closed_ms if trips else 0,
            peak_equity=self.peaks.get(strategy_id),
            capital=newest.equity - newest.realised - newest.unrealised if newest else None,
            marked_ms=newest.time_ms if newest else 0,
            day_equity=marks[min(each for each in marks if each >= midnight)].equity if newest else None,
            stopped=self.stopped.get(strategy_id, ""),
            sequence=sum(each.order.strategy_id == strategy_id for each in self.orders.values()),
        )
