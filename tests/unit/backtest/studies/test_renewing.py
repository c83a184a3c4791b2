"""A trial of a shared book is renewed while it is played, also by one job alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bot.backtest.studies import conductor
from bot.backtest.studies.book import MemoryBook
from bot.backtest.studies.plan import code_of
from bot.backtest.studies.session import Crew, conduct, workers_of
from bot.backtest.studies.trial import Bench
from bot.backtest.studies.workers import Here
from bot.db.base import plain_dsn
from bot.db.studies import Studies
from bot.db.trials import TrialState, Wanted
from bot.strategies.registry import discover

type Make = Callable[..., Bench]
ONE_JOB = Crew(jobs=1)
LONG = """
import time
from pathlib import Path

from bot.strategies.sma_cross import SmaCross


class Long(SmaCross):
    name = "long"

    def signals(self, frame):
        (Path(__file__).parent / "began").touch()
        give_up = time.monotonic() + 30
        while not (Path(__file__).parent / "may_end").exists():
            if time.monotonic() > give_up:
                raise TimeoutError("nobody let it end")
            time.sleep(0.01)
        return super().signals(frame)
"""
"""Plays until it is let go."""


@pytest.fixture
def studies(database_url: str) -> Iterator[Studies]:
    """All studies of this test's database."""
    with Studies(database_url) as kept:
        yield kept


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the strategy that takes its time."""
    made = tmp_path / "mine"
    made.mkdir(mode=0o700)
    (made / "long.py").write_text(LONG)
    return made


def test_a_trial_that_outlasts_its_lease_is_renewed_by_one_job_and_counted_once(
    bench: Make, studies: Studies, database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = discover(folder).find("long")
    one = bench(strategy="long", code=code_of(strategy))._replace(strategy=strategy)
    studies.begin("one", one.plan.text(), one.plan.digest, [Wanted({"fast": 5, "slow": 20})])
    book, rival = studies.book("one"), studies.book("one")
    renew, stolen, renewed = book.renew, [], 0

    def watched() -> None:
        nonlocal renewed
        if (folder / "began").exists() and not (folder / "may_end").exists():
            # Two minutes are over: whoever is not renewed now loses it.
            clock.execute("UPDATE public.trials SET expires_at = clock_timestamp() WHERE state = 'running'")
            renewed += 1
        renew()
        stolen.extend(rival.claim(1))
        if renewed == 3:
            (folder / "may_end").touch()

    monkeypatch.setattr(book, "renew", watched)
    monkeypatch.setattr(conductor, "RENEW_S", 0.0)
    with psycopg.connect(plain_dsn(database_url), autocommit=True) as clock:
        counted = conduct(one, book, ONE_JOB._replace(strategies=folder))
    assert (counted, stolen, renewed) == (1, [], 3)
    (trial,) = book.trials()
    assert (trial.state, trial.attempts, trial.reason) == (TrialState.DONE, 1, "")


def test_one_job_plays_here_what_nobody_else_can_take(bench: Make) -> None:
    with workers_of(bench(), ONE_JOB, must_renew=MemoryBook().is_shared) as workers:
        assert isinstance(workers, Here)


def test_a_search_with_one_job_tries_the_same_kept_or_not(bench: Make, studies: Studies) -> None:
    one = bench(space=("fast=2..15", "slow=16..60"), search="tpe", trials=15)
    book = MemoryBook()
    assert conduct(one, book, ONE_JOB) == 15
    studies.begin("kept", one.plan.text(), one.plan.digest, [])
    kept = studies.book("kept")
    assert conduct(one, kept, ONE_JOB) == 15
    assert [each.wanted.params for each in kept.trials()] == [each.wanted.params for each in book.trials()]
