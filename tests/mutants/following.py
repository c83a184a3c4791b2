"""Mutants of the way back: fills, ends of orders, and what the user stream leaves out."""

from collections.abc import Sequence
from typing import Any

from tests.mutants.planting import Soil, mutant

from bot.binance import tracking
from bot.binance.client import OrderSeen
from bot.binance.errors import CANCEL_REJECTED
from bot.binance.execution import SignedBroker
from bot.binance.tracking import Tracked
from bot.binance.user_stream import OrderEvent
from bot.db.replay import Replay
from bot.domain.errors import BotError, Rejected
from bot.domain.messages import CancelOrder, FillBooked, ForeignSeen, OrderChanged, OrderUpdate, Outcome
from bot.domain.order import Fill, OrderStatus
from bot.engine import engine
from bot.engine.memory import OrderMemory
from bot.ports import Newest


@mutant("of an order's trades only the first is booked", "I3, F28")
def one_fill_an_order(soil: Soil) -> None:
    def wrong(self: Tracked, fill: Fill) -> bool:
        return not self.trades and right(self, fill)

    right = soil.swap(Tracked, "book", wrong)


@mutant("fills that reply and stream both tell are booked twice: every guard is off", "I3, F19")
def fills_are_booked_twice(soil: Soil) -> None:
    def tell(self: SignedBroker, fill: Fill) -> None:
        tracked = self._orders.get(fill.client_order_id)
        if tracked is not None:
            tracked.book(fill)
        self._orders.fills_told += 1
        self._deliver(fill)

    soil.swap(SignedBroker, "_tell_fill", tell)

    def book(self: OrderMemory, fill: Fill) -> bool:
        right(self, fill)
        return True

    right = soil.swap(OrderMemory, "book", book)
    soil.swap(OrderMemory, "was_booked", lambda self, fill: False)


@mutant("a restart forgets which fills were booked", "I3, K14")
def booked_fills_are_forgotten(soil: Soil) -> None:
    soil.swap(OrderMemory, "restore", lambda self, keys: None)


@mutant("nobody looks at open orders again: what the stream drops stays unknown", "F18")
def never_looks_again(soil: Soil) -> None:
    async def wrong(self: SignedBroker, newest: Newest) -> Sequence[ForeignSeen]:
        if self._looks._seen and not self._left_open:
            return ()
        return await right(self, newest)

    right = soil.swap(SignedBroker, "reconcile", wrong)


@mutant("an order's end is taken over without its trades", "F29, I3")
def end_without_its_trades(soil: Soil) -> None:
    async def wrong(self: SignedBroker, reply: OrderSeen, tracked: Tracked) -> bool:
        update = reply.update()
        if update is None or not tracked.fits(reply):
            return False
        tracked.was_found = True
        self._tell(tracked, update.status, update.exchange_order_id, update.reason, time_ms=update.time_ms)
        return True

    soil.swap(SignedBroker, "_adopt", wrong)


@mutant("the stream's word of an end is taken although trades before it were dropped", "F18, F29")
def stream_end_without_its_trades(soil: Soil) -> None:
    def wrong(self: SignedBroker, event: OrderEvent) -> None:
        if fill := event.fill(self._client.hosts.market):
            self._tell_fill(fill)
        tracked, update = self._orders.get(event.our_id), event.update()
        if tracked is not None and update is not None:
            tracked.was_found = True
            self._tell(tracked, update.status, update.exchange_order_id, update.reason, time_ms=update.time_ms)

    soil.swap(SignedBroker, "_on_event", wrong)


@mutant("a cancel that is refused with `unknown order` counts as cancelled", "K19, §2 nautilus")
def unknown_on_cancel_is_cancelled(soil: Soil) -> None:
    async def wrong(self: SignedBroker, command: CancelOrder) -> None:
        tracked = self._orders.get(command.client_order_id)
        if tracked is None:
            return
        try:
            await self._client.cancel(command.symbol, command.client_order_id)
        except Rejected as error:
            if error.code == CANCEL_REJECTED:
                self._tell(tracked, OrderStatus.CANCELED, reason="not there any more")
        except BotError:
            pass

    soil.swap(SignedBroker, "_cancel", wrong)


@mutant("a cancel counts as done when it is sent", "K20")
def cancel_is_assumed(soil: Soil) -> None:
    async def wrong(self: SignedBroker, command: CancelOrder) -> None:
        if (tracked := self._orders.get(command.client_order_id)) is not None:
            self._tell(tracked, OrderStatus.CANCELED, reason="cancelled")
        await right(self, command)

    right = soil.swap(SignedBroker, "_cancel", wrong)


@mutant("a partial fill counts as the whole order", "F28")
def partial_fill_is_all(soil: Soil) -> None:
    def wrong(fill: Fill, slot: Any, ledger: Any, rate: float) -> list[Outcome]:
        outcomes: list[Outcome] = right(fill, slot, ledger, rate)
        live = slot.live.pop(fill.client_order_id, None)
        if live is None:
            return outcomes
        return [
            OrderChanged(
                each.client_order_id, OrderStatus.FILLED, each.filled, each.quote_filled, each.time_ms,
                each.exchange_order_id,
            )
            if isinstance(each, OrderChanged)
            else each
            for each in outcomes
        ]  # fmt: skip

    right = soil.swap(engine, "book", wrong)


@mutant("an order that ends by itself is not noticed: its remainder waits for ever", "F28")
def expiry_is_forgotten(soil: Soil) -> None:
    def wrong(self: engine.Engine, update: OrderUpdate) -> Any:
        return () if update.status is OrderStatus.EXPIRED else right(self, update)

    right = soil.swap(engine.Engine, "_on_update", wrong)


@mutant("late news moves an order backwards", "I5, F19")
def order_moves_backwards(soil: Soil) -> None:
    def anywhere(now: OrderStatus, then: OrderStatus) -> bool:
        return True

    soil.swap(engine, "may_move", anywhere)
    soil.swap(tracking, "may_move", anywhere)


@mutant("the journal keeps a fill without what it moved", "I3, I10")
def postings_are_dropped(soil: Soil) -> None:
    def wrong(self: Replay, fact: FillBooked) -> None:
        right(self, FillBooked(fact.strategy_id, fact.fill, fact.fee_in_quote, ()))

    right = soil.swap(Replay, "_book", wrong)
