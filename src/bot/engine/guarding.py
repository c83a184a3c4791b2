"""Guarding: does what the protection of a position asks for, with each event that could matter to it.

Stops on futures only reduce what the account holds (reduce-only): whatever is left over after a position went can open
nothing. They do not close the whole position (closePosition), because other strategies may have a part in it.
"""

from collections.abc import Callable
from decimal import Decimal

from bot.domain.market import Market
from bot.domain.messages import CancelOrder, Outcome, ProtectionMoved
from bot.domain.money import EXACT, ZERO, Price, Quantity, exact, times
from bot.domain.order import Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.domain.state import AccountState
from bot.engine.account import Account
from bot.engine.foresight import objection, trigger_of
from bot.engine.ids import client_order_id
from bot.engine.protection import (
    CANCEL_AGAIN,
    REFUSALS_MAX,
    Guard,
    Protection,
    Stop,
    Unprotectable,
    stop_for,
    take_for,
)
from bot.engine.slot import LiveOrder, Slot
from bot.risk.gate import Denied
from bot.strategies.base import Wish

Outcomes = list[Outcome]
Submit = Callable[[Slot, Order, Decimal, Outcomes, Wish | None, str], Denied | None]
Consider = Callable[[Slot, Wish, int, Outcomes], None]
End = Callable[[Slot, str, int, Outcomes], None]

_MAY_PLACE = {AccountState.READY, AccountState.DEGRADED}
_STOPLESS = {Protection.LOST, Protection.BARE}


