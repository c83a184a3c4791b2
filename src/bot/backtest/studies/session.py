"""A session of a study: who plays its trials on this machine, and what came of them in the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bot.backtest.space import Params
from bot.backtest.studies.aims import Aims, aims
from bot.backtest.studies.book import MemoryBook
from bot.backtest.studies.conductor import Conductor, Workers
from bot.backtest.studies.deflated import Deflated, deflated
from bot.backtest.studies.figures import Figures, from_json
from bot.backtest.studies.plan import Plan, is_fit, refuse_unknown_names
from bot.backtest.studies.search import LEARNING, SEARCHES, listed, supply
from bot.backtest.studies.trial import Bench
from bot.backtest.studies.workers import MEMORY_MB_MAX, Here, Processes
from bot.db.trials import Book, Trial, TrialState, Wanted
from bot.domain.errors import Misconfigured
from bot.domain.market import Market


class Crew(NamedTuple):
    """Who works: so many processes of this machine (1: this one alone, unless the book is shared)."""

    jobs: int = 1
    strategies: Path | None = None
    """The folder of the user's own strategies."""
    memory_mb: float = MEMORY_MB_MAX
    cluster: str = ""
    """The address of a Ray cluster; then its cores play, and not this machine's processes."""


class Row(NamedTuple):
    """A trial that was judged."""

    trial: Trial
    figures: Figures


def first_trials(plan: Plan, bench: Bench) -> tuple[list[Wanted], int]:
    """Give the trials that are known from the beginning, and how many sets were left out.

    Misconfigured when the plan asks for what there is not.
    """
    space = plan.where
    if plan.tape.market is not Market.SPOT:
        raise Misconfigured("studies know spot alone; leave --market at spot (bot backtest plays futures)")
    aims(plan.objectives, plan.bounds)
    refuse_unknown_names(bench.strategy, plan.settings, space.names)
    if plan.search not in SEARCHES:
        raise Misconfigured(f"there is no search {plan.search!r}; choose one of {', '.join(SEARCHES)}")
    if plan.trials is not None and plan.trials < 1:
        raise Misconfigured(f"{plan.trials} trials try nothing; take 1 or more")
    if plan.search in LEARNING:
        return [], 0
    found, left_out = listed(space, plan.search, plan.trials, plan.seed, _fitting(bench))
    return [Wanted(dict(each)) for each in found], left_out


def conduct(
    bench: Bench, book: Book, crew: Crew, tell: Callable[[int], None] = lambda _: None, *, learns: bool = True
) -> int:
    """Work on a study until nothing is left of it; gives how many trials of ours counted."""
    plan = bench.plan
    more = supply(
        plan.search if learns else "grid", plan.where, aims(plan.objectives, plan.bounds), plan.trials, plan.seed,
        _fitting(bench),
    )  # fmt: skip
    with workers_of(bench, crew, must_renew=book.is_shared) as workers:
        return Conductor(book, workers, more, tell).run()


@contextmanager
def workers_of(bench: Bench, crew: Crew, *, must_renew: bool) -> Iterator[Workers]:
    """Give the workers that were asked for, for a while; this process plays none itself if it `must_renew` trials."""
    workers: Workers
    if crew.cluster:
        from bot.backtest.studies.cluster import OnRay  # noqa: PLC0415 (its library is an extra)

        workers = OnRay(bench, crew.cluster, crew.strategies)
    elif crew.jobs > 1 or must_renew:
        workers = Processes(bench.plan, bench.columns, crew.strategies, crew.jobs, crew.memory_mb)
    else:
        workers = Here(bench)
    try:
        yield workers
    finally:
        workers.close()


def rows(trials: Sequence[Trial]) -> list[Row]:
    """Give those that were judged."""
    return [Row(each, from_json(each.figures)) for each in trials if each.state is TrialState.DONE and each.figures]


def best(found: Sequence[Row], wished: Aims) -> list[Row]:
    """Give those that may be chosen, the best first."""
    return wished.ranked([(row, row.figures) for row in found])


def belief(found: Sequence[Row], chosen: Row) -> Deflated | None:
    """Say how far the chosen one's Sharpe ratio is to be believed, with so many tried."""
    ratios = [row.figures.period_sharpe for row in found if row.figures.period_sharpe is not None]
    figures = chosen.figures
    if figures.period_sharpe is None or len(ratios) < 2:
        return None
    return deflated(figures.period_sharpe, ratios, figures.periods, figures.skew, figures.kurtosis)


def alone(bench: Bench, crew: Crew, tell: Callable[[int], None] = lambda _: None) -> tuple[list[Trial], int]:
    """Do a study that nobody keeps; gives its trials and how many sets were left out."""
    wanted, left_out = first_trials(bench.plan, bench)
    book = MemoryBook()
    book.add(wanted)
    conduct(bench, book, crew, tell)
    return book.trials(), left_out


def _fitting(bench: Bench) -> Callable[[Params], bool]:
    return lambda params: is_fit(bench.strategy, bench.plan.settings, params)
