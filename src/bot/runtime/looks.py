"""Looks at the exchange: at the start, after whatever made us doubt, and from time to time when nothing did.

What a look finds is told before the account's state moves: the engine takes new risk knowing all of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.domain.errors import BotError, Misconfigured
from bot.domain.messages import ForeignSeen
from bot.engine.engine import Engine
from bot.ports import Broker, Clock, Recall
from bot.runtime.condition import EXCHANGE, Condition

log = structlog.get_logger()

Judge = Callable[[Sequence[ForeignSeen]], Awaitable[None]]

BUSY_S = 30.0
"""Between looks while orders are open."""
IDLE_S = 300.0
"""Between looks while none is."""
SUSPICIOUS_S = 2.0
"""Until the second look at money that the first one cannot explain; each further one waits twice as long."""
RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
"""Until a look that failed is tried again, growing."""
BREATH_S, LONGEST_BREATH_S = 0.25, 4.0
"""At least between two looks, growing while they are wished for again and again: each costs weight."""


class Looks:
    """Compares one account with its exchange."""

    def __init__(
        self,
        engine: Engine,
        broker: Broker,
        condition: Condition,
        clock: Clock,
        judge: Judge | None = None,
        recall: Recall | None = None,
    ) -> None:
        """Take what a look finds of orders that are not ours to `judge`; `recall` knows ours of earlier lives."""
        self.count = 0
        """Looks that were clean."""
        self._engine = engine
        self._broker = broker
        self._condition = condition
        self._clock = clock
        self._judge = judge
        self._recall = recall
        self._unjudged: list[ForeignSeen] = []
        self._failures = 0
        self._suspicions = 0
        self._breath_s = BREATH_S

    async def run(self) -> None:
        """Look whenever it is time, until cancelled; a refused key ends it with a halt."""
        while True:
            await self._wait()
            try:
                await self.look()
            except Misconfigured as error:
                self._condition.halt(str(error))
                return
            except BotError as error:
                self._failures += 1
                self._condition.doubt(EXCHANGE, f"the exchange could not be looked at: {error}")
                log.warning("look.failed", account=self._condition.account, times=self._failures, cause=str(error))
            else:
                self._failures = 0
                self._condition.finish()

    async def look(self) -> None:
        """Take one look, and have all that we missed told. `Condition.finish` has to follow. Raises BotError."""
        self._suspicions = self._suspicions + 1 if self._engine.suspects_money else 0
        self._condition.begin()
        self._unjudged += await self._broker.reconcile(self._engine.newest_trades(), self._recall)
        if self._judge is not None and self._unjudged:
            await self._judge(tuple(self._unjudged))
        self._unjudged.clear()  # (not if it failed: an order is told once)
        self.count += 1

    async def _wait(self) -> None:
        """Wait until it is time for the next look, or somebody wishes for one."""
        wish = self._condition.wants_look
        began = self._clock.monotonic()
        while True:
            due_s = self._breath_s if wish.is_set() else max(self._pause_s(), self._breath_s)
            left_s = due_s - (self._clock.monotonic() - began)
            if left_s < 0.001:  # (clocks have an end to their digits)
                break
            if wish.is_set():
                await self._clock.sleep(left_s)
            else:
                await self._nap(min(left_s, SUSPICIOUS_S))
        self._breath_s = min(2 * self._breath_s, LONGEST_BREATH_S) if wish.is_set() else BREATH_S

    def _pause_s(self) -> float:
        if self._failures:
            return min(RETRY_S * 2.0 ** min(self._failures - 1, 10), LONGEST_RETRY_S)
        ordinary = BUSY_S if any(slot.live for slot in self._engine.slots.values()) else IDLE_S
        if self._engine.suspects_money:
            return min(SUSPICIOUS_S * 2.0 ** min(self._suspicions, 10), ordinary)
        return ordinary

    async def _nap(self, seconds: float) -> None:
        """Sleep, and wake up at a wish."""
        waits = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._condition.wants_look.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
