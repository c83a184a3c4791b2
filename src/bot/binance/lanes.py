"""Lanes: how many requests may be on their way at once, the important ones first.

A request that has left cannot be called back when the host says that it is enough, and the host counts each one that
comes in spite of that. So no more are ever on their way than a host puts up with, and one alone where the host may say
so any moment. What we no longer wait for is among them, for as long as it may still arrive: a line that stood still
delivers everything at once.
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
"""A request without an answer for so long most likely has arrived, or never will: others need not wait for it."""
ARRIVES_S = 20.0
"""So long after it left, at most, does a request arrive."""
MOST = 10
"""Requests that may still arrive, if everything that has no answer is late: a host bans who sends more after a 429."""
_JITTER_S = 0.01
"""Timers ring a little early."""
_HURRIED = frozenset({Priority.CANCEL, Priority.STOP})
_RANKS = {priority: rank for rank, priority in enumerate(AT_ONCE)}


class Lane:
    """One request on its way."""

    __slots__ = ("is_out", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.is_out = False
        """Whether its request left, and no answer came: it may arrive when nobody waits for it any more."""


class Lanes:
    """The lanes of one address. A lane that is entered has to be left. `is_risky` says whether there is only one."""

    def __init__(self, is_risky: Callable[[], bool] = lambda: False) -> None:
        self._is_risky = is_risky
        self._busy: dict[Lane, None] = {}
        """The oldest first."""
        self._late: dict[Lane, None] = {}
        """Without an answer for long, or given up: they may still arrive."""
        self._queue: list[tuple[int, int, float, Priority, asyncio.Future[Lane]]] = []
        """By rank, then number; with the time since when each waits."""
        self._numbers = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> int:
        """How many requests are on their way."""
        return len(self._busy)

    async def enter(self, priority: Priority) -> Lane:
        """Wait for a lane; whoever is more important is let in first, then whoever came first."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._forget(now_s)
        if not self._queue and self._is_free_for(priority):
            return self._take(now_s)
        waiter: asyncio.Future[Lane] = loop.create_future()
        heappush(self._queue, (_RANKS[priority], next(self._numbers), now_s, priority, waiter))
        self._let_in(loop)
        hurry = loop.call_later(HURRY_S, self._let_in, loop) if priority in _HURRIED else None
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
        self._late.pop(lane, None)
        if lane.is_out:
            self._late[lane] = None
        if self._queue:
            self._let_in(asyncio.get_running_loop())

    def _let_in(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        self._forget(now_s)
        queue = self._queue
        while queue:
            _, _, since, priority, waiter = queue[0]
            is_hurried = priority in _HURRIED and now_s - since >= HURRY_S - _JITTER_S
            if not (waiter.done() or self._is_free_for(priority, is_hurried=is_hurried)):
                break
            heappop(queue)
            if not waiter.done():
                waiter.set_result(self._take(now_s))
        if queue and self._alarm is None:
            ends = [each.since + FORGOTTEN_S for each in self._busy] + [each.since + ARRIVES_S for each in self._late]
            self._alarm = loop.call_at(min(ends), self._ring, loop)  # (where nothing is on its way, everybody may go)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        self._let_in(loop)

    def _is_free_for(self, priority: Priority, *, is_hurried: bool = False) -> bool:
        busy = len(self._busy)
        if is_hurried:
            return busy < AT_ONCE[priority]
        if busy + len(self._late) >= MOST:
            return False
        return not busy or (busy < AT_ONCE[priority] and not self._is_risky())

    def _take(self, now_s: float) -> Lane:
        lane = Lane(now_s)
        self._busy[lane] = None
        return lane

    def _forget(self, now_s: float) -> None:
        while self._busy and (oldest := next(iter(self._busy))).since + FORGOTTEN_S <= now_s:
            del self._busy[oldest]
            self._late[oldest] = None
        if self._late:
            for lane in [each for each in self._late if each.since + ARRIVES_S <= now_s]:
                del self._late[lane]
