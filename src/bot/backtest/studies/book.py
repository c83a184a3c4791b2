"""The trials of a study that nobody keeps: the same book as the one in the database, in memory."""

from collections.abc import Sequence

import msgspec

from bot.db.trials import Result, Trial, TrialState, Wanted


class MemoryBook:
    """Trials of one process, gone with it."""

    is_shared = False

    def __init__(self) -> None:
        self._trials: list[Trial] = []
        self._next = 0
        self._returned: list[int] = []
        self._open = 0

    def add(self, wanted: Sequence[Wanted], most: int | None = None) -> int:
        """Add trials, up to `most` in all; gives how many were added."""
        room = len(wanted) if most is None else max(0, most - len(self._trials))
        first = len(self._trials)
        self._trials += [Trial(first + n, each) for n, each in enumerate(wanted[:room])]
        self._open += len(self._trials) - first
        return len(self._trials) - first

    def claim(self, count: int) -> list[Trial]:
        """Take up to `count` trials that wait."""
        again, self._returned = self._returned[:count], self._returned[count:]
        last = min(self._next + count - len(again), len(self._trials))
        numbers = [*again, *range(self._next, last)]
        self._next = last
        for number in numbers:
            each = self._trials[number]
            self._trials[number] = msgspec.structs.replace(each, state=TrialState.RUNNING, attempts=each.attempts + 1)
        return [self._trials[number] for number in numbers]

    def renew(self) -> None:
        """Nobody else can take what we took."""

    def finish(self, results: Sequence[Result]) -> int:
        """Put results on record; gives how many counted."""
        counted = 0
        for result in results:
            each = self._trials[result.number]
            if each.state is TrialState.RUNNING:
                state = TrialState.FAILED if result.figures is None else TrialState.DONE
                self._trials[result.number] = msgspec.structs.replace(
                    each, state=state, figures=result.figures, reason=result.reason
                )
                counted += 1
        self._open -= counted
        return counted

    def release(self) -> None:
        """Give back what was taken and not finished."""
        for each in self._trials:
            if each.state is TrialState.RUNNING:
                self._trials[each.number] = msgspec.structs.replace(
                    each, state=TrialState.WAITING, attempts=each.attempts - 1
                )
                self._returned.append(each.number)

    def trials(self, after: int = -1) -> list[Trial]:
        """Give the trials above a number, in order."""
        return self._trials[after + 1 :]

    def open_count(self) -> int:
        """Say how many trials wait or are worked on."""
        return self._open
