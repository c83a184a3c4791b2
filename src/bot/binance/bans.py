"""A note of until when Binance wants no request from this machine: other processes and the next start read it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONGEST_S = 4 * 86_400.0
"""Bans last three days at most; a later time in the file is damage."""


class NoBanNote:
    """Remembers nothing, for clients without a place to write."""

    def until(self) -> float:
        """Give wall seconds; 0 when nothing is known."""
        return 0.0

    def extend(self, until: float) -> None:
        """Forget it."""


class BanNote:
    """One small file. What cannot be read or written is no ban: the exchange will say it again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] = (0, 0)
        self._until = 0.0

    def until(self) -> float:
        """Give the wall second until which nothing may be sent; 0 when nothing is known."""
        try:
            found = self._path.stat()
        except OSError:
            self._seen, self._until = (0, 0), 0.0
            return 0.0
        if self._seen != (found.st_mtime_ns, found.st_ino):
            self._seen = (found.st_mtime_ns, found.st_ino)
            self._until = self._read(found.st_mtime)
        return self._until

    def extend(self, until: float) -> None:
        """Note a later time; an earlier one changes nothing."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _alone_in(self._path.parent):
                if until <= self.until():
                    return
                beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
                beside.write_text(f"{until:.3f}\n", encoding="ascii")
                beside.replace(self._path)

    def _read(self, written: float) -> float:
        try:
            until = float(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0.0
        return until if 0 < until < written + LONGEST_S else 0.0


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from writing there: of two bans told at once, the longer one has to stay."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
