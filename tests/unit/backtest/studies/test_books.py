"""Both books, in memory and in PostgreSQL, hand each trial to one worker at a time and count it once."""

from collections.abc import Iterator

import psycopg
import pytest

from bot.backtest.studies.book import MemoryBook
from bot.db.base import plain_dsn
from bot.db.studies import Studies
from bot.db.trials import Book, Result, TrialState, Wanted
from bot.domain.errors import Misconfigured, Unavailable

FOUR = [Wanted({"fast": n, "slow": 20.5}, "fold 1", ((0, 10), (20, 30)), {"generation": n}) for n in range(4)]
FIGURES = {"net_pnl": "1.000000000000000001", "trades": 3}


@pytest.fixture
def studies(database_url: str) -> Iterator[Studies]:
    """All studies of this test's database."""
    with Studies(database_url) as kept:
        yield kept


@pytest.fixture(params=["memory", "database"])
def book(request: pytest.FixtureRequest) -> Book:
    """An empty book of either kind."""
    if request.param == "memory":
        return MemoryBook()
    studies: Studies = request.getfixturevalue("studies")
    studies.begin("one", "{}", "digest", [])
    return studies.book("one")


def test_trials_are_handed_out_in_order_and_once(book: Book) -> None:
    assert book.add(FOUR) == 4
    claimed = [*book.claim(3), *book.claim(3)]
    assert [each.number for each in claimed] == [0, 1, 2, 3]
    assert [each.wanted for each in claimed] == FOUR
    assert {(each.state, each.attempts) for each in claimed} == {(TrialState.RUNNING, 1)}
    assert book.claim(3) == []
    assert book.open_count() == 4


def test_a_result_counts_once(book: Book) -> None:
    book.add(FOUR)
    book.claim(2)
    results = [Result(0, FIGURES), Result(1, None, "a fault")]
    assert book.finish(results) == 2
    assert book.finish(results) == 0
    assert book.finish([Result(2, FIGURES)]) == 0
    states = [(each.state, each.figures, each.reason) for each in book.trials()[:3]]
    assert states == [
        (TrialState.DONE, FIGURES, ""), (TrialState.FAILED, None, "a fault"), (TrialState.WAITING, None, ""),
    ]  # fmt: skip
    assert book.open_count() == 2
    assert [each.number for each in book.trials(after=1)] == [2, 3]


def test_what_is_given_back_is_handed_out_again(book: Book) -> None:
    book.add(FOUR)
    book.claim(2)
    book.finish([Result(0, FIGURES)])
    book.release()
    assert [(each.number, each.attempts) for each in book.claim(9)] == [(1, 1), (2, 1), (3, 1)]
    assert book.claim(1) == []


def test_a_study_has_no_more_trials_than_wanted(book: Book) -> None:
    assert book.add(FOUR, most=6) == 4
    assert book.add(FOUR, most=6) == 2
    assert book.add(FOUR, most=6) == 0
    assert len(book.trials()) == 6


def test_a_trial_of_a_silent_worker_is_taken_up_and_its_late_answer_not_counted(studies: Studies) -> None:
    studies.begin("one", "{}", "digest", FOUR)
    silent = studies.book("one", ttl_s=0)
    assert [each.number for each in silent.claim(2)] == [0, 1]
    other = studies.book("one")
    assert [(each.number, each.attempts) for each in other.claim(2)] == [(0, 2), (1, 2)]
    assert silent.finish([Result(0, FIGURES)]) == 0
    assert other.finish([Result(0, FIGURES)]) == 1
    silent.release()
    assert [each.state for each in studies.book("one").trials()][1] is TrialState.RUNNING


def test_who_speaks_up_keeps_its_trials(studies: Studies) -> None:
    studies.begin("one", "{}", "digest", FOUR[:1])
    slow = studies.book("one", ttl_s=0)
    slow.claim(1)
    slow._values["ttl"] = 60.0
    slow.renew()
    assert studies.book("one").claim(1) == []
    assert slow.finish([Result(0, FIGURES)]) == 1


def test_a_dead_process_of_this_machine_is_not_waited_for(studies: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    studies.begin("one", "{}", "digest", FOUR)
    gone, other = studies.book("one"), studies.book("one")
    assert len(gone.claim(3)) == 3
    assert [each.number for each in other.claim(9)] == [3]
    monkeypatch.setattr("bot.db.studies.is_dead", lambda holder: holder == gone._values["holder"])
    assert [each.number for each in other.claim(9)] == [0, 1, 2]


def test_two_who_ask_at_once_get_different_trials(studies: Studies, database_url: str) -> None:
    studies.begin("one", "{}", "digest", FOUR)
    with Studies(database_url) as others, psycopg.connect(plain_dsn(database_url)) as held:
        held.execute("SELECT FROM trials WHERE number IN (0, 2) FOR UPDATE")
        # Locked rows are passed by, not waited for.
        assert [each.number for each in others.book("one").claim(4)] == [1, 3]
    assert [each.number for each in studies.book("one").claim(4)] == [0, 2]


def test_a_study_goes_on_only_as_it_was_asked_for(studies: Studies) -> None:
    assert studies.begin("one", '{"a": 1}', "digest", FOUR) is True
    assert studies.begin("one", '{"a": 1}', "digest", FOUR) is False
    with pytest.raises(Misconfigured, match="there is a study 'one' of other settings, candles or code"):
        studies.begin("one", '{"a": 2}', "another", FOUR)
    kept = studies.find("one")
    assert (kept.trials, kept.done, kept.failed, kept.running, kept.plan) == (4, 0, 0, 0, '{"a": 1}')


def test_studies_are_listed_with_how_far_they_came_and_removed_whole(studies: Studies) -> None:
    studies.begin("one", "{}", "digest", FOUR)
    studies.begin("two", "{}", "digest", [])
    book = studies.book("one")
    book.claim(3)
    book.finish([Result(0, FIGURES), Result(1, None, "a fault")])
    told = [(each.name, each.trials, each.done, each.failed, each.running) for each in studies.all()]
    assert told == [("two", 0, 0, 0, 0), ("one", 4, 1, 1, 1)]
    studies.remove("one")
    assert [each.name for each in studies.all()] == ["two"]
    for lost in (studies.find, studies.remove):
        with pytest.raises(Misconfigured, match="there is no study 'one'; see: bot study list"):
            lost("one")


def test_a_database_that_is_away_is_one_line(studies: Studies, unreachable: str) -> None:
    with pytest.raises(Unavailable, match=r"does not answer .*the same line goes on where this ended"):
        Studies(unreachable)
    studies.begin("one", "{}", "digest", FOUR)
    book = studies.book("one")
    book.claim(1)
    studies.close()
    with pytest.raises(Unavailable, match="goes on where this ended"):
        book.finish([Result(0, FIGURES)])
    book.release()


@pytest.fixture
def unreachable() -> str:
    """An address at which nobody listens."""
    return "postgresql://bot@127.0.0.1:9/none"
