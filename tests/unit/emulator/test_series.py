from msgspec.structs import replace

from bot.domain.market import Candle
from bot.emulator.series import Series

START = 1_747_699_200_000
MINUTE = 60_000


def minute(number: int, price: float = 10, *, is_closed: bool = True) -> Candle:
    opened = START + number * MINUTE
    return Candle("B", "1m", opened, price, price, price, price, 1, opened + MINUTE - 1, price, 1, is_closed)


def filled(count: int) -> Series:
    series = Series("B", "1m")
    for number in range(count):
        series.add(minute(number, 10 + number))
    return series


def opened(candles: list[Candle]) -> list[int]:
    return [(candle.open_time - START) // MINUTE for candle in candles]


def test_without_a_range_the_newest_come() -> None:
    assert opened(filled(10).klines("1m", None, None, 3)) == [7, 8, 9]


def test_from_a_start_the_oldest_come() -> None:
    assert opened(filled(10).klines("1m", START + 2 * MINUTE, None, 3)) == [2, 3, 4]
    assert opened(filled(10).klines("1m", START + 2 * MINUTE + 1, None, 3)) == [3, 4, 5]


def test_up_to_an_end_the_latest_come() -> None:
    assert opened(filled(10).klines("1m", None, START + 5 * MINUTE, 2)) == [4, 5]
    assert opened(filled(10).klines("1m", START + 4 * MINUTE, START + 5 * MINUTE, 9)) == [4, 5]


def test_longer_intervals_hold_closed_candles_only() -> None:
    series = filled(12)
    assert opened(series.klines("5m", None, None, 10)) == [0, 5]
    series.add(minute(12))
    series.add(minute(13))
    series.add(minute(14, 99))
    newest = series.klines("5m", None, None, 1)[0]
    assert (newest.close, newest.high, newest.low, newest.is_closed) == (99, 99, 10, True)


def test_up_to_now_the_newest_row_is_the_candle_that_still_forms() -> None:
    series, forming = filled(7), minute(7, 50, is_closed=False)
    assert opened(series.klines_to_now("1m", None, None, 2, forming)) == [6, 7]
    assert opened(series.klines_to_now("1m", START + 6 * MINUTE, None, 1, forming)) == [6]
    assert opened(series.klines_to_now("1m", None, START + 6 * MINUTE, 1, forming)) == [6]
    longer = series.klines_to_now("5m", None, None, 9, forming)
    assert [(candle.is_closed, candle.close) for candle in longer] == [(True, 14), (False, 50)]
    assert opened(series.klines_to_now("5m", None, None, 9, None)) == [0, 5]
    assert opened(series.klines_to_now("1m", None, None, 2, minute(6, 50, is_closed=False))) == [5, 6]
    assert series.klines_to_now("1s", None, None, 9, forming) == []


def test_a_candle_whose_last_part_never_came_stands_before_the_one_that_forms() -> None:
    rows = filled(7).klines_to_now("5m", None, None, 9, minute(11, 50, is_closed=False))
    assert [(*opened([row]), row.is_closed) for row in rows] == [(0, True), (5, True), (10, False)]


def test_a_shorter_interval_than_the_base_is_empty() -> None:
    assert filled(3).klines("1s", None, None, 5) == []
    assert filled(3).add_and_show(minute(3), ["1s"]) == []


def test_streams_of_several_intervals_see_the_same_minute() -> None:
    series = filled(4)
    forming = series.add_and_show(minute(4, 20, is_closed=False), ["1m", "5m"])
    assert [(candle.interval, candle.is_closed, candle.close) for candle in forming] == [
        ("1m", False, 20),
        ("5m", False, 20),
    ]
    closed = series.add_and_show(minute(4, 21), ["1m", "5m"])
    assert [(candle.interval, candle.is_closed) for candle in closed] == [("1m", True), ("5m", True)]
    assert closed[1].open == 10
    assert closed[1].volume == 5


def test_a_hole_in_the_source_closes_the_longer_candle_when_the_next_one_begins() -> None:
    series = filled(3)
    shown = series.add_and_show(replace(minute(7), is_closed=False), ["5m"])
    assert [(opened([candle]), candle.is_closed) for candle in shown] == [([0], True), ([5], False)]
    assert opened(series.klines("5m", None, None, 5)) == [0]
