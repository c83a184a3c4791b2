"""Searches: which sets of settings a study tries. Grids and samples are known at once; the others learn on the way."""

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from bot.backtest.space import Choices, Params, Space, Span
from bot.backtest.studies.aims import Aims
from bot.backtest.studies.conductor import Listed, Supply
from bot.backtest.studies.figures import from_json
from bot.db.trials import Book, Trial, TrialState, Wanted
from bot.domain.errors import Misconfigured

SEARCHES = ("grid", "random", "tpe", "nsga2")
LEARNING = ("tpe", "nsga2")
TRIALS = 100
"""How many are tried when nobody says."""
_DRAWS_MAX = 200
"""So many proposals in a row that do not fit together, and a search has nothing to propose."""


def listed(
    space: Space, search: str, trials: int | None, seed: int, is_fit: Callable[[Params], bool]
) -> tuple[list[Params], int]:
    """Give all sets of a grid or a sample, and how many were left out because their settings do not fit together.

    Misconfigured when none is left.
    """
    left_out = 0

    def accept(params: Params) -> bool:
        nonlocal left_out
        fits = is_fit(params)
        left_out += not fits
        return fits

    if search == "grid":
        found = [each for each in space.grid() if accept(each)][:trials]
    else:
        found = space.samples(trials or TRIALS, seed, accept)
    if not found:
        raise Misconfigured(f"all {left_out} sets of settings were left out: in none do they fit together")
    return found, left_out


def supply(
    search: str, space: Space, aims: Aims, trials: int | None, seed: int, is_fit: Callable[[Params], bool]
) -> Supply:
    """Give the supply of a study: nothing more for those listed at once, else a search that learns."""
    if search not in SEARCHES:
        raise Misconfigured(f"there is no search {search!r}; choose one of {', '.join(SEARCHES)}")
    if search not in LEARNING:
        return Listed()
    return Learning(search, space, aims, trials or TRIALS, seed, is_fit)


class Learning:
    """Optuna's TPE or NSGA-II over the trials on record: whoever asks has learned from everybody's.

    Nothing of Optuna is kept but its notes in the trials' `hints`, so that another process goes on where one ended.
    """

    def __init__(
        self, search: str, space: Space, aims: Aims, trials: int, seed: int, is_fit: Callable[[Params], bool]
    ) -> None:
        self._search, self._space, self._aims, self._seed, self._is_fit = search, space, aims, seed, is_fit
        self.most: int | None = trials
        self._distributions = {axis.name: _distribution(axis) for axis in space.axes}

    def more(self, book: Book, count: int) -> Sequence[Wanted]:
        """Propose up to `count` further trials from what is known now."""
        trials = book.trials()
        count = min(count, (self.most or 0) - len(trials))
        if count <= 0:
            return ()
        study = self._study(trials)
        known = {json.dumps(each.wanted.params, sort_keys=True) for each in trials}
        wanted: list[Wanted] = []

        def is_wanted(params: Params) -> bool:
            return self._is_fit(params) and json.dumps(params, sort_keys=True) not in known

        for _ in range(_DRAWS_MAX):
            asked = study.ask(self._distributions)
            params = dict(asked.params)
            if not is_wanted(params):
                study.tell(asked, state=_optuna().trial.TrialState.FAIL)
                continue
            known.add(json.dumps(params, sort_keys=True))
            wanted.append(Wanted(params, hints=_plain(study.trials[asked.number].system_attrs)))
            if len(wanted) == count:
                return wanted
        # It keeps proposing what is known: what is left, if anything, is drawn by lot.
        drawn = self._space.samples(count - len(wanted), self._seed + len(trials), is_wanted)
        wanted += [Wanted(dict(each)) for each in drawn]
        if not wanted:
            self.most = len(trials)
        return wanted

    def _study(self, trials: Sequence[Trial]) -> Any:
        optuna = _optuna()
        aims = self._aims
        # A seed of its own for each step: whoever goes on draws anew, not the first draws once more.
        text = f"{self._seed}:{len(trials)}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
        study = optuna.create_study(
            sampler=_sampler(optuna, self._search, seed), directions=["maximize"] * len(aims.objectives)
        )
        study.add_trials([self._frozen(optuna, each) for each in trials])
        return study

    def _frozen(self, optuna: Any, trial: Trial) -> Any:
        shared = {
            "params": trial.wanted.params, "distributions": self._distributions,
            "system_attrs": dict(trial.wanted.hints),
        }  # fmt: skip
        state = optuna.trial.TrialState
        if trial.figures is None:
            ended = trial.state is TrialState.FAILED
            return optuna.trial.create_trial(state=state.FAIL if ended else state.RUNNING, **shared)
        figures = from_json(trial.figures)
        values = [objective.worth(figures) for objective in self._aims.objectives]
        if any(value is None for value in values):
            return optuna.trial.create_trial(state=state.FAIL, **shared)
        broken = {
            f"{each.figure}{each.sign}{each.limit:g}": min(each.excess(figures), 1e18) for each in self._aims.bounds
        }
        return optuna.trial.create_trial(state=state.COMPLETE, values=values, constraints=broken or None, **shared)


def _plain(notes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in notes.items() if isinstance(value, int | float | str | bool)}


def _optuna() -> Any:
    try:
        import optuna  # noqa: PLC0415 (two thirds of a second, and only these searches want it)
    except ModuleNotFoundError:
        raise Misconfigured(
            "this search needs Optuna; install the extra: pip install 'binance-bot[sweep]', or choose --search random"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _sampler(optuna: Any, search: str, seed: int) -> Any:
    if search == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=24)
    return optuna.samplers.TPESampler(seed=seed, multivariate=True)


def _distribution(axis: Choices | Span) -> Any:
    found = _optuna().distributions
    if isinstance(axis, Choices):
        return _stepped(found, axis) or found.CategoricalDistribution(axis.values)
    if axis.is_whole:
        return found.IntDistribution(int(axis.low), int(axis.high), log=axis.is_log)
    return found.FloatDistribution(axis.low, axis.high, log=axis.is_log)


def _stepped(found: Any, axis: Choices) -> Any:
    """Even whole steps are a scale, by which a search can tell what lies beside what; None for anything else."""
    values = axis.values
    whole = [each for each in values if isinstance(each, int) and not isinstance(each, bool)]
    steps = {right - left for left, right in pairwise(whole)}
    if len(whole) < len(values) or len(steps) != 1 or min(steps) <= 0:
        return None
    return found.IntDistribution(whole[0], whole[-1], step=steps.pop())
