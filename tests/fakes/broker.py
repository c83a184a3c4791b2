"""A broker that keeps what it was asked for; the test decides what becomes of it."""

from collections.abc import Callable, Sequence

from bot.domain.errors import BotError
from bot.domain.market import Candle
from bot.domain.messages import Attempt, Command, ForeignSeen
from bot.domain.order import Order
from bot.ports import Deliver, Doubts, Newest, OpenOrder, Permit, Recall, Swept


class FakeBroker:
    """Remembers commands."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.seen: list[Candle] = []
        self.sweeps = 0
        self.looks = 0
        self.foreign: list[ForeignSeen] = []
        self.swept_everything = False
        self.trouble: BotError | None = None
        """What a look fails with."""
        self.asked: list[Newest] = []
        self.while_looking: Callable[[], None] = lambda: None
        self.swept = Swept(0, 0)
        self.takes: list[Order | None] = []
        """What left in one list with each command."""

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        self.deliver = deliver
        self.permit = permit
        self.doubts = doubts

    async def reconcile(self, newest: Newest, recall: Recall | None = None) -> Sequence[ForeignSeen]:
        self.looks += 1
        self.asked.append(newest)
        self.while_looking()
        if self.trouble:
            raise self.trouble
        told, self.foreign = self.foreign, []
        return told

    def prepare(self, order: Order, take: Order | None = None) -> Attempt:
        return Attempt(order.client_order_id, order.created_ms)

    async def execute(self, command: Command, attempt: Attempt | None = None, take: Order | None = None) -> None:
        self.commands.append(command)
        self.takes.append(take)

    async def cancel_all(self, *, everything: bool = False) -> Swept:
        self.sweeps += 1
        self.swept_everything = everything
        return self.swept

    def see(self, candle: Candle) -> None:
        self.seen.append(candle)

    async def stop(self) -> None:
        pass
