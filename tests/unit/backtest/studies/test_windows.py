"""Windows: what is learned from never overlaps what it is tried on, looks back included."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.studies.windows import folding, length_ms, walking, windows
from bot.domain.errors import Misconfigured
from bot.domain.market import Market
from bot.history.columns import Columns, made

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def hours(count: int) -> Columns:
    values: dict[str, Any] = {name: [1.0] * count for name in ("open", "high", "low", "close", "volume")}
    return made(Market.SPOT, "BTCUSDT", "1h", {"open_time": [n * HOUR for n in range(count)], **values})


def test_lengths_of_time_are_read() -> None:
    assert [length_ms("--train", text) for text in ("90m", "12h", "60d", "2w")] == [
        90 * MINUTE, 12 * HOUR, 60 * DAY, 14 * DAY,
    ]  # fmt: skip
    for text in ("", "60", "0d", "d", "1.5d", "-1d", "1y"):
        with pytest.raises(Misconfigured, match=r"--train .* is no length of time"):
            length_ms("--train", text)


def test_walking_forward_by_given_lengths() -> None:
    found = windows(walking(10 * HOUR, 4 * HOUR, is_anchored=False), hours(30), 6)
    assert [(each.label, *each.train[0], *each.test) for each in found] == [
        ("window 1", 6, 16, 16, 20), ("window 2", 10, 20, 20, 24), ("window 3", 14, 24, 24, 28),
    ]  # fmt: skip


def test_anchored_windows_learn_from_the_beginning() -> None:
    found = windows(walking(10 * HOUR, 4 * HOUR, is_anchored=True), hours(30), 6)
    assert [(*each.train[0], *each.test) for each in found] == [(6, 16, 16, 20), (6, 20, 20, 24), (6, 24, 24, 28)]


def test_without_lengths_there_are_five_windows_to_the_end() -> None:
    found = windows(walking(None, None, is_anchored=False), hours(88), 8)
    assert len(found) == 5
    assert (found[0].train[0].first, found[-1].test.last) == (8, 88)


def test_folds_leave_an_embargo_and_the_look_back_after_the_test() -> None:
    found = windows(folding(3, 2 * HOUR), hours(64), 4)
    assert [(each.label, each.test, each.train) for each in found] == [
        ("fold 1", (4, 24), ((30, 64),)),
        ("fold 2", (24, 44), ((4, 24), (50, 64))),
        ("fold 3", (44, 64), ((4, 44),)),
    ]


@given(
    rows=st.integers(120, 400), cold=st.integers(0, 20), count=st.integers(2, 6), embargo=st.integers(0, 8),
    train=st.integers(3, 30), test=st.integers(3, 30), is_anchored=st.booleans(),
)  # fmt: skip
def test_nothing_that_is_tried_on_was_learned_from(
    rows: int, cold: int, count: int, embargo: int, train: int, test: int, is_anchored: bool
) -> None:
    columns = hours(rows)
    folds = windows(folding(count, embargo * HOUR), columns, cold)
    walks = windows(walking(train * HOUR, test * HOUR, is_anchored=is_anchored), columns, cold)
    for each in (*folds, *walks):
        tested = set(range(*each.test))
        for stretch in each.train:
            assert stretch.first >= cold
            seen_before = range(stretch.first - cold, stretch.last)
            assert tested.isdisjoint(seen_before)
            assert stretch.last <= each.test.first or stretch.first - cold >= each.test.last + embargo
    assert sorted(row for each in folds for row in range(*each.test)) == list(range(cold, rows))
    assert all(one.test.last == other.test.first for one, other in pairwise(walks))


@pytest.mark.parametrize(
    ("split", "rows", "cold"),
    [
        (walking(None, None, is_anchored=False), 10, 10),
        (walking(None, None, is_anchored=False), 12, 9),
        (walking(DAY, DAY, is_anchored=False), 40, 0),
        (folding(5, 0), 9, 3),
        (folding(2, 100 * HOUR), 20, 0),
    ],
)
def test_too_few_candles_are_refused(split: dict[str, Any], rows: int, cold: int) -> None:
    with pytest.raises(Misconfigured, match="too few for these windows"):
        windows(split, hours(rows), cold)


def test_lengths_go_together_and_folds_are_several() -> None:
    with pytest.raises(Misconfigured, match="--train and --test go together"):
        walking(DAY, None, is_anchored=False)
    with pytest.raises(Misconfigured, match="take 2 or more"):
        folding(1, 0)
