"""A broker that keeps what it was asked for; the test decides what becomes of it."""

from collections.abc import Sequence

from bot.domain.market import Candle
from bot.domain.messages import Command
from bot.ports import Deliver, OpenOrder


class FakeBroker:
    """Remembers commands."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.seen: list[Candle] = []

    async def start(self, deliver: Deliver, open_orders: Sequence[OpenOrder] = ()) -> None:
        self.deliver = deliver

    async def execute(self, command: Command) -> None:
        self.commands.append(command)

    def see(self, candle: Candle) -> None:
        self.seen.append(candle)

    async def stop(self) -> None:
        pass
