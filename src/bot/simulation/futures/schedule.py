"""When funding is settled, and at which rate: as recorded, or as assumed where nothing is known."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import count

from bot.simulation.futures.funding import HOUR_MS, next_funding_ms

NEVER = 1 << 62

type Rate = tuple[int, Decimal]
"""A time (ms UTC) and the rate settled then, as a fraction: 0.0001 is a hundredth of a percent."""


class Schedule:
    """The fundings of one symbol, each given once, in the order of time."""

    def __init__(self, rates: Iterable[Rate] = ()) -> None:
        self._rates = iter(rates)
        self._next: Rate | None = next(self._rates, None)

    @property
    def next_ms(self) -> int:
        """When the next one is due; later than all time when none is left."""
        return NEVER if self._next is None else self._next[0]

    def due(self, until_ms: int) -> list[Rate]:
        """Give those that are due up to `until_ms` and were not given before."""
        found: list[Rate] = []
        while self._next is not None and self._next[0] <= until_ms:
            found.append(self._next)
            self._next = next(self._rates, None)
        return found


def flat(rate: Decimal, from_ms: int, interval_hours: int = 8) -> Iterator[Rate]:
    """Give the same rate for ever, at each funding time after `from_ms`."""
    for time_ms in count(next_funding_ms(from_ms, interval_hours), interval_hours * HOUR_MS):
        yield time_ms, rate
