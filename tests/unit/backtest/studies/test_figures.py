"""Figures of trials: by hand, and as they are kept."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.studies.figures import DAY_MS, Played, figures, from_json, joined, returns_of, to_json

HOUR = 3_600_000


def played(equity: list[float], results: tuple[str, ...] = (), interval_ms: int = DAY_MS) -> Played:
    times = interval_ms * np.arange(1, len(equity) + 1, dtype=np.int64) - 1
    return Played(times, np.array(equity), [Decimal(each) for each in results], Decimal("0.3"), 100.0, interval_ms)


def test_figures_by_hand() -> None:
    found = figures([played([110.0, 99.0, 121.0], ("10", "-11", "20"))])
    assert (found.trades, found.net_pnl, found.fees) == (3, Decimal(19), Decimal("0.3"))
    assert found.unrealised == pytest.approx(2)
    assert found.total_return == pytest.approx(0.21)
    assert found.max_drawdown == pytest.approx(0.1)
    assert (found.win_rate, found.profit_factor) == (pytest.approx(2 / 3), pytest.approx(30 / 11))
    assert found.expectancy == pytest.approx(19 / 3)
    returns = [0.1, -0.11, 0.22]
    assert (found.periods, found.period_ms) == (3, DAY_MS)
    assert found.period_sharpe == pytest.approx(np.mean(returns) / np.std(returns, ddof=1))
    assert found.sharpe == pytest.approx(found.period_sharpe * math.sqrt(365))
    assert found.sortino == pytest.approx(np.mean(returns) / math.sqrt(0.11**2 / 3) * math.sqrt(365))
    assert found.calmar == pytest.approx(0.21 / (3 / 365) / 0.1)


def test_nothing_traded_divides_by_nothing() -> None:
    found = figures([played([100.0] * 5)])
    assert (found.trades, found.net_pnl, found.max_drawdown) == (0, 0, 0)
    for name in ("win_rate", "profit_factor", "expectancy", "sharpe", "sortino", "calmar", "period_sharpe"):
        assert getattr(found, name) is None
    assert (found.skew, found.kurtosis) == (0, 3)


def test_periods_are_days_where_there_are_enough_of_them() -> None:
    for hours, period_ms in ((24 * 40, DAY_MS), (24 * 20, HOUR)):
        assert figures([played([100.0 + n for n in range(hours)], interval_ms=HOUR)]).period_ms == period_ms
    assert figures([played([100.0, 101.0], interval_ms=HOUR)]).period_ms == HOUR


def test_a_period_ends_at_its_last_close() -> None:
    hours = played([100.0 + n for n in range(48)], interval_ms=HOUR)
    # The close of 23:59:59.999 belongs to its day.
    assert returns_of(hours, DAY_MS) == pytest.approx([0.23, 0.24])


def test_stretches_go_on_from_what_the_ones_before_left() -> None:
    one, two = played([110.0, 105.0], ("5",)), played([90.0, 120.0], ("20",))
    assert joined([one, two]).tolist() == [100, 110, 105, 95, 125]
    found = figures([one, two])
    assert (found.net_pnl, found.trades, found.bars) == (Decimal(25), 2, 4)
    assert found.max_drawdown == pytest.approx(15 / 110)
    assert found.total_return == pytest.approx(0.25)


@given(st.lists(st.floats(50, 150), min_size=2, max_size=60))
def test_returns_add_up_to_the_gain_and_figures_survive_being_kept(equity: list[float]) -> None:
    one = played(equity, ("1.10", "-0.000000000000000001"))
    found = figures([one])
    assert sum(returns_of(one, found.period_ms)) == pytest.approx(found.total_return, abs=1e-9)
    told = to_json(found)
    assert told["net_pnl"] == "1.099999999999999999"
    assert from_json(told) == found
