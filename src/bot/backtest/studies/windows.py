"""Windows: on which rows settings are chosen, and on which others, never seen before, the choice is tried.

Walking forward, a choice is tried on what came next. Folds try it on each part in turn, chosen on the parts around.
Nothing a choice is tried on was seen when it was made: what is learned from ends before the trial begins, and begins
again after it only when an embargo and all that a strategy looks back on have passed.
"""

import re
from typing import NamedTuple

import numpy as np

from bot.backtest.space import Value
from bot.backtest.studies.trial import Stretch
from bot.backtest.tape import close_times
from bot.domain.errors import Misconfigured
from bot.history.columns import Columns

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_LENGTH = re.compile(r"(\d+)([mhdw])")
_PARTS, _TRAIN_PARTS = 8, 3
"""Where nobody says: eight parts, settings chosen on three of them and tried on the next; five windows."""


class Window(NamedTuple):
    """Settings are chosen on `train` and tried on `test`."""

    label: str
    train: tuple[Stretch, ...]
    test: Stretch


def length_ms(option: str, text: str) -> int:
    """Read a length of time like 90m, 12h, 60d or 8w, in ms; Misconfigured names the option."""
    found = _LENGTH.fullmatch(text.strip())
    if not found or int(found[1]) < 1:
        raise Misconfigured(f"{option} {text!r} is no length of time; write it like 12h, 60d or 8w")
    return int(found[1]) * _UNITS_MS[found[2]]


def walking(train_ms: int | None, test_ms: int | None, *, is_anchored: bool) -> dict[str, Value]:
    """Say how to walk forward, for a plan; None leaves a length to the candles."""
    if train_ms is None and test_ms is None:
        return {"kind": "walk", "anchored": is_anchored}
    if train_ms is None or test_ms is None:
        raise Misconfigured("--train and --test go together; give both lengths, like --train 60d --test 20d")
    return {"kind": "walk", "train_ms": train_ms, "test_ms": test_ms, "anchored": is_anchored}


def folding(count: int, embargo_ms: int) -> dict[str, Value]:
    """Say how to fold, for a plan."""
    if count < 2:
        raise Misconfigured(f"{count} folds leave nothing to learn from; take 2 or more")
    return {"kind": "folds", "folds": count, "embargo_ms": embargo_ms}


def windows(split: dict[str, Value], columns: Columns, rows_before: int) -> list[Window]:
    """Cut these candles, whose first `rows_before` only warm strategies up. Misconfigured when too few remain."""
    if split["kind"] == "folds":
        return _folds(columns, rows_before, int(split["folds"]), int(split["embargo_ms"]))
    return _walk(columns, rows_before, split)


def _walk(columns: Columns, cold: int, split: dict[str, Value]) -> list[Window]:
    times, is_anchored = columns.open_time, bool(split["anchored"])
    if cold >= len(columns):
        raise _too_few(columns, cold)
    begin, end = int(times[cold]), int(close_times(columns)[-1]) + 1
    part_ms = (end - begin) // _PARTS
    train_ms = int(split.get("train_ms", part_ms * _TRAIN_PARTS))
    test_ms = int(split.get("test_ms", part_ms))
    found: list[Window] = []
    tested = begin + train_ms
    while test_ms > 0 and tested + test_ms <= end:
        learned = begin if is_anchored else tested - train_ms
        first, cut, last = (int(each) for each in np.searchsorted(times, [learned, tested, tested + test_ms]))
        if cut - first > 1 and last - cut > 1:
            found.append(Window(f"window {len(found) + 1}", (Stretch(first, cut),), Stretch(cut, last)))
        tested += test_ms
    if not found:
        raise _too_few(columns, cold)
    return found


def _folds(columns: Columns, cold: int, count: int, embargo_ms: int) -> list[Window]:
    times = columns.open_time
    bounds = [cold + (len(columns) - cold) * n // count for n in range(count + 1)]
    found = []
    for n in range(count):
        test = Stretch(bounds[n], bounds[n + 1])
        if test.last - test.first < 2:
            raise _too_few(columns, cold)
        # What came after is learned from, too: once an embargo is over, and with no look back into the test.
        released = int(times[test.last - 1]) + embargo_ms
        after = int(np.searchsorted(times, released, side="right")) + cold
        train = (Stretch(cold, test.first), Stretch(after, len(columns)))
        found.append(Window(f"fold {n + 1}", tuple(each for each in train if each.last - each.first > 1), test))
    if any(not each.train for each in found):
        raise _too_few(columns, cold)
    return found


def _too_few(columns: Columns, cold: int) -> Misconfigured:
    return Misconfigured(
        f"{len(columns)} candles, of which {cold} warm the strategies up, are too few for these windows;"
        " take more candles, or shorter or fewer windows"
    )
