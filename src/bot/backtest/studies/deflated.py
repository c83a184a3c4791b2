"""The deflated Sharpe ratio: how likely it is that the best of many trials is better than luck.

D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and
Non-Normality", Journal of Portfolio Management 40 (5), 2014. With ratios of one period (not of a year):

    SR0 = sqrt(V) * ((1 - g) * Z(1 - 1/N) + g * Z(1 - 1/(N e)))
    DSR = F((SR - SR0) * sqrt(T - 1) / sqrt(1 - skew * SR + (kurtosis - 1) / 4 * SR^2))

V is the variance of the ratios of the N trials, g Euler's constant, F the normal distribution and Z its inverse, T the
number of periods. SR0 is the best ratio that N trials without any skill are expected to show. N counts trials as if
each were independent of the others; neighbours in a grid are not, so the figure is on the strict side.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, variance
from typing import NamedTuple

_EULER = 0.5772156649015329
_NORMAL = NormalDist()


class Deflated(NamedTuple):
    """`probability` that the true ratio is above 0, given the selection; `expected` is SR0, of one period."""

    probability: float
    expected: float
    trials: int


def expected_best(spread: float, trials: int) -> float:
    """Give the best Sharpe ratio that so many trials without skill show, whose ratios vary by this variance."""
    if trials < 2:
        return 0.0
    far, farther = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(spread) * ((1 - _EULER) * far + _EULER * farther)


def probability(ratio: float, benchmark: float, periods: int, skew: float, kurtosis: float) -> float:
    """Give the probability that the true Sharpe ratio is above `benchmark`; all ratios are of one period."""
    wide = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    if periods < 2 or wide <= 0:
        return 0.0
    return _NORMAL.cdf((ratio - benchmark) * math.sqrt(periods - 1) / math.sqrt(wide))


def deflated(ratio: float, ratios: Sequence[float], periods: int, skew: float, kurtosis: float) -> Deflated:
    """Judge the ratio of the trial that was chosen out of those with `ratios` (two or more, its own among them)."""
    expected = expected_best(variance(ratios), len(ratios))
    return Deflated(probability(ratio, expected, periods, skew, kurtosis), expected, len(ratios))
