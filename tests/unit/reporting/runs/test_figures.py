from decimal import Decimal

import numpy as np
import pytest

from bot.domain.messages import TradeClosed
from bot.domain.order import Side
from bot.reporting.runs import figures

DAY = figures.DAY_MS
BEGIN = 1_704_067_200_000


def closes(*equity: float) -> tuple[np.ndarray, np.ndarray]:
    """Give an equity curve with one value at the end of each day."""
    return BEGIN + np.arange(1, len(equity) + 1) * DAY - 1, np.array(equity)


def trade(pnl: str, opened_ms: int = 0, closed_ms: int = 60_000) -> TradeClosed:
    one = Decimal(1)
    return TradeClosed(
        1, "BTCUSDT", Side.BUY, one, one, one, Decimal(pnl), Decimal(0), Decimal(pnl), opened_ms, closed_ms, "b-1"
    )


def test_the_deepest_fall_has_its_peak_its_bottom_and_the_day_it_was_made_good() -> None:
    times, equity = closes(1_100, 990, 1_045, 880, 1_100, 1_210, 1_150)
    found = figures.fall(times, equity, 1_000.0)
    assert found["max_drawdown"] == pytest.approx(0.2)
    assert found["max_drawdown_quote"] == pytest.approx(220)
    assert (found["drawdown_from_ms"], found["drawdown_bottom_ms"], found["drawdown_until_ms"]) == tuple(
        times[[0, 3, 4]]
    )
    assert found["drawdown_ms"] == found["longest_drawdown_ms"] == 4 * DAY


def test_a_fall_from_the_capital_itself_counts_and_may_last_to_the_end() -> None:
    times, equity = closes(950, 900, 940)
    found = figures.fall(times, equity, 1_000.0)
    assert found["max_drawdown"] == pytest.approx(0.1)
    assert found["drawdown_until_ms"] is None
    assert found["drawdown_ms"] == 2 * DAY


def test_equity_that_only_rises_has_no_fall() -> None:
    found = figures.fall(*closes(1_001, 1_002), 1_000.0)
    assert (found["max_drawdown"], found["max_drawdown_quote"], found["drawdown_ms"]) == (0, 0, 0)


def test_ratios_are_of_daily_returns_on_a_year_of_365_days() -> None:
    returns = np.array([0.01, -0.005, 0.02, 0.0, -0.01, 0.004, 0.003, 0.006])
    times, equity = closes(*(1_000 * np.cumprod(1 + returns)))
    found = figures.of_equity(times, equity, 1_000.0)
    assert found["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * 365**0.5)
    assert found["sortino"] == pytest.approx(returns.mean() / (np.minimum(returns, 0) ** 2).mean() ** 0.5 * 365**0.5)
    assert found["return"] == pytest.approx(np.prod(1 + returns) - 1)
    assert found["cagr"] is None


def test_too_few_days_have_no_ratios_and_lost_capital_has_none_either() -> None:
    assert figures.of_equity(*closes(1_010, 1_020), 1_000.0)["sharpe"] is None
    assert figures.of_equity(*closes(*[900.0] * 9, -10.0), 1_000.0)["sharpe"] is None


def test_a_year_that_doubles_has_a_yearly_return_of_one() -> None:
    times = np.array([BEGIN, BEGIN + int(365.25 * DAY)])
    found = figures.of_equity(times, np.array([900.0, 2_000.0]), 1_000.0)
    assert found["cagr"] == pytest.approx(1.0)
    assert found["calmar"] == pytest.approx(10.0)


def test_round_trips_are_measured_exactly() -> None:
    found = figures.of_trades([trade("3"), trade("-1", closed_ms=120_000), trade("-0.5"), trade("0")])
    assert (found["trades"], found["win_rate"], found["profit_factor"]) == (4, 0.25, 2.0)
    assert (found["net_pnl"], found["expectancy"], found["loss_streak"]) == (1.5, 0.375, 3)
    assert (found["best_trade"], found["worst_trade"], found["average_win"]) == (3.0, -1.0, 3.0)
    assert (found["average_duration_ms"], found["longest_duration_ms"]) == (75_000.0, 120_000.0)


def test_no_round_trip_has_nothing_to_be_measured() -> None:
    found = figures.of_trades([])
    assert (found["trades"], found["net_pnl"], found["loss_streak"]) == (0, 0.0, 0)
    assert {found[name] for name in ("win_rate", "profit_factor", "expectancy", "best_trade")} == {None}


def test_time_in_the_market_counts_spells_over_one_another_once() -> None:
    assert figures.exposure([(0, 30), (20, 50), (80, 90)], 0, 100) == pytest.approx(0.6)
    assert figures.exposure([], 0, 100) == 0


def test_months_follow_from_one_another_and_add_up() -> None:
    times = BEGIN + np.array([10, 40, 70]) * DAY
    found = figures.months(times, np.array([1_100.0, 990.0, 1_089.0]), 1_000.0)
    assert [each["month"] for each in found] == ["2024-01", "2024-02", "2024-03"]
    assert [each["return"] for each in found] == pytest.approx([0.1, -0.1, 0.1])
    assert sum(each["result"] for each in found) == pytest.approx(89)


def test_a_month_that_begins_without_money_has_no_return() -> None:
    times = BEGIN + np.array([10, 40]) * DAY
    assert figures.months(times, np.array([-5.0, -7.0]), 1_000.0)[1] == {
        "month": "2024-02",
        "result": -2.0,
        "return": None,
    }
