"""Neighbours: how fast others behind our address use up what we share with them.

Binance tells with each answer what the whole address has used. What of it is not ours is theirs, and from how it grew
follows how much more they may have used by the time that our next request arrives.
"""

from collections import deque

SPAN_S = 0.5
"""Over so long their use is averaged: a request and its answer take less."""
REACH_S = 0.5
"""So long, at most, is a request on its way."""
DOUBLED = 2.0
"""They may grow quicker than they did."""
FORGOTTEN_HALF_IN_S = 60.0
"""Who used the limit up once does it again in the next minute; of their top speed half is forgotten in so long."""
_APART_S = 0.02
"""Looks nearer to each other than that count as one."""


class Neighbours:
    """What others used, in weight, from what the host told (times in monotonic s)."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()
        """When we learned of how much since the first look."""
        self._window = 0
        self._used = 0
        """Of that window."""
        self._total = 0
        self._top: tuple[float, float] = (0.0, 0.0)
        """Their top speed, as far as it is not forgotten, and when that was."""

    def told(self, at_s: float, window: int, used: int) -> None:
        """Take in how much of a window they used, at the least; the first look says nothing of their speed."""
        if window != self._window:
            self._window, self._used = window, 0
        looks = self._looks
        if used > self._used:
            self._total += used - self._used if looks else 0
            self._used = used
        if len(looks) > 1 and at_s - looks[-2][0] < _APART_S:
            looks[-1] = (at_s, self._total)
        else:
            looks.append((at_s, self._total))
        while len(looks) > 2 and looks[1][0] <= at_s - SPAN_S:
            looks.popleft()
        self._top = (self._speed(at_s), at_s)

    def may_use(self, now_s: float) -> float:
        """Give what they may have used since the last look by the time that a request sent now arrives."""
        if not self._looks:
            return 0.0
        return DOUBLED * self._speed(now_s) * (now_s - self._looks[-1][0] + REACH_S)

    def _speed(self, now_s: float) -> float:
        """Give their speed in weight/s: the present one, or what is not forgotten of an earlier one."""
        (first_s, first), (last_s, last) = self._looks[0], self._looks[-1]
        top, top_s = self._top
        remembered: float = top * 0.5 ** ((now_s - top_s) / FORGOTTEN_HALF_IN_S)
        return max((last - first) / max(last_s - first_s, SPAN_S), remembered)
