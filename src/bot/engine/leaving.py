"""Leaving: how often an exit that has to go out came to nothing, and when the next one is due.

Whatever wants a position closed at any price (a person, or the policy when no stop can rest) does not rest at the first
failure; nor does it knock at the exchange's door without a pause.
"""

PAUSE_MAX = 60
"""Pulses (seconds) between two attempts at most."""
LOUD_AT = 3
"""Failures in a row after which it is told as what stops the strategy."""


class Leaving:
    """Counts the failures in a row of one position's last way out."""

    __slots__ = ("failures", "pause", "time_ms")

    def __init__(self) -> None:
        self.failures = 0
        self.pause = 0
        """Pulses to wait before it is tried again."""
        self.time_ms = 0
        """When it was tried last."""

    @property
    def is_due(self) -> bool:
        """True while nothing has to be waited for."""
        return not self.pause

    def fail(self, time_ms: int) -> bool:
        """Note that an exit came to nothing; True when that has to be told loudly."""
        self.failures += 1
        self.pause = min(2 ** (self.failures - 1), PAUSE_MAX)
        self.time_ms = max(self.time_ms, time_ms)
        return self.failures == LOUD_AT

    def pulse(self) -> None:
        """A pulse passed."""
        self.pause = max(0, self.pause - 1)

    def succeed(self) -> None:
        """Note that an exit traded."""
        self.failures = self.pause = 0
