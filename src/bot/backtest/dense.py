"""Dense replay: every candle through `engine.handle`, as paper and live trading do it.

A candle first happens to what rests at the exchange, and what that fills is booked before the engine sees the candle:
nothing is decided at a price that an order has met already.
"""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.backtest.tally import Tally
from bot.domain.market import Candle
from bot.domain.messages import CancelOrder, Event, Outcome, PlaceOrder
from bot.domain.order import Order
from bot.engine.engine import Engine
from bot.simulation.desk import Desk

if TYPE_CHECKING:
    from bot.simulation.futures_desk import FuturesDesk


class Dense:
    """One engine and its desk, played candle by candle."""

    def __init__(self, engine: Engine, desk: "Desk | FuturesDesk", inbox: deque[Event], tally: Tally) -> None:
        """Take an `inbox` into which the desk delivers."""
        self._engine = engine
        self._desk = desk
        self._inbox = inbox
        self._tally = tally
        self.see = desk.see
        """How candles are shown to the desk."""

    def play(self, candles: Iterable[Candle]) -> None:
        """Play candles to their end."""
        see, handle, inbox = self.see, self._engine.handle, self._inbox
        for candle in candles:
            see(candle)
            if inbox:
                self.settle()
            if outcomes := handle(candle):
                self._act(outcomes)
                self.settle()

    def settle(self) -> None:
        """Take in all that happened to orders, and all that comes of that."""
        inbox, handle = self._inbox, self._engine.handle
        while inbox:
            if outcomes := handle(inbox.popleft()):
                self._act(outcomes)

    def _act(self, outcomes: Iterable[Outcome]) -> None:
        self._tally.take(outcomes)
        takes: dict[str, Order] = {}
        for each in outcomes:
            if type(each) is PlaceOrder and each.beside:
                takes[each.beside] = each.order
        for each in outcomes:
            kind = type(each)
            if kind is PlaceOrder:
                if not each.beside:  # type: ignore[union-attr]
                    self._desk.place(each.order, takes.get(each.order.client_order_id))  # type: ignore[union-attr]
            elif kind is CancelOrder:
                self._desk.cancel(each)  # type: ignore[arg-type]
