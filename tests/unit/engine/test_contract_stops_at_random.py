"""Stops on futures in whatever order things happen: no move that is not in the table, and in the end all fits."""

from decimal import Decimal
from random import Random

import pytest
from tests.unit.engine.test_contract_stops import CONTRACT

from bot.domain.market import Market
from bot.domain.messages import CancelOrder, OrderUpdate, PlaceOrder, Pulse
from bot.domain.order import Order, OrderStatus, Purpose
from bot.engine.protection import Protection

D = Decimal
P, S = Protection, OrderStatus


class Exchange:
    """Plays an exchange that does with our orders whatever it may, in any order; what only reduces never does more."""

    def __init__(self, bench, lots: Random, **config) -> None:
        self.bench, self.lots = bench, lots
        self.candles, self.price = 0, 100.0
        self.open: dict[str, tuple[Order, bool]] = {}
        """Orders that may still trade, each with whether it was shown."""
        self.left: dict[str, Decimal] = {}
        self.cancels: list[str] = []
        plan = dict.fromkeys(range(400), self._wish)
        self.slot = bench.add(plan, **(CONTRACT | {"take_profit": 0.02, "stop_loss": 0.02} | config))

    def _wish(self, strategy) -> None:
        if self.slot.position.is_flat:
            if self.lots.random() < 0.6:
                (strategy.buy if self.lots.random() < 0.5 else strategy.short)("in")
        elif self.lots.random() < 0.2:
            strategy.close("out")
        elif self.lots.random() < 0.2:
            (strategy.short if self.slot.position.is_short else strategy.buy)("more")

    def take(self, outcomes: list) -> None:
        for each in outcomes:
            if isinstance(each, PlaceOrder):
                self.open[each.order.client_order_id] = (each.order, False)
                self.left[each.order.client_order_id] = each.order.quantity
            elif isinstance(each, CancelOrder):
                self.cancels.append(each.client_order_id)

    def tell(self, order: Order, status: OrderStatus) -> None:
        if not status.is_open:
            del self.open[order.client_order_id]
        self.take(self.bench.tell(OrderUpdate(order.client_order_id, status, order.created_ms + 1, reason="so it is")))

    def show(self, order: Order) -> None:
        self.open[order.client_order_id] = (order, True)
        self.tell(order, S.NEW)

    def trade(self, order: Order, *, all_of_it: bool) -> None:
        name = order.client_order_id
        held = self.slot.position.quantity
        room = self.left[name]
        if order.stop_price is not None:
            room = min(room, held if order.side == "SELL" else -held)
            if room <= 0:
                self.tell(order, S.EXPIRED)
                return
        part = room if all_of_it or room < D("0.01") else (room / 2).quantize(D("0.00001"))
        self.left[name] -= part
        is_done = not self.left[name]
        self.open[name] = (order, True)
        if is_done:
            del self.open[name]
        self.take(self.bench.fill(order, str(self.price), quantity=str(part), realised="0"))
        if not is_done and name in self.open and order.stop_price is not None and all_of_it:
            self.tell(order, S.EXPIRED)

    def cancel(self, name: str) -> None:
        if name in self.open:
            self.tell(self.open[name][0], S.CANCELED)

    def step(self) -> None:
        lots = self.lots
        deed = lots.choice(("candle", "candle", "pulse", "order", "order", "order", "order", "cancel", "cancel"))
        if deed == "candle":
            self.candle()
        elif deed == "pulse":
            self.take(self.bench.tell(Pulse()))
        elif deed == "cancel" and self.cancels:
            self.cancel(self.cancels.pop(lots.randrange(len(self.cancels))))
        elif self.open:
            order, is_shown = lots.choice(list(self.open.values()))
            if not is_shown and lots.random() < 0.8:
                if lots.random() < 0.8:
                    self.show(order)
                else:
                    self.tell(order, lots.choice((S.REJECTED, S.VOID, S.UNKNOWN)))
            elif order.purpose is Purpose.ENTRY or order.stop_price is None or lots.random() < 0.5:
                self.trade(order, all_of_it=lots.random() < 0.7)
            else:
                self.tell(order, lots.choice((S.CANCELED, S.EXPIRED)))

    def candle(self) -> None:
        self.price = round(self.price * (1 + self.lots.uniform(-0.01, 0.01)), 2)
        self.take(self.bench.show(self.candles, self.price, market=Market.FUTURES))
        self.candles += 1

    def come_to_rest(self) -> None:
        """Let nothing be in doubt any more and every wish for a cancel be granted, for a while."""
        self.slot.stopped = "enough"
        for _ in range(130):  # (the last way out is tried again after a minute at most)
            while self.cancels:
                self.cancel(self.cancels.pop())
            for order, is_shown in list(self.open.values()):
                if order.client_order_id not in self.open:
                    continue
                if order.stop_price is None or self.left[order.client_order_id] < order.quantity:
                    self.trade(order, all_of_it=True)
                elif not is_shown:
                    self.show(order)
            self.take(self.bench.tell(Pulse()))


@pytest.mark.parametrize("policy", ["flatten", "hold"])
@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_a_position_is_guarded_or_left_and_nothing_is_left_over(make_bench, seed, policy) -> None:
    lots = Random(f"{seed} {policy}")
    exchange = Exchange(make_bench(), lots, if_unprotected=policy)
    for _ in range(150):
        exchange.step()
        legs = [order for order, _ in exchange.open.values() if order.stop_price is not None]
        assert sum(order.purpose is Purpose.STOP for order in legs) <= 1
        assert sum(order.purpose is Purpose.EXIT for order in legs) <= 1
    exchange.come_to_rest()
    slot, guard = exchange.slot, exchange.slot.guard
    held = slot.position.quantity.copy_abs()
    legs = [order for order, _ in exchange.open.values()]
    assert set(slot.live) == set(exchange.open)
    assert all(exchange.left[order.client_order_id] <= held for order in legs)
    if not held:
        assert (guard.state, legs) == (P.NONE, [])
    elif guard.state is P.BARE:
        assert policy == "hold" or held * D(str(exchange.price)) < 5, "(too little for an order of its own)"
    else:
        assert guard.state is P.ARMED
        assert exchange.left[guard.order_id] == held
