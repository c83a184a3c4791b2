"""The rows of a study, as whoever works on them sees them. Plain records: nothing here needs a database."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec


class TrialState(StrEnum):
    """How far a trial came."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Wanted(msgspec.Struct, frozen=True):
    """A trial that is to be made: settings, the rows of candles it is about (all if empty), and what for.

    `hints` are a search's own notes.
    """

    params: dict[str, Any]
    part: str = ""
    stretches: tuple[tuple[int, int], ...] = ()
    hints: dict[str, Any] = {}


class Trial(msgspec.Struct, frozen=True):
    """A trial on record. `figures` are there once it is done, `reason` once it failed."""

    number: int
    wanted: Wanted
    state: TrialState = TrialState.WAITING
    figures: dict[str, Any] | None = None
    reason: str = ""
    attempts: int = 0
    """How often somebody began it."""


class Result(msgspec.Struct, frozen=True):
    """What came of a trial: figures, or the reason why there are none."""

    number: int
    figures: dict[str, Any] | None
    reason: str = ""


class Book(Protocol):
    """The trials of one study: each is handed out to one worker at a time and counted once."""

    @property
    def is_shared(self) -> bool:
        """Whether others may take what we took and do not renew."""
        ...

    def add(self, wanted: Sequence[Wanted], most: int | None = None) -> int:
        """Add trials, up to `most` of the study in all; gives how many were added."""
        ...

    def claim(self, count: int) -> list[Trial]:
        """Take up to `count` trials that wait, or whose worker is dead or silent."""
        ...

    def renew(self) -> None:
        """Say that we still work on what we took."""
        ...

    def finish(self, results: Sequence[Result]) -> int:
        """Put results on record; gives how many counted: what another worker finished before us does not."""
        ...

    def release(self) -> None:
        """Give back what we took and did not finish."""
        ...

    def trials(self, after: int = -1) -> list[Trial]:
        """Give the trials above a number, in order."""
        ...

    def open_count(self) -> int:
        """Say how many trials wait or are worked on."""
        ...
