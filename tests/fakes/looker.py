"""What the runtime does for a broker: it hears of doubts, and looks at the exchange when it was asked to."""

import asyncio
from collections.abc import Sequence

from bot.domain.errors import BotError
from bot.domain.messages import ForeignSeen
from bot.ports import Broker, Newest


class Looker:
    """Takes looks for a broker, at each wish and from time to time; implements `ports.Doubts`."""

    def __init__(self, broker: Broker, newest: Newest | None = None, every_s: float = 60.0) -> None:
        self.newest: Newest = newest or {}
        self.every_s = every_s
        self.doubts: dict[str, str] = {}
        self.was_in_doubt: list[str] = []
        """Every doubt there ever was, as `name: reason`."""
        self.wishes: list[str] = []
        self.halted = ""
        self.foreign: list[ForeignSeen] = []
        self._broker = broker
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def doubt(self, name: str, reason: str) -> None:
        """Take no new risk until it is settled."""
        self.doubts[name] = reason
        self.was_in_doubt.append(f"{name}: {reason}")

    def settle(self, name: str) -> None:
        """Look as soon as possible."""
        self.doubts.pop(name, None)
        self.wishes.append(name)
        self._wanted.set()

    def halt(self, reason: str) -> None:
        """Stop."""
        self.halted = self.halted or reason

    async def look(self) -> Sequence[ForeignSeen]:
        """Look now, and go on looking until closed. Raises BotError."""
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())
        found = await self._broker.reconcile(self.newest)
        self.foreign += found
        return found

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _go_on(self) -> None:
        while True:
            waits = [asyncio.create_task(self._wanted.wait()), asyncio.create_task(asyncio.sleep(self.every_s))]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()
            self._wanted.clear()
            try:
                await self.look()
            except BotError:
                await asyncio.sleep(0.01)
                self._wanted.set()
