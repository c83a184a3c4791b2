"""Lanes: how many requests may be on their way at once, the important ones first.

A request that has left cannot be called back when the host says that it is enough, and the host counts each one that
comes in spite of that. So no more are ever on their way than a host puts up with, and one alone where the host may say
so any moment.
"""

import asyncio
import itertools
from collections.abc import Callable
from heapq import heappop, heappush

from bot.binance.endpoints import Priority

AT_ONCE = {Priority.CANCEL: 8, Priority.STOP: 8, Priority.ORDER: 7, Priority.QUERY: 6, Priority.HISTORY: 4}
"""Requests on their way, by what the next one is for: the last lane is kept for cancels and stops."""
HURRY_S = 0.9
"""A cancel or a stop waits no longer than that for one that is on its way."""
FORGOTTEN_S = 2.0
"""A request without an answer for so long arrived long ago, or never will: the lane is free again."""
_HURRIED = frozenset({Priority.CANCEL, Priority.STOP})
_RANKS = {priority: rank for rank, priority in enumerate(AT_ONCE)}


class Lane:
    """One request on its way."""

    __slots__ = ("since",)

    def __init__(self, since: float) -> None:
        self.since = since


class Lanes:
    """The lanes of one address. A lane that is entered has to be left. `is_risky` says whether there is only one."""

    def __init__(self, is_risky: Callable[[], bool] = lambda: False) -> None:
        self._is_risky = is_risky
        self._busy: dict[Lane, None] = {}
        """The oldest first."""
        self._queue: list[tuple[int, int, Priority, asyncio.Future[Lane]]] = []
        self._numbers = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> int:
        """How many requests are on their way."""
        return len(self._busy)

    async def enter(self, priority: Priority) -> Lane:
        """Wait for a lane; whoever is more important is let in first, then whoever came first."""
        loop = asyncio.get_running_loop()
        self._forget(loop.time())
        if not self._queue and self._is_free_for(priority):
            return self._take(loop.time())
        waiter: asyncio.Future[Lane] = loop.create_future()
        heappush(self._queue, (_RANKS[priority], next(self._numbers), priority, waiter))
        self._let_in(loop)
        hurry = loop.call_later(HURRY_S, self._hurry, priority, waiter) if priority in _HURRIED else None
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.leave(waiter.result())
            raise
        finally:
            if hurry is not None:
                hurry.cancel()

    def leave(self, lane: Lane) -> None:
        """Give a lane back: its request is answered, or will not be."""
        self._busy.pop(lane, None)
        if self._queue:
            self._let_in(asyncio.get_running_loop())

    def _let_in(self, loop: asyncio.AbstractEventLoop) -> None:
        self._forget(loop.time())
        queue = self._queue
        while queue and (queue[0][3].done() or self._is_free_for(queue[0][2])):
            waiter = heappop(queue)[3]
            if not waiter.done():
                waiter.set_result(self._take(loop.time()))
        if queue and self._alarm is None:
            oldest = next(iter(self._busy))  # (where nobody is on the way, everybody may go)
            self._alarm = loop.call_at(oldest.since + FORGOTTEN_S, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        self._let_in(loop)

    def _hurry(self, priority: Priority, waiter: asyncio.Future[Lane]) -> None:
        if not waiter.done() and len(self._busy) < AT_ONCE[priority]:
            waiter.set_result(self._take(waiter.get_loop().time()))

    def _is_free_for(self, priority: Priority) -> bool:
        busy = len(self._busy)
        return not busy or (busy < AT_ONCE[priority] and not self._is_risky())

    def _take(self, now_s: float) -> Lane:
        lane = Lane(now_s)
        self._busy[lane] = None
        return lane

    def _forget(self, now_s: float) -> None:
        while self._busy and (oldest := next(iter(self._busy))).since + FORGOTTEN_S <= now_s:
            del self._busy[oldest]
