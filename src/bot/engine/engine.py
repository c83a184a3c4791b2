"""The engine: one per account and money. One event in at `handle`, commands and facts out, nothing else.

It knows no clock and no exchange; the same events give the same outcomes in backtest, paper, rehearsal and live.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, assert_never

from bot.domain.instrument import Instrument
from bot.domain.ledger import EXTERNAL, OWNER, Ledger, Posting, move
from bot.domain.market import Candle, Market
from bot.domain.messages import (
    AccountMoved,
    CloseRequested,
    Event,
    ForeignSeen,
    FundsPosted,
    FundsSeen,
    IncomeSeen,
    OrderUpdate,
    Outcome,
    Pulse,
    StateChanged,
    StopRequested,
    StrategyStopped,
    Tick,
)
from bot.domain.money import EXACT, ZERO, plain
from bot.domain.order import FORCED_PREFIXES, Fill, OrderStatus, Purpose, may_move
from bot.engine.account import Account
from bot.engine.booking import Probe, book, changed, settle, settle_remnant
from bot.engine.callbacks import Fault, Stopwatch, drive, fault_of, overrun, run
from bot.engine.exits import closing_exit, own_exit
from bot.engine.ids import strategy_of
from bot.engine.memory import OrderMemory
from bot.engine.ordering import Ordering
from bot.engine.protection import is_leg, is_take
from bot.engine.routes import Routes
from bot.engine.rulebook import RULES_BROKEN
from bot.engine.slot import LiveOrder, Slot
from bot.engine.unasked import Unasked
from bot.risk.rules import Limits
from bot.strategies.base import CancelWish, Strategy
from bot.strategies.config import StrategyConfig

NOTHING: tuple[Outcome, ...] = ()


class Engine:
    """Decides for all strategies of one account."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        epoch: int = 0,
        stopwatch: Stopwatch | None = None,
        tick_deadline_s: float = 1.0,
        probe: Probe | None = None,
        is_live: bool = False,
    ) -> None:
        self.epoch = epoch
        """The lease under which orders go out; part of their ids."""
        self.ledger = Ledger()
        self.slots: dict[int, Slot] = {}
        self.account = Account(limits or Limits(), self.ledger, self.slots)
        self._routes = Routes()
        self._orders = OrderMemory()
        self._ordering = Ordering(self.account, epoch, self._orders, self._stop, probe)
        self._guarding = self._ordering.guarding
        self._unasked = Unasked(self.slots, self.ledger, self._orders, self._routes, self._stop)
        self._suspected: dict[str, Decimal] = {}
        """Money that the last look at the account found too much or too little, while nothing was booked since."""
        self._stopwatch = stopwatch
        self._probe = probe
        self._is_live = is_live
        self._deadline_s = tick_deadline_s

    # Setting up.

    def add(self, strategy_id: int, strategy: type[Strategy], config: StrategyConfig, instrument: Instrument) -> Slot:
        """Give a strategy its slot. Raises Fault when its own `on_start` fails."""
        slot = Slot(strategy_id, strategy, config, instrument)
        run(slot.strategy.on_start)
        self.slots[strategy_id] = slot
        self._routes.add(slot)
        return slot

    def warm_up(self, strategy_id: int, candles: Sequence[Candle]) -> None:
        """Feed history to a strategy's indicators; it decides nothing by it."""
        slot = self.slots[strategy_id]
        for candle in candles:
            if candle.open_time > slot.last_open:
                slot.last_open = candle.open_time
                slot.last_price = candle.close
                slot.candles += 1
                for indicator in slot.strategy.indicators:
                    indicator.update(candle)

    def restore_balances(self, balances: Mapping[tuple[str, str], Decimal]) -> None:
        """Start the ledger from balances by (sub-ledger, asset)."""
        self.ledger.open(balances)

    def restore_order(self, live: LiveOrder) -> None:
        """Put back an order that was open when the state was left."""
        slot = self.slots[live.order.strategy_id]
        slot.live[live.order.client_order_id] = live
        self._orders.begin(live.order.client_order_id, slot)
        if slot.guard is not None and is_leg(live.order):
            slot.guard.adopt(live.order.client_order_id, live.status, is_take=is_take(live.order))

    @property
    def wants_pulses(self) -> bool:
        """True while something waits that only time brings on."""
        return any(
            (slot.guard is not None and slot.guard.is_waiting) or closing_exit(slot) for slot in self.slots.values()
        )

    @property
    def suspects_money(self) -> bool:
        """True while the last look at the account found money that nothing explains, and no second one has agreed."""
        return bool(self._suspected)

    def restore_fill_keys(self, keys: frozenset[tuple[str, str, int]]) -> None:
        """Remember which fills were booked already."""
        self._orders.restore(keys)

    def restore_income(self, keys: frozenset[tuple[str, int]]) -> None:
        """Remember what the exchange took or gave by itself and was booked already, by kind and id."""
        self._unasked.restore(keys)

    def newest_trades(self) -> dict[tuple[Market, str], int]:
        """Give the newest booked trade of each symbol that is traded here, 0 where none is."""
        places = {(slot.stream.market, slot.stream.symbol) for slot in self.slots.values()}
        return {place: self._orders.newest_trade(*place) for place in places}

    # The door.

    def handle(self, event: Event) -> Sequence[Outcome]:
        """Take one event, decide, and give what has to be done and remembered, in order."""
        if isinstance(event, Candle):  # (nearly every event is one)
            return self._on_candle(event)
        match event:
            case Fill():
                return self._on_fill(event)
            case OrderUpdate():
                return self._on_update(event)
            case Tick():
                return self._on_tick(event)
            case FundsSeen():
                return self._on_funds(event)
            case IncomeSeen():
                return self._on_unasked(event)
            case StopRequested():
                return self._on_stop(event)
            case CloseRequested():
                return self._on_close(event)
            case StateChanged():
                return self._on_state(event)
            case Pulse():
                return self._on_pulse()
            case ForeignSeen():
                return (event,)
            case _:
                assert_never(event)

    def _on_candle(self, candle: Candle) -> Sequence[Outcome]:
        # The quiet path: a year of minutes passes here within a second, nearly all of it without a wish.
        route = self._routes.get((candle.market, candle.symbol, candle.interval))
        if route is None:
            return NOTHING
        price = route.last.value = candle.close
        is_closed, opened, closed = candle.is_closed, candle.open_time, candle.close_time
        outcomes: list[Outcome] = []
        for slot in route.slots:
            if opened <= slot.last_open or not (is_closed or slot.strategy.open_candles):
                continue
            slot.last_price = price
            if is_closed:
                slot.last_open = opened
                slot.candles += 1
                for indicator in slot.indicators:
                    indicator.update(candle)
                if closed >= slot.day_ends_ms or (slot.follows_peak and slot.position.entry_side is not None):
                    slot.mark(closed)
                    self._watch(slot, closed, outcomes)
            if slot.is_warm or slot.warms(closed):
                self._call(slot, closed, outcomes, slot.on_tick, candle)
            if slot.watches_exits and slot.position.quantity and (wish := own_exit(slot, candle)):
                self._ordering.consider(slot, wish, closed, outcomes)
            if slot.guard is not None and is_closed:
                slot.guard.seen_ms = max(slot.guard.seen_ms, closed)
                self._guarding.pulse(slot, outcomes)
        return outcomes

    def _call(
        self, slot: Slot, time_ms: int, outcomes: list[Outcome], callback: Callable[[Any], Any], argument: object
    ) -> None:
        fault: Fault | None = None
        watch, probe = self._stopwatch, self._probe
        began = watch() if watch is not None else 0.0
        try:
            if probe is not None:
                probe("callback.entered")
            answer = callback(argument)
            if answer is not None:
                drive(answer, callback)
        except Exception as error:  # noqa: BLE001 - a strategy's code may raise whatever it likes
            fault = fault_of(callback, error)
        if watch is not None and fault is None and (took := watch() - began) > self._deadline_s:
            fault = overrun(callback, took, self._deadline_s)
        if fault is not None:
            slot.is_faulted, slot.is_warm = True, False
            slot.strategy.take_wishes()
            self._stop(slot, str(fault), time_ms, outcomes)
            return
        wishes = slot.strategy.take_wishes()
        if not wishes:
            return
        if probe is not None:
            probe("callback.intents")
        for wish in wishes:
            if isinstance(wish, CancelWish):
                self._ordering.cancel(slot, wish.client_order_id, outcomes)
            else:
                self._ordering.consider(slot, wish, time_ms, outcomes)

    # What became of orders.

    def _on_fill(self, fill: Fill) -> Sequence[Outcome]:
        slot = self._orders.owner(fill.client_order_id)
        if slot is None and fill.client_order_id.startswith(FORCED_PREFIXES):
            return self._on_unasked(fill)
        if slot is None and (slot := self.slots.get(strategy_of(fill.client_order_id) or 0)) is not None:
            # A late trade of an order that ended in an earlier life: brokers tell none that the journal does not know.
            self._orders.begin(fill.client_order_id, slot)
        if slot is None or not self._orders.book(fill):
            return NOTHING
        self._suspected = {}
        rate = self._routes.price(fill.market, f"{fill.fee_asset}{slot.instrument.quote}")
        live = slot.live.get(fill.client_order_id)
        if live is not None and is_leg(live.order):
            slot.exit_reason = live.order.reason
            if slot.guard is not None:
                slot.guard.trade(fill.client_order_id)
        if live is not None and live.order.purpose is not Purpose.ENTRY:
            slot.leaving.succeed()
        outcomes = book(fill, slot, self.ledger, rate, self._probe)
        if fill.client_order_id not in slot.live:
            self._orders.end(fill.client_order_id)
        if live is not None:
            self._guarding.follow(slot, live, fill.time_ms, "", outcomes)
            self._ordering.go_on(slot, fill.time_ms, outcomes)
        self._ordering.close(slot, fill.time_ms, outcomes)
        if slot.hears_fills and not slot.is_faulted:
            self._call(slot, fill.time_ms, outcomes, slot.strategy.on_fill, fill)
        self._guarding.keep(slot, fill.time_ms, outcomes)
        return outcomes

    def _on_unasked(self, event: Fill | IncomeSeen) -> Sequence[Outcome]:
        if outcomes := self._unasked.book(event):
            self._suspected = {}
            self._guarding.keep_all(event.time_ms, outcomes)
        return outcomes

    def _on_update(self, update: OrderUpdate) -> Sequence[Outcome]:
        slot = self._orders.owner(update.client_order_id)
        live = slot.live.get(update.client_order_id) if slot else None
        if slot is None or live is None or not may_move(live.status, update.status):
            return NOTHING
        if update.status in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED):
            return NOTHING  # quantities are counted from fills alone; the fills themselves move the order
        live.status = update.status
        live.exchange_order_id = update.exchange_order_id or live.exchange_order_id
        outcomes: list[Outcome] = [changed(slot, live, update.time_ms, update.reason)]
        if not live.status.is_open:
            self._orders.end(update.client_order_id)
        is_refused = update.status is OrderStatus.REJECTED and not is_leg(live.order)  # (guards count their own)
        slot.doubts_rules |= update.code in RULES_BROKEN
        if is_refused and slot.refused(update.reason, update.time_ms) and not slot.stopped:
            self._stop(slot, f"the exchange refused too often: {update.reason}", update.time_ms, outcomes)
        if not live.status.is_open and live.order.purpose is Purpose.STOP and live.order.stop_price is None:
            self._ordering.failed(slot, update.time_ms, update.reason or update.status.value.lower(), outcomes)
        outcomes += settle(slot, self.ledger, update.client_order_id, update.time_ms)
        outcomes += settle_remnant(slot, self.ledger, live, update.time_ms)
        self._guarding.follow(slot, live, update.time_ms, update.reason, outcomes)
        self._ordering.go_on(slot, update.time_ms, outcomes)
        if slot.hears_updates and not slot.is_faulted and not is_leg(live.order):
            self._call(slot, update.time_ms, outcomes, slot.strategy.on_order, update)
        self._guarding.keep(slot, update.time_ms, outcomes)
        return outcomes

    # Money, time and people.

    def _on_funds(self, seen: FundsSeen) -> Sequence[Outcome]:
        """Post what came or went without us, once two looks with nothing booked between them agree on it.

        A single look may be older or newer than the fills that we know of. The very first one founds the ledger.
        """
        ours = self.ledger.ours()
        found = {
            asset: surplus
            for asset in sorted({*seen.totals, *ours})
            if (surplus := EXACT.subtract(seen.totals.get(asset, ZERO), ours.get(asset, ZERO)))
        }
        confirmed = found if not ours else {
            asset: surplus for asset, surplus in found.items() if self._suspected.get(asset) == surplus
        }  # fmt: skip
        self._suspected = {asset: surplus for asset, surplus in found.items() if asset not in confirmed}
        if not confirmed:
            return NOTHING
        postings: list[Posting] = []
        for asset, surplus in confirmed.items():
            postings += move(asset, surplus, EXTERNAL, OWNER, seen.time_ms, f"seen:{seen.time_ms}")
            self.account.moved(asset, surplus)
        self.ledger.post(postings)
        outcomes: list[Outcome] = [FundsPosted(tuple(postings))]
        for slot in self.slots.values():
            asset = slot.instrument.base
            surplus = confirmed.get(asset, ZERO)
            if slot.position.is_flat or slot.stopped or not surplus:
                continue
            if surplus < 0 > self.ledger.balance(OWNER, asset):
                what = f"{asset} that it holds left the account without it"
            elif self._is_live:
                what = f"{plain(surplus)} {asset}, which it holds, came or went unexplained"
            else:
                continue
            self._stop(slot, f"{what}: compare the account, then enable it again", seen.time_ms, outcomes)
        return outcomes

    def _on_state(self, change: StateChanged) -> Sequence[Outcome]:
        account = self.account
        known = (account.state, account.state_reason, account.keeps_stops)
        if known == (change.state, change.reason, change.keeps_stops):
            return NOTHING
        account.state, account.state_reason, account.keeps_stops = change.state, change.reason, change.keeps_stops
        outcomes: list[Outcome] = [AccountMoved(change.state, change.reason, change.time_ms)]
        self._guarding.keep_all(change.time_ms, outcomes)
        return outcomes

    def _on_pulse(self) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for slot in self.slots.values():
            self._ordering.insist(slot, outcomes)
            self._guarding.pulse(slot, outcomes)
        return outcomes

    def _on_tick(self, tick: Tick) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for slot in self.slots.values():
            if slot.last_price:
                slot.mark(tick.time_ms)
                self._watch(slot, tick.time_ms, outcomes)
                outcomes.append(slot.marked(tick.time_ms))
        if not outcomes:
            return NOTHING  # before the first price there is nothing to measure
        for reason in self.account.breaches(tick.time_ms):
            for slot in self.slots.values():
                if not slot.stopped:
                    self._stop(slot, reason, tick.time_ms, outcomes)
        outcomes += self.account.marks(tick.time_ms)
        return outcomes

    def _watch(self, slot: Slot, time_ms: int, outcomes: list[Outcome]) -> None:
        allowed = slot.limits.max_drawdown
        if allowed is None or slot.stopped:
            return
        drawdown = (slot.peak_equity - slot.equity) / slot.peak_equity
        if drawdown >= allowed:
            self._stop(slot, f"drawdown {drawdown:.2%} reached {allowed:.2%}", time_ms, outcomes)

    def _on_stop(self, request: StopRequested) -> Sequence[Outcome]:
        slot = self.slots.get(request.strategy_id)
        if slot is None:
            return NOTHING
        outcomes: list[Outcome] = []
        if slot.stopped:
            self._ordering.take_back_entries(slot, outcomes)
        else:
            self._stop(slot, request.reason, request.time_ms, outcomes)
        return outcomes

    def _on_close(self, request: CloseRequested) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for slot in self.slots.values():
            self._ordering.take_back_entries(slot, outcomes)
            if slot.closing != request.reason:
                slot.closing = request.reason
                slot.leaving.time_ms = request.time_ms
                self._ordering.close(slot, request.time_ms, outcomes)
        return outcomes

    def _stop(self, slot: Slot, reason: str, time_ms: int, outcomes: list[Outcome]) -> None:
        slot.stopped = reason
        outcomes.append(StrategyStopped(slot.id, time_ms, reason))
        self._ordering.take_back_entries(slot, outcomes)
