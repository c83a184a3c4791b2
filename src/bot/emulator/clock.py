"""The clock that requests are measured by. It runs like the real one until somebody sets, stops or hurries it."""

import time
from collections.abc import Callable

NowMs = Callable[[], int]


class Clock:
    """Server time in ms UTC. Limits, bans, time windows and the age of connections go by it.

    `real_ns` is what it runs like until somebody touches it.
    """

    def __init__(self, real_ns: Callable[[], int] = time.time_ns) -> None:
        self._real = real_ns
        self._from_ns = 0
        self._real_ns = 0
        self._rate = 1.0
        self._leader: NowMs | None = None
        self._watchers: list[Callable[[], None]] = []

    @property
    def now_ms(self) -> int:
        """Give the time."""
        if self._leader is not None:
            return self._leader()
        if self._rate == 1.0:
            return (self._real() - self._real_ns + self._from_ns) // 1_000_000
        return (self._from_ns + int((self._real() - self._real_ns) * self._rate)) // 1_000_000

    @property
    def rate(self) -> float:
        """Give how many seconds pass here in a real one; 0 while it stands still."""
        return self._rate

    @property
    def is_led(self) -> bool:
        """True while somebody else's time is shown, which moves in steps and not by itself."""
        return self._leader is not None

    def follow(self, leader: NowMs) -> None:
        """Show somebody else's time from now on."""
        self._leader = leader

    def set(self, now_ms: int) -> None:
        """Jump to a time, and run on from there."""
        self._leader = None
        self._from_ns, self._real_ns = now_ms * 1_000_000, self._real()
        self._tell()

    def run_at(self, rate: float) -> None:
        """Run faster, slower or not at all, from the present time on."""
        now_ms = self.now_ms
        self._rate = rate
        self.set(now_ms)

    def on_jump(self, watcher: Callable[[], None]) -> None:
        """Call somebody after each jump: what was due in between is due now."""
        self._watchers.append(watcher)

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher()
