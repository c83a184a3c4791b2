"""What both ways of replaying share: an engine, its desk at the simulated exchange, and what passes between them."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.backtest.tally import Tally
from bot.domain.messages import CancelOrder, Event, Outcome, PlaceOrder
from bot.domain.order import Order
from bot.engine.engine import Engine
from bot.simulation.desk import Desk

if TYPE_CHECKING:
    from bot.simulation.futures_desk import FuturesDesk


class Replay:
    """One engine and its desk, whose answers come through `inbox`."""

    def __init__(self, engine: Engine, desk: "Desk | FuturesDesk", inbox: deque[Event], tally: Tally) -> None:
        self.engine = engine
        self.desk = desk
        self.inbox = inbox
        self.see = desk.see
        """How candles are shown to the desk."""
        self._tally = tally

    def settle(self) -> None:
        """Take in all that happened to orders, and all that comes of that."""
        inbox, handle = self.inbox, self.engine.handle
        while inbox:
            if outcomes := handle(inbox.popleft()):
                self.act(outcomes)

    def act(self, outcomes: Iterable[Outcome]) -> None:
        """Keep what the engine decided, and carry it out at the desk."""
        takes: dict[str, Order] | None = None
        orders: list[PlaceOrder | CancelOrder] = []
        for each in outcomes:
            kind = type(each)
            if kind is PlaceOrder:
                self._tally.place(each)  # type: ignore[arg-type]
                if each.beside:  # type: ignore[union-attr]
                    takes = {} if takes is None else takes
                    takes[each.beside] = each.order  # type: ignore[union-attr]
                else:
                    orders.append(each)  # type: ignore[arg-type]
            elif kind is CancelOrder:
                orders.append(each)  # type: ignore[arg-type]
            else:
                self._tally.take(each)
        for command in orders:
            if type(command) is CancelOrder:
                self.desk.cancel(command)
            else:
                order = command.order  # type: ignore[union-attr]
                self.desk.place(order, None if takes is None else takes.get(order.client_order_id))
