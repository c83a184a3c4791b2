"""Processes that share the candles: they answer as one process does, and their deaths cost no trial."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bot.backtest.studies.book import MemoryBook
from bot.backtest.studies.conductor import Conductor, Job
from bot.backtest.studies.session import Crew, alone
from bot.backtest.studies.trial import Bench
from bot.backtest.studies.workers import Processes, memory_mb, work
from bot.db.trials import TrialState, Wanted
from bot.domain.errors import Misconfigured, Unavailable

type Make = Callable[..., Bench]
ONE_SET = {"fast": 5, "slow": 20}


class Deadly:
    """A line on which a job numbered 1 kills the worker that hears it."""

    def __init__(self, line: Any) -> None:
        self._line = line

    def recv(self) -> Any:
        job = self._line.recv()
        if job.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    def send(self, answer: Any) -> None:
        self._line.send(answer)


def deadly(line: Any, *rest: Any) -> None:
    """Be a worker that some jobs kill."""
    work(Deadly(line), *rest)  # type: ignore[arg-type]


@contextmanager
def processes(bench: Bench, count: int, **options: Any) -> Iterator[Processes]:
    workers = Processes(bench.plan, bench.columns, None, count, **options)
    try:
        yield workers
    finally:
        workers.close()


def test_several_processes_find_what_one_finds(bench: Make) -> None:
    one = bench(space=("fast=2,3,5", "slow=9:12"))
    several, left_out = alone(one, Crew(jobs=2))
    assert (several, left_out) == alone(one, Crew(jobs=1))
    assert len(several) == 12


def test_a_worker_that_grew_is_replaced_after_its_trial(bench: Make) -> None:
    book = MemoryBook()
    book.add([Wanted(dict(ONE_SET)) for _ in range(4)])
    with processes(bench(), 1, memory_mb=0.001) as workers:
        assert Conductor(book, workers).run() == 4
        assert workers.replaced == (4 if Path("/proc/self/statm").exists() else 0)


def test_a_worker_that_is_killed_costs_no_trial(bench: Make) -> None:
    with processes(bench(), 1) as workers:
        (worker,) = workers._workers
        while not worker.is_ready:
            workers.collect(1.0)
        os.kill(worker.process.pid, signal.SIGKILL)
        workers.submit(Job(7, dict(ONE_SET)))
        results = [each for _ in range(100) if workers.busy for each in workers.collect(1.0)]
    assert [(each.number, each.figures is not None) for each in results] == [(7, True)]


def test_a_trial_that_kills_its_workers_fails_and_the_others_are_played(bench: Make) -> None:
    book = MemoryBook()
    book.add([Wanted(dict(ONE_SET)) for _ in range(3)])
    with processes(bench(), 2, entry=deadly) as workers:
        Conductor(book, workers).run()
    assert [each.state for each in book.trials()] == [TrialState.DONE, TrialState.FAILED, TrialState.DONE]
    assert "none lived to finish it" in book.trials()[1].reason


def test_workers_that_know_another_strategy_of_that_name_refuse(bench: Make) -> None:
    other = pytest.raises(Unavailable, match="sma_cross was changed since the study began")
    with processes(bench(code="another"), 1) as workers, other:
        workers.collect(60.0)


def stillborn(*_: Any) -> None:
    """Be a worker that dies at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_that_never_begin_are_not_started_for_ever(bench: Make) -> None:
    book = MemoryBook()
    book.add([Wanted(dict(ONE_SET))])
    with processes(bench(), 2, entry=stillborn) as workers, pytest.raises(Unavailable, match="die before they begin"):
        Conductor(book, workers).run()


def test_candles_are_mapped_not_copied(bench: Make) -> None:
    with processes(bench(), 2) as workers:
        for number in range(2):
            workers.submit(Job(number, dict(ONE_SET)))
        while workers.busy:
            workers.collect(1.0)
        if not Path("/proc/self/maps").exists():
            return
        for worker in workers._workers:
            maps = Path(f"/proc/{worker.process.pid}/maps")
            # (one worker may have done both, while the other one still begins)
            deadline = time.monotonic() + 60
            while not any("(deleted)" in line and "r--s" in line for line in maps.read_text().splitlines()):
                assert time.monotonic() < deadline, maps.read_text()
                time.sleep(0.02)


def test_memory_is_counted_where_the_system_tells_it() -> None:
    assert (memory_mb() > 1) == Path("/proc/self/statm").exists()


def test_a_cluster_without_its_library_is_one_line(bench: Make) -> None:
    if find_spec("ray") is not None:
        return
    with pytest.raises(Misconfigured, match=r"--cluster needs Ray; install the extra"):
        alone(bench(), Crew(cluster="local"))
