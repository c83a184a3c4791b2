"""What becomes of a month when candles are added to it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.domain.errors import Misconfigured
from bot.history import checks
from bot.history.certificate import Certificate
from bot.history.columns import EXTRAS, NEEDED, Columns, made


@dataclass(frozen=True, slots=True)
class Plan:
    """A month as it would be, how many of its candles are new, and how many say something else than before.

    `after_ms` is the open time of the candle that is known to come before the month's first.
    """

    month: str
    before: Certificate | None
    whole: Columns
    added: int
    after_ms: int | None
    changed: int = 0

    def gaps(self) -> list[checks.Gap]:
        """Give the holes that the month would have."""
        first = int(self.whole.open_time[0])
        known = self.before.gaps if self.before and self.before.first_ms == first and self.after_ms is None else ()
        opening = [gap for gap in known if gap.first_ms < first]
        return [*opening, *checks.gaps(self.whole, self.after_ms)]

    def new_gaps(self) -> list[checks.Gap]:
        """Give those that were not marked before."""
        known = self.before.gaps if self.before else ()
        return [
            gap
            for gap in self.gaps()
            if not any(one.first_ms <= gap.first_ms and gap.last_ms <= one.last_ms for one in known)
        ]


def plan(month: str, before: Certificate, old: Columns, new: Columns, after_ms: int | None, *, replace: bool) -> Plan:
    """Put new candles among those of a month; Misconfigured like `merged`."""
    whole, added, changed = merged(old, new, replace=replace)
    if whole.open_time[0] < new.open_time[0]:
        after_ms = None
    return Plan(month, before, whole, added, after_ms, changed)


def merged(old: Columns, new: Columns, *, replace: bool) -> tuple[Columns, int, int]:
    """Put new candles among old ones, and say how many were not there, and how many were others.

    Misconfigured when both have a candle and they differ, unless `replace` says that the new one is right. What one
    side does not say of its candles (a column that its file did not have) is NaN, and -1 for counts.
    """
    _, in_old, in_new = np.intersect1d(old.open_time, new.open_time, assume_unique=True, return_indices=True)
    changed = _differing(old, new, in_old, in_new, replace=replace)
    # With `replace` the new candle is kept of two; else the one with more columns, for their prices are the same.
    keeps_new = replace or len(new.arrays()) > len(old.arrays())
    first, second, left_out = (new, old, in_old) if keeps_new else (old, new, in_new)
    kept = np.ones(len(second), np.bool_)
    kept[left_out] = False
    names = [*NEEDED, *(name for name in EXTRAS if name in old.arrays() or name in new.arrays())]
    arrays = {name: np.concatenate((first.column(name), second.column(name)[kept])) for name in names}
    order = np.argsort(arrays["open_time"], kind="stable")
    ordered = {name: array[order] for name, array in arrays.items()}
    return made(old.market, old.symbol, old.interval, ordered), len(new) - len(in_new), changed


def _differing(old: Columns, new: Columns, in_old: Any, in_new: Any, *, replace: bool) -> int:
    differs = np.zeros(len(in_old), np.bool_)
    for name in NEEDED[1:]:
        mine, theirs = getattr(old, name)[in_old], getattr(new, name)[in_new]
        # Other programs write fewer digits: what is equal to nine of them is the same candle.
        differs |= ~np.isclose(mine, theirs, rtol=1e-9, atol=0)
    if differs.any() and not replace:
        at = int(differs.argmax())
        raise Misconfigured(
            f"{old.symbol} {old.interval}: {int(differs.sum())} candles differ from those that were there before, the"
            f" first at {checks.when(int(old.open_time[in_old[at]]))} (close {old.close[in_old[at]]} before,"
            f" {new.close[in_new[at]]} now); --replace takes the later ones"
        )
    return int(differs.sum())
