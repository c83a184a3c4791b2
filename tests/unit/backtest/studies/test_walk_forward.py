"""Walk-forward: the choice is the best of what was seen, and is judged by what was not."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from bot.backtest.studies.aims import aims
from bot.backtest.studies.book import MemoryBook
from bot.backtest.studies.figures import figures, from_json
from bot.backtest.studies.session import Crew
from bot.backtest.studies.trial import Bench
from bot.backtest.studies.walk_forward import TEST, Walked, efficiency, first_windows, walk
from bot.backtest.studies.windows import folding, walking
from bot.db.studies import Studies
from bot.db.trials import Book
from bot.domain.errors import Misconfigured
from bot.history.columns import made

type Make = Callable[..., Bench]
WALK: dict[str, Any] = {"split": walking(9_600_000, 4_800_000, is_anchored=False)}


def walked(bench: Bench, book: Book | None = None) -> Walked:
    found, wanted, _ = first_windows(bench)
    if book is None:
        book = MemoryBook()
    if not book.trials():
        book.add(wanted)
    return walk(bench, book, found, Crew())


def test_each_window_chooses_the_best_of_what_it_saw_and_tries_it_on_the_next(bench: Make) -> None:
    one = bench(**WALK)
    book = MemoryBook()
    result = walked(one, book)
    assert len(result.legs) == 5
    wished = aims(["net_pnl"], [])
    for leg in result.legs:
        seen = [(each.wanted.params, from_json(each.figures or {})) for each in book.trials()
                if each.wanted.part == leg.window.label]  # fmt: skip
        assert len(seen) == 5
        assert leg.params == wished.ranked(seen)[0]
        assert leg.unseen == one.measure(leg.params or {}, [leg.window.test])
    assert [each.wanted.part for each in book.trials()][-5:] == [TEST + each.window.label for each in result.legs]
    assert result.figures == figures(result.played)
    assert result.figures is not None
    assert result.figures.net_pnl == sum(leg.unseen.net_pnl for leg in result.legs if leg.unseen)
    assert result.efficiency == efficiency(result.legs)


def test_what_comes_after_a_window_does_not_change_its_choice(bench: Make) -> None:
    one = bench(**WALK)
    last = first_windows(one)[0][1].train[0].last
    changed = {name: array.copy() for name, array in one.columns.arrays().items()}
    for name in ("open", "high", "low", "close"):
        changed[name][last:] = np.round(changed[name][last:] * np.linspace(1, 3, len(one.columns) - last), 2)
    other = one._replace(columns=made(one.columns.market, one.columns.symbol, one.columns.interval, changed))
    before, after = walked(one).legs, walked(other).legs
    assert [leg.params for leg in before[:2]] == [leg.params for leg in after[:2]]
    assert [leg.seen for leg in before[:2]] == [leg.seen for leg in after[:2]]
    assert before[0].unseen == after[0].unseen
    assert [leg.seen for leg in before[2:]] != [leg.seen for leg in after[2:]]


def test_no_window_is_cold_for_the_slowest_set(bench: Make) -> None:
    found, wanted, left_out = first_windows(bench(**WALK))
    assert found[0].train[0].first == 20
    assert (len(wanted), left_out) == (25, 1)
    folds, _, _ = first_windows(bench(split=folding(3, 600_000)))
    assert folds[0].train[0].first == folds[0].test.last + 10 + 20


def test_folds_are_walked_like_windows(bench: Make) -> None:
    result = walked(bench(split=folding(3, 600_000)))
    assert [leg.window.label for leg in result.legs] == ["fold 1", "fold 2", "fold 3"]
    assert result.figures is not None
    assert result.figures.bars == 580


def test_where_nothing_may_be_chosen_nothing_is_traded(bench: Make) -> None:
    result = walked(bench(bounds=("trades>=1000",), **WALK))
    assert {(leg.params, leg.seen, leg.unseen) for leg in result.legs} == {(None, None, None)}
    assert (result.figures, result.efficiency, result.probability) == (None, None, None)


def test_searches_that_learn_are_refused(bench: Make) -> None:
    with pytest.raises(Misconfigured, match="compares the same sets in every window"):
        first_windows(bench(search="tpe", trials=5, **WALK))


@pytest.fixture
def studies(database_url: str) -> Iterator[Studies]:
    """All studies of this test's database."""
    with Studies(database_url) as kept:
        yield kept


def test_a_walk_that_was_ended_anywhere_goes_on_to_the_same_result(bench: Make, studies: Studies) -> None:
    one = bench(**WALK)
    whole = walked(one)
    found, wanted, _ = first_windows(one)
    for end_after in (0, 7, 25, 27):
        name = f"ended after {end_after}"
        studies.begin(name, one.plan.text(), one.plan.digest, wanted)

        class Ended(Exception):
            """The process is gone."""

        done = 0

        def tell(count: int, limit: int = end_after, gone: type[Exception] = Ended) -> None:
            nonlocal done
            done += count
            if done >= limit:
                raise gone

        with pytest.raises(Ended):
            walk(one, studies.book(name), found, Crew(), tell)
        again = walked(one, studies.book(name))
        assert again.legs == whole.legs
        assert again.figures == whole.figures
        assert studies.find(name).done == 30