class Guarding:
    """Keeps the stops of an account's strategies. `submit` asks risk and sends, `end` stops a strategy."""

    def __init__(self, account: Account, epoch: int, submit: Submit, consider: Consider, end: End) -> None:
        self._account = account
        self._epoch = epoch
        self._submit = submit
        self._consider = consider
        self._end = end

    def objection(self, slot: Slot, entry: Order) -> str | None:
        """Say why the stop of an entry could not rest or could not do its work, or None."""
        return None if entry.purpose is not Purpose.ENTRY else objection(self._account.slots.values(), slot, entry)

    def follow(self, slot: Slot, live: LiveOrder, time_ms: int, reason: str, outcomes: Outcomes) -> None:
        """Take in that an order of the slot moved or traded."""
        guard = slot.guard
        name = live.order.client_order_id
        if guard is None or not guard.has(name):
            return
        guard.seen_ms = max(guard.seen_ms, time_ms)
        stop, take = slot.stop_order, slot.take_order
        stop_told: LiveOrder | None
        if name == guard.order_id:
            then, stop_told = guard.follow(live.status, time_ms, reason, has_take=take is not None), live
        else:
            then, stop_told = guard.follow_take(live.status, time_ms, has_stop=stop is not None), stop
            reason = "its take profit trades" if guard.traded_id == name else reason
        if then is not None:
            self._move(slot, guard, then, outcomes, stop_told, reason)
            if then is Protection.LEAVING and not guard.is_list:
                self._cancel_all(slot, guard, outcomes)  # nobody else ends the one that has not traded
        if (
            guard.is_list
            and take is not None
            and guard.state is Protection.LEAVING
            and (guard.traded_id == guard.take_id or stop is None)
        ):
            self._cancel(guard, take, outcomes)  # what is left of it guards nothing, and is locked by it

    def keep(self, slot: Slot, time_ms: int, outcomes: Outcomes) -> None:
        """Do what is needed now: place the stop, take it back, or leave the position by policy."""
        guard = slot.guard
        if guard is None:
            return
        guard.seen_ms = max(guard.seen_ms, time_ms)
        live = slot.stop_order
        if live is not None and not guard.is_told:
            guard.is_told = True
            guard.is_alone = guard.is_list and not guard.take_id
            self._tell(slot, guard, guard.order_id, outcomes, live, "found again after a restart")
        if live is None:
            if slot.take_order is None or (guard.state in _STOPLESS and not guard.is_list and slot.position.quantity):
                self._arm(slot, guard, outcomes)
        elif guard.state is Protection.ARMED and not self._is_trading(slot, guard):
            if not self._still_fits(slot, live):
                self.take_back(slot, outcomes)
            elif not guard.is_list:
                self._add_take(slot, guard, live, outcomes)

    def keep_all(self, time_ms: int, outcomes: Outcomes) -> None:
        """Do what is needed now, for every strategy."""
        for slot in self._account.slots.values():
            self.keep(slot, time_ms, outcomes)

    def pulse(self, slot: Slot, outcomes: Outcomes) -> None:
        """A second or a candle passed."""
        guard = slot.guard
        if guard is None:
            return
        guard.pause = max(0, guard.pause - 1)
        if not guard.pause and _has_to_go(slot, guard):
            self._cancel_all(slot, guard, outcomes)
        self.keep(slot, guard.seen_ms, outcomes)

    def take_back(self, slot: Slot, outcomes: Outcomes) -> None:
        """Cancel the stop, and with it its take profit, so that something else may sell."""
        guard, live = slot.guard, slot.stop_order
        if guard is None:
            return
        if live is not None and guard.state in {Protection.SENT, Protection.ARMED}:
            self._move(slot, guard, Protection.LEAVING, outcomes, live)
            self._cancel_all(slot, guard, outcomes)
        elif live is None and not guard.is_list:
            self._cancel_all(slot, guard, outcomes)

    def _arm(self, slot: Slot, guard: Guard, outcomes: Outcomes) -> None:
        if slot.position.is_flat:
            if guard.state is not Protection.NONE:
                self._move(slot, guard, Protection.NONE, outcomes)
            return
        if guard.state is Protection.NONE:
            self._move(slot, guard, Protection.WANTED, outcomes)
        if slot.awaited_exit is not None or _is_filling(slot) or not self._may_place(slot):
            return
        if guard.refusals > REFUSALS_MAX:
            self._give_up(slot, guard, f"{guard.refusals} times in a row: {guard.reason}", outcomes)
        elif not guard.pause:
            try:
                stop = self._wanted(slot)
            except Unprotectable as why:
                if not slot.live:  # (more may be bought, or less be left, by what is still open)
                    self._give_up(slot, guard, str(why), outcomes)
                return
            if stop is not None:
                self._place(slot, guard, stop, outcomes)

    def _may_place(self, slot: Slot) -> bool:
        """Say whether the account lets stops out now. Halted by a kill switch it does, if nobody wants all closed."""
        account = self._account
        is_kept = account.state is AccountState.HALTED and account.keeps_stops and not slot.closing
        return is_kept or account.state in _MAY_PLACE

    def _place(self, slot: Slot, guard: Guard, stop: Stop, outcomes: Outcomes) -> None:
        order = Order(
            client_order_id=client_order_id(slot.id, guard.seen_ms, slot.sequence, self._epoch),
            strategy_id=slot.id,
            symbol=slot.config.symbol,
            side=stop.side,
            type=stop.type,
            quantity=stop.quantity,
            created_ms=guard.seen_ms,
            price=stop.price,
            time_in_force=None if stop.price is None else TimeInForce.GTC,
            market=slot.stream.market,
            purpose=Purpose.STOP,
            reason="stop loss",
            stop_price=stop.stop_price,
        )
        known = len(outcomes)
        if (denied := self._submit(slot, order, ZERO, outcomes, None, "")) is not None:
            guard.pause, guard.reason = 1, denied.reason
            guard.refusals += 1
            return
        take = slot.take_order
        if guard.is_list:
            take_id = self._place_take(slot, guard, stop, order.client_order_id, outcomes)
        else:
            take_id = "" if take is None else guard.take_id  # (it has stood through the loss of the stop before)
        guard.begin(order.client_order_id, take_id)
        # The fact stands before the command, as everything that is decided does.
        told: Outcomes = []
        self._move(slot, guard, Protection.SENT, told, LiveOrder(order))
        outcomes[known:known] = told

    def _add_take(self, slot: Slot, guard: Guard, live: LiveOrder, outcomes: Outcomes) -> None:
        """Send the take profit that goes its own way, once the stop stands."""
        is_due = slot.take_order is None and not guard.pause and slot.awaited_exit is None and self._may_place(slot)
        if is_due and live.order.stop_price is not None:
            stop = Stop(live.order.side, live.order.type, Quantity(live.remaining), live.order.stop_price)
            guard.take_id = self._place_take(slot, guard, stop, "", outcomes)

    def _place_take(self, slot: Slot, guard: Guard, stop: Stop, beside: str, outcomes: Outcomes) -> str:
        """Send the take profit `beside` a stop, as one list; give its id, empty when there is none to rest."""
        price = None if guard.is_alone else _target(slot, stop)
        if price is None:
            return ""
        order = Order(
            client_order_id=client_order_id(slot.id, guard.seen_ms, slot.sequence, self._epoch),
            strategy_id=slot.id,
            symbol=slot.config.symbol,
            side=stop.side,
            type=OrderType.LIMIT_MAKER if guard.is_list else OrderType.TAKE_PROFIT,
            quantity=stop.quantity,
            created_ms=guard.seen_ms,
            price=price if guard.is_list else None,
            market=slot.stream.market,
            purpose=Purpose.EXIT,
            reason="take profit",
            stop_price=None if guard.is_list else price,
        )
        denied = self._submit(slot, order, ZERO, outcomes, None, beside)
        return "" if denied else order.client_order_id

    def _give_up(self, slot: Slot, guard: Guard, why: str, outcomes: Outcomes) -> None:
        """Leave the position, or hold it while we watch it ourselves: as its settings say."""
        if guard.state is not Protection.BARE:
            self._move(slot, guard, Protection.BARE, outcomes, reason=why)
            # What is left of a position that was sold in part may be too small: that is nobody's fault.
            if not slot.stopped and (guard.refusals > REFUSALS_MAX or not slot.position.exited):
                self._end(slot, f"its stop cannot rest on the exchange: {why}", guard.seen_ms, outcomes)
        if slot.config.if_unprotected == "flatten" and not slot.pending_exit() and slot.leaving.is_due:
            side = Side.BUY if slot.position.is_short else Side.SELL
            self._consider(slot, Wish(side, Purpose.STOP, "its stop could not rest"), guard.seen_ms, outcomes)

    def _still_fits(self, slot: Slot, live: LiveOrder) -> bool:
        uncovered = slot.position.quantity.copy_abs() - slot.exiting()
        if live.remaining > uncovered:
            return False
        try:
            stop = self._wanted(slot)
        except Unprotectable:
            return True  # as good as it gets: it rests, and a new one could not
        if stop is None:
            return True
        if live.remaining != stop.quantity or live.order.stop_price != stop.stop_price:
            return False
        take, price = slot.take_order, _target(slot, stop)
        if take is None:
            return True
        is_alike = price is None or price in (take.order.price, take.order.stop_price)
        return is_alike and take.remaining == stop.quantity

    @staticmethod
    def _is_trading(slot: Slot, guard: Guard) -> bool:
        """Say whether one of two that go their own ways trades just now: it does so to its end, and the other waits."""
        legs = (slot.stop_order, slot.take_order)
        return not guard.is_list and any(live is not None and live.filled > 0 for live in legs)

    def _wanted(self, slot: Slot) -> Stop | None:
        """Give the stop for what no other exit is selling already. Raises Unprotectable."""
        held, exiting = slot.position.quantity, slot.exiting()
        left = EXACT.subtract(held.copy_abs(), exiting)
        if left <= 0 or (exiting and slot.instrument.fit_quantity(left, is_market=True) is None):
            return None
        trigger = trigger_of(slot, slot.position.cost, is_long=held > 0)
        return stop_for(slot.instrument, left.copy_sign(held), trigger, exact(slot.last_price))

    def _cancel_all(self, slot: Slot, guard: Guard, outcomes: Outcomes) -> None:
        """Cancel what is there: of a list one, which ends both, else each of the two."""
        legs = [live for live in (slot.stop_order, slot.take_order) if live is not None]
        for live in legs[:1] if guard.is_list else legs:
            self._cancel(guard, live, outcomes)

    def _cancel(self, guard: Guard, live: LiveOrder, outcomes: Outcomes) -> None:
        guard.pause = CANCEL_AGAIN
        outcomes.append(CancelOrder(live.order.client_order_id, live.order.symbol, live.order.market))

    def _move(
        self,
        slot: Slot,
        guard: Guard,
        then: Protection,
        outcomes: Outcomes,
        live: LiveOrder | None = None,
        reason: str = "",
    ) -> None:
        order_id = guard.order_id if live is None else live.order.client_order_id
        guard.move(then)
        self._tell(slot, guard, order_id, outcomes, live, reason)

    @staticmethod
    def _tell(slot: Slot, guard: Guard, order_id: str, outcomes: Outcomes, live: LiveOrder | None, reason: str) -> None:
        outcomes.append(
            ProtectionMoved(
                slot.id,
                guard.state.value,
                guard.seen_ms,
                order_id,
                ZERO if live is None else live.order.quantity,
                None if live is None else live.order.stop_price,
                reason,
                guard.refusals,
                guard.armed_ms,
            )
        )


def _has_to_go(slot: Slot, guard: Guard) -> bool:
    """Say whether what guards on the exchange should be gone by now."""
    if guard.state is Protection.LEAVING:
        return True
    if guard.is_list:
        return guard.state is Protection.LOST
    return guard.state in _STOPLESS and slot.position.is_flat


def _target(slot: Slot, stop: Stop) -> Price | None:
    """Give the price of the take profit that can rest beside a stop, if one is wanted, and can."""
    gain = slot.config.take_profit
    if gain is None or (slot.stream.market is Market.SPOT and stop.side is not Side.SELL):
        return None
    one = Decimal(1)
    is_long = stop.side is Side.SELL
    wanted = times(slot.position.cost, EXACT.add(one, exact(gain)) if is_long else EXACT.subtract(one, exact(gain)))
    if wanted <= 0:
        return None  # a short position that gains all there is
    return take_for(slot.instrument, stop, wanted, exact(slot.last_price))


def _is_filling(slot: Slot) -> bool:
    """Say whether an entry at the market is about to be filled: the stop waits for all of it."""
    return any(
        live.order.purpose is Purpose.ENTRY
        and live.order.type is OrderType.MARKET
        and live.status is not OrderStatus.UNKNOWN
        for live in slot.live.values()
    )
