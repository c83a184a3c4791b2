"""A clock that stands still until told otherwise; sleeping moves it on at once."""

import asyncio


class FakeClock:
    """Time by hand."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._now_ms / 1000

    async def sleep(self, seconds: float) -> None:
        self._now_ms += int(seconds * 1000)
        await asyncio.sleep(0)
