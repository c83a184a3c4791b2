"""The inbox of one account: everything that happens to it comes in here, and what became of orders comes first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from bot.domain.market import Candle
from bot.domain.messages import Event

PAUSE_EVERY = 5
"""Events taken without a pause before others get their turn: an account that is behind must not hold them up."""


class Inbox:
    """Two lanes: order facts overtake candles, so that a candle meets the positions that earlier orders made.

    Closed candles are never dropped. A forming candle replaces an older forming one still waiting: a slow account
    sees fewer of them, not later ones.
    """

    def __init__(self) -> None:
        self._facts: deque[Event] = deque()
        self._closed: deque[Event] = deque()
        self._forming: dict[tuple[str, str, str], Candle] = {}
        self._arrived = asyncio.Event()
        self.longest = 0
        """Most events that ever waited."""

    def put(self, event: Event) -> None:
        """Take an event in; never blocks."""
        if isinstance(event, Candle):
            if event.is_closed:
                self._forming.pop((event.market, event.symbol, event.interval), None)
                self._closed.append(event)
            else:
                self._forming[event.market, event.symbol, event.interval] = event
        else:
            self._facts.append(event)
        self.longest = max(self.longest, len(self._closed) + len(self._facts))
        self._arrived.set()

    def next_fact(self) -> Event | None:
        """Give the oldest order fact that waits, or None."""
        return self._facts.popleft() if self._facts else None

    @property
    def waiting(self) -> int:
        """Events that wait now."""
        return len(self._facts) + len(self._closed) + len(self._forming)

    @property
    def is_idle(self) -> bool:
        """True while nothing waits and the reader is done with all it took."""
        return not self._arrived.is_set()

    @property
    def waiting_candles(self) -> int:
        """Closed candles that wait now."""
        return len(self._closed)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Give events for ever, facts before candles."""
        taken = 0
        while True:
            event = self._take()
            if event is None:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            yield event
            taken += 1
            if taken % PAUSE_EVERY == 0:
                await asyncio.sleep(0)

    def _take(self) -> Event | None:
        if self._facts:
            return self._facts.popleft()
        if self._closed:
            return self._closed.popleft()
        if self._forming:
            return self._forming.pop(next(iter(self._forming)))
        return None
