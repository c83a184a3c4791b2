"""Neighbours: how fast others use up what we share, from what the host tells."""

import pytest

from bot.binance.neighbours import DOUBLED, FORGOTTEN_HALF_IN_S, REACH_S, SPAN_S, Neighbours


def test_nobody_is_feared_before_somebody_was_seen_to_move() -> None:
    neighbours = Neighbours()
    assert neighbours.may_use(10.0) == 0
    neighbours.told(10.0, 1, 900)  # since whenever: it says nothing of how fast
    assert neighbours.may_use(11.0) == 0
    neighbours.told(11.0, 1, 900)
    assert neighbours.may_use(12.0) == 0


def test_who_moved_goes_on_and_the_longer_we_did_not_look_the_further() -> None:
    neighbours = Neighbours()
    neighbours.told(10.0, 1, 100)
    neighbours.told(11.0, 1, 300)
    assert neighbours.may_use(11.0) == pytest.approx(DOUBLED * 200 * REACH_S)
    assert neighbours.may_use(12.0) == pytest.approx(DOUBLED * 200 * (1 + REACH_S), rel=0.02)


def test_what_is_told_lower_is_old_news_and_a_new_window_begins_at_nothing() -> None:
    neighbours = Neighbours()
    neighbours.told(10.0, 1, 500)
    neighbours.told(11.0, 1, 400)
    neighbours.told(12.0, 1, 500)
    assert neighbours.may_use(12.0) == 0
    neighbours.told(13.0, 2, 50)
    assert neighbours.may_use(13.0) > 0


def test_many_looks_in_a_moment_are_no_speed() -> None:
    neighbours = Neighbours()
    neighbours.told(10.0, 1, 0)
    for look in range(100):
        neighbours.told(10.0 + look / 100_000, 1, look % 3)
    assert neighbours.may_use(10.0) == pytest.approx(DOUBLED * 2 / SPAN_S * REACH_S, rel=0.01)


def test_a_top_speed_is_forgotten_by_and_by() -> None:
    neighbours = Neighbours()
    neighbours.told(10.0, 1, 0)
    neighbours.told(11.0, 1, 1_000)
    neighbours.told(11.0 + SPAN_S, 1, 1_000)
    at_first = neighbours.may_use(12.0)
    later_s = 12.0 + FORGOTTEN_HALF_IN_S
    neighbours.told(later_s - 0.5, 1, 1_000)
    assert neighbours.may_use(later_s) == pytest.approx(at_first / 2, rel=0.02)
