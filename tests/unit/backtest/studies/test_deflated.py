"""The deflated Sharpe ratio against the numbers of the paper that it comes from."""

import math

import pytest

from bot.backtest.studies.deflated import deflated, expected_best, probability

DAYS = 250
"""A year of the paper."""


def test_the_example_of_the_paper_is_met() -> None:
    # Five years of days, annual ratio 2.5, the best of 100 trials whose annual ratios vary by 1/2, skew -3, kurtosis 10.
    benchmark = expected_best(0.5 / DAYS, 100)
    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    assert probability(2.5 / math.sqrt(DAYS), benchmark, 1250, -3, 10) == pytest.approx(0.9004, abs=5e-5)


def test_fewer_trials_are_believed_more_as_the_paper_says() -> None:
    ratio = 2.5 / math.sqrt(DAYS)
    assert probability(ratio, expected_best(0.5 / DAYS, 46), 1250, -3, 10) == pytest.approx(0.9505, abs=5e-5)
    assert probability(ratio, expected_best(0.5 / DAYS, 88), 1250, 0, 3) == pytest.approx(0.9505, abs=5e-4)


def test_one_trial_has_nothing_to_be_deflated_by() -> None:
    assert expected_best(0.3, 1) == 0
    assert probability(0.0, 0.0, 100, 0, 3) == pytest.approx(0.5)


def test_a_few_trials_are_judged_by_their_own_spread() -> None:
    found = deflated(0.2, [0.2, 0.1, 0.0, -0.1], 400, 0, 3)
    assert found.trials == 4
    assert 0 < found.expected < 0.2
    assert 0.5 < found.probability < 1
    assert deflated(0.2, [0.2, 0.1, 0.0, -0.1] * 50, 400, 0, 3).probability < found.probability


def test_too_little_to_judge_by_is_no_belief() -> None:
    assert probability(5.0, 0.0, 1, 0, 3) == 0
