import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import Candle, Market
from bot.strategies.columns import Frame, KnownRow, SignalRow, Signals, crossed_above, crossed_below, marks_of
from bot.strategies.indicators import SMA, Highest, Lowest
from bot.strategies.sma_cross import SmaCross

PRICES = st.lists(st.integers(1, 40), min_size=0, max_size=60)


def candles_of(closes: list[float]) -> list[Candle]:
    return [
        Candle(
            "BTCUSDT", "1m", 60_000 * i, close, close + i % 3, close - i % 2 / 2, close, 1.0, 60_000 * i + 59_999,
            0.0, 0, True, Market.SPOT,
        )
        for i, close in enumerate(closes)
    ]  # fmt: skip


def frame_of(candles: list[Candle]) -> Frame:
    columns = [[getattr(candle, name) for candle in candles] for name in ("open", "high", "low", "close", "volume")]
    return Frame(*np.array(columns, np.float64).reshape(5, -1))


@given(closes=PRICES, period=st.integers(1, 9), scale=st.sampled_from([0.01, 1.0, 1e3, 1.7e9]))
def test_columns_and_indicators_agree_to_the_last_bit(closes: list[int], period: int, scale: float) -> None:
    candles = candles_of([close * scale for close in closes])
    frame = frame_of(candles)
    for indicator, column in (
        (SMA(period), frame.sma(period)),
        (Highest(period), frame.highest(period)),
        (Lowest(period), frame.lowest(period)),
    ):
        for candle, value in zip(candles, column.tolist(), strict=True):
            indicator.update(candle)
            if indicator.count > period or (isinstance(indicator, SMA) and indicator.ready):
                assert value == indicator.value
            else:
                assert np.isnan(value)


@given(closes=PRICES)
def test_a_window_of_the_newest_candles_says_what_whole_columns_say(closes: list[int]) -> None:
    config = SmaCross.Config(symbol="BTCUSDT", fast=2, slow=5)
    strategy = SmaCross(config, None)  # type: ignore[arg-type]
    candles = candles_of([float(close) for close in closes])
    whole = strategy.signals(frame_of(candles))
    window, known = SignalRow(strategy.signals, strategy.lookback), KnownRow(whole, strategy.lookback)
    for candle, wanted in zip(candles, known.marks.tolist(), strict=True):
        window.update(candle)
        known.update(candle)
        assert known.mark == wanted
        if window.ready:
            assert window.mark == wanted
            assert window.signals.seen["sma_5"][window.row] == whole.seen["sma_5"][known.row]


def test_marks_tell_entries_stops_and_exits_apart() -> None:
    on, off = np.array([True, False, True]), np.array([False, False, True])
    assert marks_of(Signals(on)).tolist() == [1, 0, 1]
    assert marks_of(Signals(on, exits=off, stops=on)).tolist() == [3, 0, 7]
    row = SignalRow(lambda frame: Signals(frame.close > 2, frame.close > 2, frame.close < 1), 1)
    seen = []
    for candle in candles_of([0.5, 1.5, 3.0]):
        row.update(candle)
        seen.append(row.mark)
    assert seen == [2, 0, 5]


def test_a_cross_is_one_row_and_needs_both_rows_known() -> None:
    one = np.array([np.nan, 3.0, 1.0, 2.0, 3.0, 4.0, 1.0])
    other = np.full(7, 2.0)
    assert crossed_above(one, other).nonzero()[0].tolist() == [4]
    assert crossed_below(one, other).nonzero()[0].tolist() == [2, 6]


def test_a_window_longer_than_the_candles_knows_nothing() -> None:
    frame = frame_of(candles_of([1.0, 2.0, 3.0]))
    assert np.isnan(frame.sma(4)).all()
    assert np.isnan(frame.highest(3)).all()
    with pytest.raises(ValueError, match="read-only"):
        frame.sma(2)[1] = 7.0
