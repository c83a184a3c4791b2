"""Ordering: from a wish to an order that goes out, or to the reason why none does.

Exits that have to wait until something rests no more wait here, too.
"""

from decimal import Decimal

from bot.domain.market import Market
from bot.domain.messages import CancelOrder, Decision, Outcome, PlaceOrder, Verdict
from bot.domain.money import EXACT, ZERO, exact
from bot.domain.order import Order, Purpose
from bot.engine.account import Account
from bot.engine.booking import Probe
from bot.engine.exits import closing_exit
from bot.engine.guarding import End, Guarding
from bot.engine.ids import client_order_id
from bot.engine.memory import OrderMemory
from bot.engine.protection import Protection, is_leg
from bot.engine.sizing import Misfit, Sized, size
from bot.engine.slot import LiveOrder, Slot
from bot.risk.gate import Denied, review
from bot.risk.rules import Proposal
from bot.strategies.base import Wish


class Ordering:
    """Sizes wishes, asks risk, and sends for the strategies of one account. `end` stops a strategy."""

    def __init__(self, account: Account, epoch: int, orders: OrderMemory, end: End, probe: Probe | None) -> None:
        self.guarding = Guarding(account, epoch, self.submit, self.consider, end)
        """Keeps the stops on the exchange; their orders pass here like all others."""
        self._end = end
        self._account = account
        self._epoch = epoch
        self._orders = orders
        self._probe = probe

    def consider(self, slot: Slot, wish: Wish, time_ms: int, outcomes: list[Outcome]) -> None:
        """Send the order that a wish is, or keep why it cannot go out."""
        if wish.purpose is Purpose.STOP and (resting := slot.resting_exits()):
            # A stop does not wait behind exits that may never fill: they make way, and it goes out with their end.
            slot.awaited_exit = wish
            outcomes += [
                CancelOrder(each.order.client_order_id, each.order.symbol, each.order.market) for each in resting
            ]
            self.guarding.take_back(slot, outcomes)
            return
        denied = self._hindrance(slot, wish)
        sized: Sized | None = None
        if denied is None:
            try:
                sized = size(wish, slot)
            except Misfit as misfit:
                denied = Denied("sizing", str(misfit))
        if sized is None:
            assert denied is not None
            self._deny(slot, wish, denied, time_ms, outcomes)
            return
        order = Order(
            client_order_id=client_order_id(slot.id, time_ms, slot.sequence, self._epoch),
            strategy_id=slot.id,
            symbol=slot.config.symbol,
            side=wish.side,
            type=sized.type,
            quantity=sized.quantity,
            created_ms=time_ms,
            price=sized.price,
            time_in_force=sized.time_in_force,
            market=slot.stream.market,
            purpose=wish.purpose,
            reason=wish.reason,
        )
        refusal = self.submit(slot, order, sized.worth, outcomes, waits=wish)
        if refusal is not None:
            self._deny(slot, wish, refusal, time_ms, outcomes)
            return
        slot.last_denial = ("", wish.side)

    def submit(
        self,
        slot: Slot,
        order: Order,
        worth: Decimal,
        outcomes: list[Outcome],
        waits: Wish | None = None,
        beside: str = "",
    ) -> Denied | None:
        """Ask risk, then send; an exit `waits` until what guards on the exchange has made way. Gives who objected.

        What goes `beside` another order leaves with it, as one list.
        """
        verdict = review(self._proposal(slot, order, worth))
        if isinstance(verdict, Denied):
            return verdict
        if waits is not None and order.purpose is not Purpose.ENTRY and slot.is_guarded:
            slot.awaited_exit = waits
            self.guarding.take_back(slot, outcomes)
            return None
        slot.sequence += 1
        slot.live[order.client_order_id] = LiveOrder(order)
        if order.purpose is not Purpose.ENTRY and not is_leg(order):
            slot.exit_reason = order.reason
        self._orders.begin(order.client_order_id, slot)
        outcomes.append(
            Decision(
                slot.id, order.created_ms, order.symbol, order.side, Verdict.APPROVED, order.reason,
                client_order_id=order.client_order_id, seen=_seen(slot),
            )
        )  # fmt: skip
        outcomes.append(PlaceOrder(order, worth if order.purpose is Purpose.ENTRY else ZERO, beside))
        if self._probe is not None:
            self._probe("risk.reserved")
        return None

    def cancel(self, slot: Slot, order_id: str, outcomes: list[Outcome]) -> None:
        """Cancel an order that a strategy wants no longer."""
        if order_id in slot.live:
            outcomes.append(CancelOrder(order_id, slot.config.symbol, slot.stream.market))

    def close(self, slot: Slot, time_ms: int, outcomes: list[Outcome]) -> None:
        """Send the exit of what a person wants closed, if more of it is needed."""
        if wish := closing_exit(slot):
            self.consider(slot, wish, time_ms, outcomes)

    def insist(self, slot: Slot, outcomes: list[Outcome]) -> None:
        """A pulse passed: close again what a person wants closed, if the exit before came to nothing."""
        leaving = slot.leaving
        leaving.pulse()
        if leaving.is_due and closing_exit(slot):
            self.close(slot, leaving.time_ms, outcomes)
            if closing_exit(slot):
                self.failed(slot, leaving.time_ms, slot.last_denial[0], outcomes)

    def failed(self, slot: Slot, time_ms: int, reason: str, outcomes: list[Outcome]) -> None:
        """Note that an exit at any price came to nothing; it is tried again later, and loudly so in the end.

        An exit that the engine watches for has its own next attempt: with the next candle.
        """
        is_last_way = slot.closing or (slot.guard is not None and slot.guard.state is Protection.BARE)
        if is_last_way and slot.leaving.fail(time_ms):
            times = slot.leaving.failures
            why = f"what it holds could not be sold {times} times in a row, and is tried again and again: {reason}"
            self._end(slot, why, time_ms, outcomes)

    def go_on(self, slot: Slot, time_ms: int, outcomes: list[Outcome]) -> None:
        """Let an exit out that waited, once what it waited for is gone."""
        awaited = slot.awaited_exit
        if awaited is None or slot.is_guarded:
            return
        if awaited.purpose is Purpose.EXIT or not slot.pending_exit():
            slot.awaited_exit = None
            self.consider(slot, awaited, time_ms, outcomes)

    def take_back_entries(self, slot: Slot, outcomes: list[Outcome]) -> None:
        """Cancel the entries that still rest."""
        for live in slot.live.values():
            if live.order.purpose is Purpose.ENTRY and live.order.price is not None:
                outcomes.append(CancelOrder(live.order.client_order_id, live.order.symbol, live.order.market))

    def _hindrance(self, slot: Slot, wish: Wish) -> Denied | None:
        if wish.purpose is not Purpose.ENTRY:
            is_late = slot.awaited_exit is not None and wish.purpose is Purpose.EXIT
            return Denied("sizing", "an earlier exit is still at work") if is_late else None
        if slot.stopped:
            return Denied("stopped", f"the strategy is stopped: {slot.stopped}")
        if slot.candles - slot.exited_at <= slot.config.cooldown:
            return Denied("cooldown", f"{slot.config.cooldown} candles have to pass after an exit")
        return None

    def _proposal(self, slot: Slot, order: Order, worth: Decimal) -> Proposal:
        is_entry, price = order.purpose is Purpose.ENTRY, slot.last_price
        reference = exact(price)
        return Proposal(
            order=order,
            price=price,
            worth=worth,
            # What no rule for exits looks at is not worked out for them, and the other way round.
            free_quote=self._buying_power(slot) if is_entry else ZERO,
            gain=0.0
            if is_entry
            else slot.position.gain(float(order.price or order.stop_price or price), slot.config.fee_pct),
            is_tradable=slot.instrument.is_tradable,
            broken_filter=slot.instrument.explain(
                order.side,
                order.quantity,
                order.price,
                reference,
                stop_price=order.stop_price,
                only_reduces=order.market is Market.FUTURES and order.stop_price is not None,
            ),
            unprotectable=self.guarding.objection(slot, order),
            strategy_limits=slot.limits,
            account_limits=self._account.limits,
            strategy=slot.standing(),
            account=self._account.standing(slot.instrument.quote, order.created_ms),
            symbol_exposure=self._account.symbol_exposure(slot) if is_entry else ZERO,
            state=self._account.state,
            state_reason=self._account.state_reason,
            is_closing=bool(slot.closing) and order.purpose is Purpose.STOP,
            is_guard=self._account.keeps_stops and order.purpose is Purpose.STOP and order.stop_price is not None,
        )

    def _buying_power(self, slot: Slot) -> Decimal:
        """Give the quote that an entry may be worth: what is free, or with leverage a multiple of it."""
        free, leverage = self._account.free(slot.instrument.quote), slot.config.leverage
        return free if leverage == 1 else EXACT.multiply(free, Decimal(leverage))

    def _deny(self, slot: Slot, wish: Wish, denied: Denied, time_ms: int, outcomes: list[Outcome]) -> None:
        # A strategy may repeat a hopeless wish with every candle; the record keeps its first refusal.
        if slot.last_denial == (denied.rule, wish.side):
            return
        slot.last_denial = (denied.rule, wish.side)
        reason = f"{wish.reason}: {denied.reason}"
        outcomes.append(
            Decision(
                slot.id,
                time_ms,
                slot.config.symbol,
                wish.side,
                Verdict.DENIED,
                reason,
                rule=denied.rule,
                seen=_seen(slot),
            )
        )


def _seen(slot: Slot) -> dict[str, float]:
    return {"close": slot.last_price, **slot.strategy.seen()}
