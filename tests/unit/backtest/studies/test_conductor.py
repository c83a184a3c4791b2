"""The conductor plays every trial to its end, whoever plays it, and leaves nothing taken behind."""

from collections.abc import Callable

import pytest

from bot.backtest.studies.book import MemoryBook
from bot.backtest.studies.conductor import ATTEMPTS_MAX, RENEW_S, Conductor, Job
from bot.backtest.studies.session import Crew, alone
from bot.backtest.studies.trial import Bench
from bot.backtest.studies.workers import Here
from bot.db.trials import Result, TrialState, Wanted
from bot.domain.errors import Unavailable

type Make = Callable[..., Bench]


class Slow:
    """Workers that answer one job at each third look."""

    room = 2

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.looks = 0

    @property
    def busy(self) -> int:
        return len(self.jobs)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def collect(self, timeout_s: float) -> list[Result]:
        self.looks += 1
        if not self.jobs or self.looks % 3:
            return []
        return [Result(self.jobs.pop(0).number, {"net_pnl": "1"})]

    def close(self) -> None:
        self.jobs.clear()


class Broken(Slow):
    """Workers whose line breaks."""

    def collect(self, timeout_s: float) -> list[Result]:
        raise Unavailable("the line broke")


def book_of(count: int) -> MemoryBook:
    book = MemoryBook()
    book.add([Wanted({"fast": n}) for n in range(count)])
    return book


def test_every_trial_is_played_and_told_of_once(bench: Make) -> None:
    told: list[int] = []
    trials, left_out = alone(bench(), Crew(), told.append)
    assert left_out == 1  # 9 and 9: the quick average is not the quicker one
    assert [each.wanted.params for each in trials] == [
        {"fast": 2, "slow": 9}, {"fast": 2, "slow": 20}, {"fast": 5, "slow": 9}, {"fast": 5, "slow": 20},
        {"fast": 9, "slow": 20},
    ]  # fmt: skip
    assert {each.state for each in trials} == {TrialState.DONE}
    assert sum(told) == 5


def test_workers_that_take_their_time_are_waited_for_and_renewed() -> None:
    renewed, now = [], [0.0]

    class Watched(MemoryBook):
        def renew(self) -> None:
            renewed.append(now[0])

    def clock() -> float:
        now[0] += RENEW_S / 4
        return now[0]

    book = Watched()
    book.add([Wanted({"fast": n}) for n in range(5)])
    assert Conductor(book, Slow(), clock=clock).run() == 5
    assert book.open_count() == 0
    assert renewed


def test_what_is_unfinished_when_it_fails_goes_back() -> None:
    book = book_of(3)
    with pytest.raises(Unavailable, match="the line broke"):
        Conductor(book, Broken()).run()
    assert [each.state for each in book.trials()] == [TrialState.WAITING] * 3
    assert [each.number for each in book.claim(3)] == [0, 1, 2]


def test_a_trial_that_nobody_lives_to_finish_fails_with_its_cause() -> None:
    class Fatal(MemoryBook):
        def claim(self, count: int) -> list:  # type: ignore[type-arg]
            import msgspec

            return [msgspec.structs.replace(each, attempts=ATTEMPTS_MAX + 1) for each in super().claim(count)]

    book = Fatal()
    book.add([Wanted({"fast": 1})])
    Conductor(book, Slow()).run()
    (trial,) = book.trials()
    assert (trial.state, trial.reason) == (TrialState.FAILED, "5 workers began it and none lived to finish it")


def test_settings_that_fail_are_a_result_and_the_others_go_on(bench: Make) -> None:
    book = MemoryBook()
    book.add([Wanted({"fast": 9, "slow": 3}), Wanted({"fast": 3, "slow": 9})])
    Conductor(book, Here(bench())).run()
    failed, done = book.trials()
    assert (failed.state, done.state) == (TrialState.FAILED, TrialState.DONE)
    assert "fast is not below slow" in failed.reason
