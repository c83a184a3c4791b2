"""What a check of a strategy may find: a cause and its mending, each in words for the person who wrote the strategy."""

from datetime import UTC, datetime
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong with a strategy.

    `kind` is a fixed word for programs. `misleads` says that a backtest of it would mean nothing; else it only takes
    other decisions after a restart.
    """

    kind: str
    cause: str
    fix: str
    misleads: bool = True
    time_ms: int | None = None
    """Close (ms UTC) of the candle at which it showed, where there is one."""

    def __str__(self) -> str:
        return f"{self.cause}; {self.fix}"


class Found(Exception):
    """A check came upon something; carries the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Looked(NamedTuple):
    """What one check compared, in words, and what it found."""

    compared: str
    finding: Finding | None = None


def moment(time_ms: int) -> str:
    """Write a time for people, in UTC."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def failure(callback: str, error: Exception) -> Found:
    """Give the finding that an exception of a strategy's own code is, in one line."""
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    return Found(Finding("raises", f"{callback} raised {said}", "mend it: the strategy would be stopped there"))
