"""What a study aims at: objectives like `net_pnl` or `max_drawdown:min`, and bounds like `trades>=30`."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.backtest.studies.figures import NUMBERS, Figures
from bot.domain.errors import Misconfigured

_LESS_IS_BETTER = {"max_drawdown", "fees", "kurtosis"}
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_BOUND = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Objective:
    """One figure and whether more of it is better."""

    figure: str
    is_max: bool

    def worth(self, figures: Figures) -> float | None:
        """Give its value so that more is better; None where the figure is not known."""
        value = getattr(figures, self.figure)
        return None if value is None else float(value) if self.is_max else -float(value)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a trial has to keep to be chosen."""

    figure: str
    sign: str
    limit: float

    def excess(self, figures: Figures) -> float:
        """Say by how much it is broken; 0 and below when it is kept. A figure that is not known breaks it."""
        value = getattr(figures, self.figure)
        if value is None:
            return float("inf")
        number = float(value)
        if _SIGNS[self.sign](number, self.limit):
            return 0.0
        return max(abs(number - self.limit), 1e-12)


@dataclass(frozen=True, slots=True)
class Aims:
    """All objectives and bounds of a study."""

    objectives: tuple[Objective, ...]
    bounds: tuple[Bound, ...]

    def keeps_bounds(self, figures: Figures) -> bool:
        """Say whether a trial may be chosen."""
        return all(bound.excess(figures) <= 0 for bound in self.bounds)

    def worth(self, figures: Figures) -> tuple[float, ...] | None:
        """Give the objectives so that more is better; None when one is not known or a bound is broken."""
        values = tuple(objective.worth(figures) for objective in self.objectives)
        known = tuple(value for value in values if value is not None)
        return known if len(known) == len(values) and self.keeps_bounds(figures) else None

    def ranked[T](self, trials: Iterable[tuple[T, Figures]]) -> list[T]:
        """Give those that may be chosen, the best first.

        With several objectives those that nothing beats in all of them come first, then those that only they beat,
        and so on; among equals the first objective decides. Ties keep their order.
        """
        able = [(each, worth) for each, found in trials if (worth := self.worth(found)) is not None]
        if len(self.objectives) == 1:
            return [each for each, _ in sorted(able, key=lambda pair: pair[1], reverse=True)]
        ranked: list[T] = []
        while able:
            front = [pair for pair in able if not any(_beats(other[1], pair[1]) for other in able)]
            ranked += [each for each, _ in sorted(front, key=lambda pair: pair[1], reverse=True)]
            chosen = {id(pair) for pair in front}
            able = [pair for pair in able if id(pair) not in chosen]
        return ranked

    def front[T](self, trials: Iterable[tuple[T, Figures]]) -> list[T]:
        """Give those that no other beats in all objectives: the one best, or with several objectives a choice."""
        able = [(each, worth) for each, found in trials if (worth := self.worth(found)) is not None]
        if len(self.objectives) == 1:
            best = max((worth for _, worth in able), default=None)
            return [each for each, worth in able if worth == best][:1]
        return [each for each, worth in able if not any(_beats(other, worth) for _, other in able)]


def aims(objectives: Sequence[str], bounds: Sequence[str]) -> Aims:
    """Read objectives and bounds from words; Misconfigured names the one that cannot be understood."""
    read = tuple(_objective(word) for word in objectives)
    if len({each.figure for each in read}) < len(read):
        raise Misconfigured("an objective is named twice; name each once")
    return Aims(read, tuple(_bound(word) for word in bounds))


def _objective(word: str) -> Objective:
    figure, _, direction = word.partition(":")
    _refuse_unknown(figure, word)
    if direction not in {"", "min", "max"}:
        raise Misconfigured(f"objective {word!r} ends in :{direction}; write {figure}:min or {figure}:max")
    return Objective(figure, direction == "max" if direction else figure not in _LESS_IS_BETTER)


def _bound(word: str) -> Bound:
    found = _BOUND.fullmatch(word)
    if not found:
        raise Misconfigured(f"bound {word!r} is not like trades>=30 (signs: {' '.join(_SIGNS)})")
    figure, sign, number = found.groups()
    _refuse_unknown(figure, word)
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise Misconfigured(f"bound {word!r} compares with {number!r}, which is no number")
    return Bound(figure, sign, limit)


def _refuse_unknown(figure: str, word: str) -> None:
    if figure not in NUMBERS:
        raise Misconfigured(f"{word!r} names no figure of a trial; there are: {', '.join(NUMBERS)}")


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(left >= right for left, right in zip(one, other, strict=True))
