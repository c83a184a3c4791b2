"""Indicators against TA-Lib, on real candles."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import talib

from bot.domain.market import Candle
from bot.strategies.indicators import ATR, EMA, RSI, SMA, Deviation, Highest, Indicator, Lowest

DATA = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_1h_20170817_20210531.csv.gz"


@pytest.fixture(scope="module")
def candles() -> list[Candle]:
    with gzip.open(DATA, "rt") as file:
        rows = list(csv.DictReader(file))[:1500]
    return [
        Candle(
            "BTCUSDT", "1h", int(row["open_time"]), *(float(row[k]) for k in ("open", "high", "low", "close", "volume")),
            close_time=int(row["open_time"]) + 3_599_999,
        )
        for row in rows
    ]  # fmt: skip


def columns(candles: list[Candle]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(np.array([getattr(c, name) for c in candles]) for name in ("high", "low", "close"))  # type: ignore[return-value]


REFERENCE: list[tuple[Callable[[], Indicator], Callable[..., np.ndarray]]] = [
    (lambda: SMA(20), lambda h, l, c: talib.SMA(c, 20)),
    (lambda: EMA(12), lambda h, l, c: talib.EMA(c, 12)),
    (lambda: RSI(14), lambda h, l, c: talib.RSI(c, 14)),
    (lambda: ATR(14), lambda h, l, c: talib.ATR(h, l, c, 14)),
    (lambda: Deviation(20), lambda h, l, c: talib.STDDEV(c, 20)),
    (lambda: Highest(20), lambda h, l, c: np.concatenate([[np.nan], talib.MAX(h, 20)[:-1]])),
    (lambda: Lowest(10), lambda h, l, c: np.concatenate([[np.nan], talib.MIN(l, 10)[:-1]])),
]


@pytest.mark.parametrize(("make", "reference"), REFERENCE, ids=[make().label for make, _ in REFERENCE])
def test_an_indicator_equals_talib_wherever_both_have_a_value(
    candles: list[Candle], make: Callable[[], Indicator], reference: Callable[..., np.ndarray]
) -> None:
    indicator = make()
    ours = []
    for candle in candles:
        indicator.update(candle)
        ours.append(indicator.value)
    theirs = reference(*columns(candles))
    known = ~np.isnan(theirs)
    assert known.sum() > 1400
    np.testing.assert_allclose(np.array(ours)[known], theirs[known], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("make", "reference"), REFERENCE, ids=[make().label for make, _ in REFERENCE])
def test_a_warm_value_does_not_depend_on_where_history_began(
    candles: list[Candle], make: Callable[[], Indicator], reference: object
) -> None:
    long, short = make(), make()
    for candle in candles:
        long.update(candle)
    for candle in candles[-short.warm_up :]:
        short.update(candle)
    assert short.ready
    assert short.value == pytest.approx(long.value, rel=1e-7, abs=1e-7)


def test_an_indicator_is_not_ready_before_its_warm_up(candles: list[Candle]) -> None:
    average = SMA(5)
    states = []
    for candle in candles[:6]:
        average.update(candle)
        states.append(average.ready)
    assert states == [False, False, False, False, True, True]


def test_a_moving_average_depends_on_its_window_alone(candles: list[Candle]) -> None:
    """To the last bit: a decision at a tie must not hang on rounding gathered long ago."""
    long, short = SMA(20), SMA(20)
    for candle in candles:
        long.update(candle)
    for candle in candles[-20:]:
        short.update(candle)
    assert long.value == short.value
