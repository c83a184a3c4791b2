"""Monte Carlo over round trips: how much of a result was the order in which luck came.

The same results in another order end at the same P&L, by another way down: `falls` says how deep that way may lead.
Results drawn anew with returning, as if the past were one sample of what may come, end elsewhere: `ends`. Both take
round trips as independent of each other, which those of a trend are not quite. Floats: statistics, no money.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from bot.history.columns import Floats

RUNS = 2_000
_CELLS = 4_000_000
"""So many numbers are drawn at a time, whatever the number of round trips."""
_PARTS = (5, 50, 95, 99)


class Luck(NamedTuple):
    """What other orders and other draws of the same round trips would have come to."""

    trades: int
    runs: int
    seed: int
    fall: float
    """The deepest fall from a peak that there was, counted at round trips' ends, in quote."""
    falls: dict[int, float]
    """That fall in other orders: by per cent of runs that stay below, in quote."""
    falls_above: float
    """Share of orders that fall deeper than it did."""
    ends: dict[int, float]
    """P&L of draws: by per cent of runs that stay below, in quote."""
    loses: float
    """Share of draws that end with a loss."""


def luck(results: Sequence[Decimal], seed: int = 1, runs: int = RUNS) -> Luck | None:
    """Shuffle and redraw these P&Ls of round trips (in quote, in their order); None when there are less than two."""
    if len(results) < 2:
        return None
    random = np.random.default_rng(seed)
    known = np.array([float(each) for each in results])
    at_once = max(1, _CELLS // len(known))
    falls, ends = [], []
    for first in range(0, runs, at_once):
        size = min(at_once, runs - first)
        falls.append(_deepest(random.permuted(np.tile(known, (size, 1)), axis=1)))
        ends.append(random.choice(known, (size, len(known))).sum(axis=1))
    fall = float(_deepest(known[None, :])[0])
    deep, end = np.concatenate(falls), np.concatenate(ends)
    return Luck(
        len(known), runs, seed, fall, _parts(deep), float(np.mean(deep > fall + 1e-9)), _parts(end),
        float(np.mean(end < 0)),
    )  # fmt: skip


def _deepest(results: Floats) -> Floats:
    """Give for each row the deepest fall of its running sum from its peak, the beginning being a peak as well."""
    sums = np.cumsum(results, axis=1)
    peaks = np.maximum(np.maximum.accumulate(sums, axis=1), 0)
    deepest: Floats = np.max(peaks - sums, axis=1)
    return deepest


def _parts(values: Floats) -> dict[int, float]:
    return {part: float(np.percentile(values, part)) for part in _PARTS}
