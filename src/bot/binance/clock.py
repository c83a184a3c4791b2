"""Clocks: the exchange's time kept on a clock that never jumps, and this machine's own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

from bot.domain.errors import BotError

REFRESH_S = 180.0
JUMP_S = 0.5
"""By more than this this machine's time moved against the clock that never jumps: it was set, or it slept."""


class LocalClock:
    """This machine's time, for what needs no exchange."""

    def now_ms(self) -> int:
        """Give ms UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Give seconds of a clock that never jumps."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ExchangeClock:
    """The exchange's time: an offset to the monotonic clock, the median of several looks.

    `speed` is how fast the other clock runs: 1 everywhere but at an emulator whose time is accelerated.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[int]],
        *,
        looks: int = 5,
        speed: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._ask = ask
        self._looks = looks
        self._speed = speed
        self._monotonic = monotonic
        self._wall = wall
        self._apart_s = wall() - monotonic()
        self._is_suspect = False
        # Until the first look, this machine's time is the best guess.
        self._origin_ms = (wall() - monotonic() * speed) * 1000

    def now_ms(self) -> int:
        """Give exchange time in ms UTC."""
        return int(self._monotonic() * 1000 * self._speed + self._origin_ms)

    def monotonic(self) -> float:
        """Give seconds of a clock that never jumps."""
        return self._monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait (real seconds)."""
        await asyncio.sleep(seconds)

    def seconds_until(self, time_ms: int) -> float:
        """Give the real seconds until an exchange time; below 0 when it has passed."""
        return (time_ms - self.now_ms()) / 1000 / self._speed

    @property
    def is_suspect(self) -> bool:
        """True when the exchange's clock has to be looked at before anything is signed."""
        return self._is_suspect or abs(self._wall() - self._monotonic() - self._apart_s) > JUMP_S

    def suspect(self) -> None:
        """Note that the exchange called our time wrong."""
        self._is_suspect = True

    async def sync(self) -> None:
        """Look at the exchange's clock several times and keep the median. Raises Unavailable."""
        origins = []
        for _ in range(self._looks):
            asked = self._monotonic()
            server_ms = await self._ask()
            answered = self._monotonic()
            origins.append(server_ms - (asked + answered) / 2 * 1000 * self._speed)
        self._origin_ms = median(origins)
        self._apart_s = self._wall() - self._monotonic()
        self._is_suspect = False

    async def keep(self, every_s: float = REFRESH_S) -> None:
        """Look again every few minutes, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.sync()
            except BotError:
                continue  # The old offset drifts by milliseconds a minute; the next look mends it.
