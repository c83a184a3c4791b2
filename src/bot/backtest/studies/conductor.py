"""The conductor of a study: takes trials from the book, hands them to workers, puts what they answer on record.

Several conductors, on one host or many, may work on one book at the same time; each trial is counted once. Whoever
dies in between leaves trials that the others take up again.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bot.db.trials import Book, Result, Trial, Wanted

RENEW_S = 20.0
OTHERS_S = 0.5
"""How long to wait before asking again whether others left something to do."""
ATTEMPTS_MAX = 5
"""A trial that so many workers began and none finished kills workers."""


class Job(NamedTuple):
    """A trial as a worker gets it: its number, its settings, and rows of candles (all if empty)."""

    number: int
    params: dict[str, object]
    stretches: tuple[tuple[int, int], ...] = ()


class Workers(Protocol):
    """Whoever plays trials: this process, others of this machine, or a cluster."""

    @property
    def room(self) -> int:
        """How many more jobs are wanted now."""
        ...

    @property
    def busy(self) -> int:
        """How many jobs are not answered yet."""
        ...

    def submit(self, job: Job) -> None:
        """Hand a job over."""
        ...

    def collect(self, timeout_s: float) -> list[Result]:
        """Give what was answered, waiting so long for the first."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


class Supply(Protocol):
    """Where further trials come from when none is left that waits."""

    def more(self, book: Book, count: int) -> Sequence[Wanted]:
        """Propose up to `count` further trials; none when the search has ended."""
        ...

    @property
    def most(self) -> int | None:
        """How many trials the study has in all; None when all were there from the beginning."""
        ...


class Listed:
    """The supply of a study whose trials were all there from the beginning."""

    most = None

    def more(self, book: Book, count: int) -> Sequence[Wanted]:  # noqa: ARG002
        """Propose nothing."""
        return ()


class Conductor:
    """Works on a book until nothing is left, here or with anybody else."""

    def __init__(
        self,
        book: Book,
        workers: Workers,
        supply: Supply | None = None,
        tell: Callable[[int], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take `tell`, which is given the number of trials that were finished since the last call."""
        self._book = book
        self._workers = workers
        self._supply: Supply = supply or Listed()
        self._tell = tell
        self._clock = clock
        self._renewed = clock()

    def run(self) -> int:
        """Work; gives how many trials of ours counted. What is unfinished when it fails goes back into the book."""
        counted = 0
        try:
            while self._hand_out() or self._workers.busy or self._book.open_count():
                if results := self._workers.collect(OTHERS_S):
                    new = self._book.finish(results)
                    counted += new
                    self._tell(new)
                if self._clock() - self._renewed > RENEW_S:
                    self._book.renew()
                    self._renewed = self._clock()
        finally:
            self._book.release()
        return counted

    def _hand_out(self) -> int:
        room = self._workers.room
        if room <= 0:
            return 0
        claimed = self._book.claim(room)
        if len(claimed) < room and (wanted := self._supply.more(self._book, room - len(claimed))):
            self._book.add(wanted, self._supply.most)
            claimed += self._book.claim(room - len(claimed))
        for trial in claimed:
            self._begin(trial)
        return len(claimed)

    def _begin(self, trial: Trial) -> None:
        if trial.attempts > ATTEMPTS_MAX:
            reason = f"{trial.attempts - 1} workers began it and none lived to finish it"
            self._tell(self._book.finish([Result(trial.number, None, reason)]))
        else:
            self._workers.submit(Job(trial.number, trial.wanted.params, trial.wanted.stretches))
