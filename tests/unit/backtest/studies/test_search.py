"""Searches: seeded, within the space, without sets that do not fit, and able to go on from rows alone."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.backtest.studies.test_aims import made

from bot.backtest.space import parse
from bot.backtest.studies.aims import aims
from bot.backtest.studies.book import MemoryBook
from bot.backtest.studies.conductor import Conductor, Job
from bot.backtest.studies.figures import to_json
from bot.backtest.studies.search import Learning, listed, supply
from bot.backtest.studies.session import Crew, alone, best, rows
from bot.backtest.studies.trial import Bench
from bot.db.trials import Result
from bot.domain.errors import Misconfigured

type Make = Callable[..., Bench]
SPACE = parse(["x=-10..10", "y=0.1..10~log", "z=1:9:2", "kind=a,b"])


class Hill:
    """Workers to whom one place of the space is the best; nobody else knows where."""

    room = 1

    def __init__(self, calm_at: float = 0) -> None:
        self.jobs: list[Job] = []
        self.calm_at = calm_at

    @property
    def busy(self) -> int:
        return len(self.jobs)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def collect(self, timeout_s: float) -> list[Result]:
        job = self.jobs.pop()
        params: dict[str, Any] = job.params
        height = (
            -((params["x"] - 3) ** 2) - (params["y"] - 2) ** 2 - (params["z"] - 5) ** 2 - (params["kind"] == "b") * 9
        )
        return [
            Result(job.number, to_json(made(total_return=height, max_drawdown=abs(params["x"] - self.calm_at) / 10)))
        ]

    def close(self) -> None:
        self.jobs.clear()


def climb(search: str, trials: int, book: MemoryBook | None = None, **changes: Any) -> MemoryBook:
    asked: dict[str, Any] = {
        "objectives": ["total_return"],
        "bounds": [],
        "seed": 5,
        "is_fit": lambda _: True,
        **changes,
    }
    wished = aims(asked["objectives"], asked["bounds"])
    kept = book or MemoryBook()
    Conductor(
        kept, Hill(asked.pop("calm_at", 0)), supply(search, SPACE, wished, trials, asked["seed"], asked["is_fit"])
    ).run()
    return kept


def heights(book: MemoryBook) -> list[float]:
    return [row.figures.total_return for row in rows(book.trials())]


def test_a_grid_leaves_out_what_does_not_fit_and_says_how_many() -> None:
    space = parse(["fast=5,10,20", "slow=10,20"])
    found, left_out = listed(space, "grid", None, 1, lambda each: each["fast"] < each["slow"])  # type: ignore[operator]
    assert found == [{"fast": 5, "slow": 10}, {"fast": 5, "slow": 20}, {"fast": 10, "slow": 20}]
    assert left_out == 3
    with pytest.raises(Misconfigured, match="all 6 sets of settings were left out"):
        listed(space, "grid", None, 1, lambda _: False)


def test_a_random_search_repeats_with_its_seed(bench: Make) -> None:
    asked: dict[str, Any] = {"search": "random", "trials": 4, "space": ("fast=2..12", "slow=5..30"), "seed": 9}
    trials, _ = alone(bench(**asked), Crew())
    assert [each.wanted.params for each in trials] == [each.wanted.params for each in alone(bench(**asked), Crew())[0]]
    assert len(trials) == 4


@pytest.mark.parametrize("search", ["tpe", "nsga2"])
def test_a_search_that_learns_gets_higher_than_the_same_number_of_lots(search: str) -> None:
    book = climb(search, 120)
    found = heights(book)
    assert len(found) == 120
    lots = MemoryBook()
    from bot.db.trials import Wanted

    lots.add([Wanted(dict(each)) for each in SPACE.samples(120, 5)])
    Conductor(lots, Hill()).run()
    late = sorted(found[60:])[30]
    assert late > sorted(heights(lots))[60]
    assert max(found) > -6


@pytest.mark.parametrize("search", ["tpe", "nsga2"])
def test_it_goes_on_from_rows_alone_and_repeats_with_its_seed(search: str) -> None:
    half = climb(search, 30)
    went_on = climb(search, 60, half)
    whole = climb(search, 60)
    assert [each.wanted for each in went_on.trials()] == [each.wanted for each in whole.trials()]
    assert [each.wanted for each in climb(search, 10, seed=6).trials()] != [each.wanted for each in whole.trials()[:10]]


def test_bounds_keep_a_search_where_they_hold() -> None:
    book = climb("tpe", 100, bounds=["max_drawdown<=0.1"])
    kept = [row.figures.max_drawdown <= 0.1 for row in rows(book.trials())]
    assert sum(kept[50:]) > sum(kept[:50]) / 2
    top = best(rows(book.trials()), aims(["total_return"], ["max_drawdown<=0.1"]))
    assert top[0].figures.max_drawdown <= 0.1


def test_several_objectives_are_searched_at_once() -> None:
    book = climb("nsga2", 80, objectives=["total_return", "max_drawdown"], calm_at=-9)
    wished = aims(["total_return", "max_drawdown"], [])
    front = wished.front([(row, row.figures) for row in rows(book.trials())])
    assert len(front) > 1


def test_what_does_not_fit_is_never_tried_and_a_small_space_ends() -> None:
    space = parse(["x=1:4", "y=1:4"])
    search = Learning("tpe", space, aims(["total_return"], []), 50, 1, lambda each: each["x"] != each["y"])
    book = MemoryBook()
    for _ in range(60):
        if not (wanted := search.more(book, 3)):
            break
        book.add(wanted, search.most)
        book.finish([
            Result(each.number, to_json(made(total_return=float(each.wanted.params["x"])))) for each in book.claim(9)
        ])  # fmt: skip
    tried = [(each.wanted.params["x"], each.wanted.params["y"]) for each in book.trials()]
    assert sorted(tried) == [(x, y) for x in range(1, 5) for y in range(1, 5) if x != y]


def test_a_study_that_learns_plays_real_trials(bench: Make) -> None:
    one = bench(search="tpe", trials=6, space=("fast=2..12", "slow=8..30"))
    trials, left_out = alone(one, Crew())
    assert (len(rows(trials)), left_out) == (6, 0)


def test_unknown_searches_are_refused(bench: Make) -> None:
    for changes, complaint in (
        ({"search": "guess"}, "there is no search 'guess'"),
        ({"trials": 0, "search": "random"}, "0 trials try nothing"),
        ({"space": ("fasst=1,2",)}, "did you mean 'fast'"),
        ({"space": ("symbol=BTCUSDT,ETHUSDT",)}, "says which candles are played"),
    ):
        with pytest.raises(Misconfigured, match=complaint):
            alone(bench(**changes), Crew())
