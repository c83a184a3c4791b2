"""Monte Carlo over round trips: seeded, exact where it can be counted by hand, and quick."""

from decimal import Decimal
from itertools import permutations

import numpy as np
import pytest

from bot.backtest.studies.monte_carlo import luck


def of(*results: int) -> list[Decimal]:
    return [Decimal(each) for each in results]


def test_the_same_seed_gives_the_same_luck_and_another_does_not() -> None:
    results = of(*range(-20, 25))
    assert luck(results, 7) == luck(results, 7)
    assert luck(results, 7) != luck(results, 8)


def test_orders_fall_as_often_as_all_orders_counted_by_hand() -> None:
    results = (4, -3, 2, -1)
    found = luck(of(*results), 1, 20_000)
    assert found is not None
    falls = []
    for order in permutations(results):
        sums = np.cumsum(order)
        falls.append(float(np.max(np.maximum(np.maximum.accumulate(sums), 0) - sums)))
    assert found.fall == 3
    assert found.falls_above == pytest.approx(np.mean([each > 3 for each in falls]), abs=0.02)
    assert found.falls[99] == 4
    assert found.falls[5] <= found.falls[50] <= found.falls[95] <= found.falls[99]


def test_draws_end_around_what_there_was() -> None:
    found = luck(of(*[3, -2] * 50), 1, 4_000)
    assert found is not None
    assert found.ends[50] == pytest.approx(50, abs=5)
    assert 0 < found.loses < 0.05
    assert found.ends[5] < found.ends[50] < found.ends[95]


def test_a_loss_from_the_first_trip_on_is_a_fall_from_the_beginning() -> None:
    found = luck(of(-1, -1, -1))
    assert found is not None
    assert (found.fall, found.falls[50], found.falls_above, found.loses) == (3, 3, 0, 1)


def test_one_round_trip_has_no_order() -> None:
    assert luck(of(1)) is None
    assert luck([]) is None
