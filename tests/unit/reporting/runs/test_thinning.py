import numpy as np
import pytest
from tests.unit.reporting.runs.conftest import BEGIN_MS, walk

from bot.domain.market import INTERVAL_MS
from bot.reporting.runs.thinning import coarser, kept_rows


def test_candles_put_together_lose_no_high_and_no_low() -> None:
    columns = walk(10_000)
    interval, shown = coarser(columns, 500)
    assert interval == "30m"
    assert len(shown["time"]) == len(range(0, 10_000, 30)) <= 500
    for at, first in ((0, 0), (7, 210)):
        part = slice(first, first + 30)
        assert shown["time"][at] == columns.open_time[first] // 1000
        assert shown["open"][at] == columns.open[first]
        assert shown["high"][at] == pytest.approx(columns.high[part].max(), abs=0.01)
        assert shown["low"][at] == pytest.approx(columns.low[part].min(), abs=0.01)
        assert shown["close"][at] == columns.close[first + 29]


def test_few_candles_stay_what_they_are() -> None:
    interval, shown = coarser(walk(100), 500)
    assert (interval, len(shown["time"])) == ("1m", 100)


@pytest.mark.parametrize(("interval", "count"), [("1h", 300), ("1m", 4_000)])
def test_coarse_candles_begin_where_those_of_the_exchange_do(interval: str, count: int) -> None:
    name, shown = coarser(walk(count, INTERVAL_MS[interval], interval), 50)
    assert shown["time"][0] * 1000 == BEGIN_MS
    assert all(time * 1000 % INTERVAL_MS[name] == 0 for time in shown["time"])


def test_a_thinned_curve_keeps_both_ends_its_highest_and_its_lowest() -> None:
    values = np.cumsum(np.sin(np.arange(50_000) ** 1.3))
    rows = kept_rows(values, 900)
    assert len(rows) <= 900
    assert {0, 49_999, int(values.argmax()), int(values.argmin())} <= set(rows.tolist())
    assert (np.diff(rows) > 0).all()


def test_a_short_curve_is_kept_whole() -> None:
    assert kept_rows(np.arange(10.0), 900).tolist() == list(range(10))
