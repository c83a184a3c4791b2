"""A note of until when Binance wants no request from this machine: other processes and the next start read it."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

LONGEST_S = 4 * 86_400.0
"""Bans last three days at most; a longer wait in the file is damage."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Note(Protocol):
    """What outlives a process: how long there is to wait."""

    def left_s(self) -> float:
        """Give the seconds during which nothing may be sent; 0 or less when nothing is known."""
        ...

    def extend(self, wait_s: float) -> None:
        """Note so many seconds from now on; less than is noted already changes nothing."""
        ...


class NoNote:
    """Remembers nothing, for clients without a place to write."""

    def left_s(self) -> float:
        """Give 0."""
        return 0.0

    def extend(self, wait_s: float) -> None:
        """Forget it."""


NO_NOTE = NoNote()


class MemoryNote:
    """A note in memory, for processes that share one because they are made up."""

    def __init__(self, since_start: Callable[[], float]) -> None:
        self._since_start = since_start
        self._until = 0.0

    def left_s(self) -> float:
        """Give the seconds during which nothing may be sent; 0 or less when nothing is known."""
        return self._until - self._since_start()

    def extend(self, wait_s: float) -> None:
        """Note so many seconds from now on; less than is noted already changes nothing."""
        self._until = max(self._until, self._since_start() + wait_s)


class _Until(NamedTuple):
    """The end of a wait, by the wall clock and by the clock that counts since this machine's start, whose name is
    told, too: the wall clock can be set, and the other one begins anew with each start."""

    wall: float
    since_start: float
    start: str


_NEVER = _Until(0.0, 0.0, "")


class BanNote:
    """One small file. What cannot be read or written is no ban: the exchange will say it again."""

    def __init__(
        self,
        path: Path,
        *,
        wall: Callable[[], float] = time.time,
        since_start: Callable[[], float] | None = None,
        start: str | None = None,
    ) -> None:
        self._path = path
        self._wall = wall
        self._since_start = since_start or _since_start
        self._start = _start_of_this_machine() if start is None else start
        self._seen: tuple[int, int] = (0, 0)
        self._until = _NEVER

    def left_s(self) -> float:
        """Give the seconds during which nothing may be sent; 0 or less when nothing is known."""
        until = self._noted()
        if until.start and until.start == self._start:
            return until.since_start - self._since_start()
        return until.wall - self._wall()

    def extend(self, wait_s: float) -> None:
        """Note so many seconds from now on; less than is noted already changes nothing."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _alone_in(self._path.parent):
                if wait_s <= self.left_s():
                    return
                beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
                text = f"{self._wall() + wait_s:.3f} {self._since_start() + wait_s:.3f} {self._start}\n"
                beside.write_text(text, encoding="ascii")
                beside.replace(self._path)

    def _noted(self) -> _Until:
        try:
            found = self._path.stat()
        except OSError:
            self._seen, self._until = (0, 0), _NEVER
            return _NEVER
        if self._seen != (found.st_mtime_ns, found.st_ino):
            self._seen = (found.st_mtime_ns, found.st_ino)
            self._until = self._read(found.st_mtime)
        return self._until

    def _read(self, written: float) -> _Until:
        try:
            wall, since_start, start = self._path.read_text(encoding="ascii").rstrip("\n").split(" ", 2)
            until = _Until(float(wall), float(since_start), start)
        except (OSError, ValueError):
            return _NEVER
        if not 0 < until.wall < written + LONGEST_S:
            return _NEVER
        # Nobody can have been told to wait for longer than that, whatever the clocks say by now.
        return until if 0 < until.since_start < self._since_start() + LONGEST_S else until._replace(start="")


def _since_start() -> float:
    """Give the seconds since this machine's start, those it slept through with them where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _start_of_this_machine() -> str:
    """Name this machine's present start; empty where the system gives it no name."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from writing there: of two bans told at once, the longer one has to stay."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
