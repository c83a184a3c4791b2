"""One series: whatever order frames come in, consumers see each closed candle once and in order."""

from collections import Counter

import msgspec
from fake_binance import kline, opened, row
from hypothesis import given
from hypothesis import strategies as st

from bot.binance.series import Consumer, Series
from bot.binance.wire import KlineRow
from bot.binance.wire_streams import KlineBody
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import Event

STREAM = Stream(Market.SPOT, "BTCUSDT", "1m")
LAST = 12


def frame(number: int, *, closed: bool = True) -> KlineBody:
    return msgspec.convert(kline(number, closed=closed)["data"]["k"], KlineBody, strict=False)


def rest(first: int, until: int) -> list[Candle]:
    return [msgspec.convert(row(number), KlineRow).candle(STREAM) for number in range(first, until)]


def number_of(candle: Candle) -> int:
    return (candle.open_time - opened(0)) // 60_000


def made() -> tuple[Series, list[int]]:
    seen: list[int] = []

    def deliver(event: Event) -> None:
        assert isinstance(event, Candle)
        seen.append(number_of(event))

    series = Series(STREAM, Counter())
    series.join(Consumer(deliver, open_candles=False), None)
    return series, seen


def repair(series: Series) -> None:
    """Do what the hub does, with an exchange that has all candles."""
    series.is_repairing = True
    while series.waiting_from is not None:
        assert series.expected is not None
        first, until = ((at - opened(0)) // 60_000 for at in (series.expected, series.waiting_from))
        series.fill(rest(first, until))
    series.is_repairing = False


@given(
    order=st.lists(st.integers(0, LAST), max_size=40),
    forming=st.lists(st.booleans(), min_size=40, max_size=40),
    repair_late=st.booleans(),
)
def test_lost_repeated_and_shuffled_frames_never_make_a_hole_or_a_repetition(
    order: list[int], forming: list[bool], repair_late: bool
) -> None:
    series, seen = made()
    series.take(frame(0))
    for number, is_forming in zip(order, forming, strict=False):
        is_whole = series.take(frame(number, closed=not is_forming))
        if not is_whole:
            series.is_repairing = True
            if not repair_late:
                repair(series)
    series.take(frame(LAST + 1))
    repair(series)
    assert seen == list(range(LAST + 2))


def test_a_hole_that_the_exchange_has_too_is_skipped_and_counted() -> None:
    series, seen = made()
    series.take(frame(0))
    assert not series.take(frame(5))
    series.skip()
    assert seen == [0, 5]
    assert series.take(frame(6))
    assert seen == [0, 5, 6]


def test_one_consumers_fault_does_not_reach_the_others() -> None:
    series, seen = made()

    def fails(_event: Event) -> None:
        raise RuntimeError("full")

    series.join(Consumer(fails, open_candles=True), None)
    series.take(frame(0, closed=False))
    series.take(frame(0))
    series.take(frame(1))
    assert seen == [0, 1]


def test_silence_is_told_from_death_by_trades_that_no_frame_showed() -> None:
    series, _ = made()
    (first,) = rest(0, 1)
    assert not series.has_missed(first)  # nothing was heard yet: the first look only remembers
    assert not series.has_missed(first)
    (later,) = rest(1, 2)
    assert series.has_missed(later)
