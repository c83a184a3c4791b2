"""Walk-forward: settings chosen on one stretch of candles are tried on another, window after window.

What the tries earned, joined, is what somebody would have earned who chose anew each time, without knowing what came.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.backtest.space import Params
from bot.backtest.studies.aims import aims
from bot.backtest.studies.deflated import Deflated, probability
from bot.backtest.studies.figures import Figures, Played, figures
from bot.backtest.studies.search import LEARNING
from bot.backtest.studies.session import Crew, Row, belief, best, conduct, first_trials, rows
from bot.backtest.studies.trial import Bench
from bot.backtest.studies.windows import Window, windows
from bot.db.trials import Book, Wanted
from bot.domain.errors import Misconfigured

TEST = "test of "


class Leg(NamedTuple):
    """One window: what was chosen, what it had earned where it was chosen, and what it earned where it was tried.

    All three are None where nothing could be chosen: then nothing was traded. `belief` is the choice's deflated ratio.
    """

    window: Window
    params: Params | None
    seen: Figures | None
    unseen: Figures | None
    belief: Deflated | None


class Walked(NamedTuple):
    """What came of all windows. `played` and `figures` are of the tries, joined; None when nothing was ever chosen."""

    legs: Sequence[Leg]
    played: Sequence[Played]
    figures: Figures | None
    efficiency: float | None
    """What a candle earned where settings were tried, over what it had earned where they were chosen."""
    probability: float | None
    """That the true Sharpe ratio of the tries is above 0."""


def first_windows(bench: Bench) -> tuple[list[Window], list[Wanted], int]:
    """Give the windows, the trials by which settings are chosen, and how many sets were left out.

    Every window begins warm for every set: the first starts where the slowest of them can decide.
    """
    plan = bench.plan
    if plan.search in LEARNING:
        raise Misconfigured(
            f"a walk-forward compares the same sets in every window, and {plan.search} tries others in each;"
            " choose --search grid or random"
        )
    wanted, left_out = first_trials(plan, bench)
    cold = max(bench.rows_before(bench.config(each.params)) for each in wanted)
    found = windows(plan.split, bench.columns, cold)
    trials = [
        Wanted(each.params, window.label, tuple((one.first, one.last) for one in window.train))
        for window in found
        for each in wanted
    ]
    return found, trials, left_out


def walk(
    bench: Bench, book: Book, found: Sequence[Window], crew: Crew, tell: Callable[[int], None] = lambda _: None
) -> Walked:
    """Choose in every window, and try what was chosen; goes on where the book ends."""
    conduct(bench, book, crew, tell)
    trials = book.trials()
    chosen = {
        window.label: choice
        for window in found
        if (choice := _chosen(bench, rows([each for each in trials if each.wanted.part == window.label])))
    }
    tests = [
        Wanted(row.trial.wanted.params, TEST + window.label, ((window.test.first, window.test.last),))
        for window in found
        if (row := chosen.get(window.label, (None, None))[0])
    ]
    learned = sum(not each.wanted.part.startswith(TEST) for each in trials)
    book.add(tests[len(trials) - learned :], most=learned + len(tests))
    conduct(bench, book, crew, tell)
    tried = {each.trial.wanted.part: each.figures for each in rows(book.trials())}
    legs = []
    for window in found:
        row, trust = chosen.get(window.label, (None, None))
        unseen = tried.get(TEST + window.label)
        seen = row.figures if row else None
        legs.append(Leg(window, _params(bench, row), seen, unseen, trust))
    return _joined(bench, legs)


def _chosen(bench: Bench, found: Sequence[Row]) -> tuple[Row, Deflated | None] | None:
    ranked = best(found, aims(bench.plan.objectives, bench.plan.bounds))
    return (ranked[0], belief(found, ranked[0])) if ranked else None


def _params(bench: Bench, row: Row | None) -> Params | None:
    return None if row is None else {name: row.trial.wanted.params[name] for name in bench.plan.where.names}


def _joined(bench: Bench, legs: Sequence[Leg]) -> Walked:
    played = [bench.play(leg.params, leg.window.test) for leg in legs if leg.params is not None]
    if not played:
        return Walked(legs, played, None, None, None)
    joined = figures(played)
    ratio = joined.period_sharpe
    return Walked(
        legs, played, joined, efficiency(legs),
        None if ratio is None else probability(ratio, 0.0, joined.periods, joined.skew, joined.kurtosis),
    )  # fmt: skip


def efficiency(legs: Sequence[Leg]) -> float | None:
    """Say how much of what was earned where settings were chosen was earned where they were tried, candle for candle.

    None where nothing was earned to begin with.
    """
    pairs = [(leg.seen, leg.unseen) for leg in legs if leg.seen is not None and leg.unseen is not None]
    seen = sum(one.total_return for one, _ in pairs)
    if not pairs or seen <= 0:
        return None
    unseen = sum(other.total_return for _, other in pairs)
    return (unseen / sum(other.bars for _, other in pairs)) / (seen / sum(one.bars for one, _ in pairs))
