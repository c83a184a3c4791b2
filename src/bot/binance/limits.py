"""The weight bank: how much we may still ask of Binance this minute, for all clients behind one address."""

import asyncio
import time
from collections.abc import Callable, Mapping
from enum import Enum

from bot.binance.errors import Throttled

WINDOW_S = 60.0


class Priority(Enum):
    """What a request is for; the value is the share of the minute's weight it may use up."""

    ORDER = 1.0
    QUERY = 0.9
    HISTORY = 0.6


class WeightBank:
    """Holds requests back before Binance has to. Learns from its headers; after 429 or 418 nothing goes out."""

    def __init__(
        self,
        limit: int = 6000,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        patience_s: float = 65.0,
    ) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._wall = wall
        self._patience_s = patience_s
        self._window = 0
        self._used = 0
        self._blocked_until = 0.0

    @property
    def used(self) -> int:
        """Weight used in the present minute, as far as we know."""
        self._turn()
        return self._used

    def wait_s(self, weight: int, priority: Priority) -> float:
        """Say how long such a request has to wait; 0 when it may go."""
        self._turn()
        ban = self._blocked_until - self._monotonic()
        full = self._used + weight > self._limit * priority.value
        # Windows are aligned to the minute, not sliding: the next one starts empty.
        return max(ban, WINDOW_S - self._wall() % WINDOW_S if full else 0.0, 0.0)

    async def admit(self, weight: int, priority: Priority) -> None:
        """Let a request go, now or when its turn comes. Raises Throttled for orders at once: a late order is stale."""
        while wait := self.wait_s(weight, priority):
            if priority is Priority.ORDER or wait > self._patience_s:
                raise Throttled(
                    f"Binance's request limit is used up for {wait:.0f} s: nothing was sent; it goes on by itself",
                    wait,
                )
            await asyncio.sleep(wait)
        self._used += weight

    def learn(self, status: int, headers: Mapping[str, str]) -> float:
        """Take in a reply's headers; give the seconds it told us to wait (0: none)."""
        self._turn()
        used = headers.get("x-mbx-used-weight-1m", "")
        if used.isdecimal():
            self._used = max(self._used, int(used))
        if status not in {418, 429}:
            return 0.0
        text = headers.get("Retry-After", "")
        wait = float(text) if text.isdecimal() else (120.0 if status == 418 else WINDOW_S)
        self._blocked_until = max(self._blocked_until, self._monotonic() + wait)
        return wait

    def _turn(self) -> None:
        window = int(self._wall() // WINDOW_S)
        if window != self._window:
            self._window, self._used = window, 0
