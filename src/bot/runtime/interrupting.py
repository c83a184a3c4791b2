"""Interrupts a strategy that does not come to an end: all accounts of a process share one loop, orders with them.

A timer of the system rings some times a second. What it finds at work for longer than the deadline inside one callback
of a strategy is ended there, asleep or busy, by an error that the engine takes like any other of that callback's: the
strategy is stopped, and what it holds stays watched. Nothing but a strategy's own code is ever interrupted.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from bot.engine.callbacks import Fault, drive
from bot.engine.engine import Engine

DEADLINE_S = 2.0
"""Above the engine's own, by which a callback that does end is judged."""
EVERY_S = 0.25
_CALL = Engine._call.__code__
_DRIVE = drive.__code__


class Interrupter:
    """Looks, at each ring, at what the main thread is doing."""

    def __init__(self, deadline_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._deadline_s = deadline_s
        self._now = now
        self._seen: FrameType | None = None
        """The engine's call of a strategy that was under way at the last ring; held, so that it is no other's."""
        self._since = 0.0

    def ring(self, _signal: int, frame: FrameType | None) -> None:
        """Raise Fault inside a callback that had its time."""
        call, name = _callback_of(frame)
        if call is not self._seen:
            self._seen, self._since = call, self._now()
        elif call is not None and (took_s := self._now() - self._since) >= self._deadline_s:
            raise Fault(f"{name} did not come to an end within {took_s:.1f} s and was interrupted")


@contextmanager
def overruns_interrupted(deadline_s: float = DEADLINE_S, every_s: float = EVERY_S) -> Iterator[None]:
    """Interrupt strategies that take longer than that, where the system can: in the main thread, not on Windows."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, Interrupter(deadline_s).ring)
    signal.setitimer(signal.ITIMER_REAL, every_s, every_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _callback_of(frame: FrameType | None) -> tuple[FrameType | None, str]:
    """Give the engine's call of a strategy that is under way and the callback's name, if its own code is at work."""
    above: CodeType | None = None
    while frame is not None and frame.f_code is not _CALL:
        above, frame = frame.f_code, frame.f_back
    if frame is None or above is None:
        return None, ""
    callback = frame.f_locals["callback"]
    own = getattr(getattr(callback, "__func__", callback), "__code__", None)
    return (frame, callback.__name__) if above in {own, _DRIVE} else (None, "")
