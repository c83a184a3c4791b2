"""Countdowns and dates of orders: what ends when its time comes, to the millisecond of server time."""

import asyncio
import contextlib
from collections.abc import Callable

from bot.emulator.clock import Clock

OnDue = Callable[[str, str, int], None]
"""What is called with account, symbol and the time (ms) that was agreed on."""
OnDate = Callable[[int], None]
"""What is called with a date (ms) that orders end at."""


class Deadlines:
    """Countdowns by account and symbol, and dates. A led clock is looked at whenever it moves; others wake us."""

    def __init__(self, clock: Clock, on_due: OnDue, on_date: OnDate) -> None:
        self._clock, self._on_due, self._on_date = clock, on_due, on_date
        self._due: dict[tuple[str, str] | int, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        clock.on_jump(self._look)

    def set(self, account: str, symbol: str, countdown_ms: int) -> None:
        """Begin a countdown, or begin it anew; 0 calls it off."""
        self._due.pop((account, symbol), None)
        if countdown_ms:
            self._due[account, symbol] = self._clock.now_ms + countdown_ms
        self._arm()

    def set_date(self, date_ms: int) -> None:
        """Remember a date that an order ends at; 0 is none."""
        if date_ms and date_ms not in self._due:
            self._due[date_ms] = date_ms
            self._arm()

    def meet(self, now_ms: int) -> None:
        """Act on everything that is due by a time, the earliest first."""
        due = [(due_ms, key) for key, due_ms in self._due.items() if due_ms <= now_ms]
        for due_ms, key in sorted(due, key=lambda item: item[0]):
            del self._due[key]
            if isinstance(key, int):
                self._on_date(due_ms)
            else:
                self._on_due(*key, due_ms)

    def _look(self) -> None:
        self.meet(self._clock.now_ms)
        self._arm()

    def _arm(self) -> None:
        """Be woken when the next one is due; a clock that stands still or is led wakes nobody."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due and not self._clock.is_led and self._clock.rate:
            wait_s = (min(self._due.values()) - self._clock.now_ms) / 1_000 / self._clock.rate
            with contextlib.suppress(RuntimeError):
                self._timer = asyncio.get_running_loop().call_later(max(wait_s, 0.0005), self._look)
