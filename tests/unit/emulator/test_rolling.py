from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import Candle
from bot.emulator.rolling import Rolling

MINUTE = 60_000
prices = st.integers(1, 1_000)


def candle(minute: int, high: float, low: float, volume: float = 1.0) -> Candle:
    return Candle(
        "BTCUSDT", "1m", minute * MINUTE, (high + low) / 2, high, low, low, volume, (minute + 1) * MINUTE - 1, volume * low, 2
    )  # fmt: skip


@given(rows=st.lists(st.tuples(prices, prices), min_size=1, max_size=40), length=st.integers(1, 12))
def test_a_window_is_what_its_candles_are_together(rows: list[tuple[int, int]], length: int) -> None:
    rolling, candles = Rolling(length * MINUTE), []
    for minute, (one, other) in enumerate(rows):
        candles.append(candle(minute, max(one, other), min(one, other)))
        rolling.add(candles[-1])
        inside = candles[-length:]
        shown = rolling.shown(None, "BTCUSDT", 5.0, (minute + 1) * MINUTE)
        assert shown.high == max(each.high for each in inside)
        assert shown.low == min(each.low for each in inside)
        assert abs(shown.volume - len(inside)) < 1e-9
        assert shown.trade_count == 2 * len(inside)
        assert shown.open == inside[0].open


def test_a_candle_that_still_forms_counts_and_an_empty_window_shows_the_last_price() -> None:
    rolling = Rolling(5 * MINUTE)
    assert rolling.shown(None, "BTCUSDT", 7.0, 0).open == 7.0
    rolling.add(candle(0, 10, 5))
    shown = rolling.shown(candle(1, 20, 6, volume=3.0), "BTCUSDT", 19.0, 90_000)
    assert (shown.high, shown.low, shown.close, shown.volume) == (20, 5, 19.0, 4.0)
