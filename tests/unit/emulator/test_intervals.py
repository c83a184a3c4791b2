from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from bot.domain.market import Candle
from bot.emulator.intervals import bucket_open, fits_into, merged


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("interval", "opens"),
    [
        ("1m", "2025-05-21T13:47"), ("5m", "2025-05-21T13:45"), ("1h", "2025-05-21T13:00"), ("4h", "2025-05-21T12:00"),
        ("1d", "2025-05-21"), ("1w", "2025-05-19"), ("1M", "2025-05-01"),
    ],
)  # fmt: skip
def test_a_moment_falls_into_the_candle_that_holds_it(interval: str, opens: str) -> None:
    assert bucket_open(at("2025-05-21T13:47:12"), interval) == at(opens)


def test_only_longer_intervals_can_be_made() -> None:
    assert fits_into("1m", "1m")
    assert fits_into("1m", "1M")
    assert fits_into("5m", "15m")
    assert not fits_into("1m", "1s")
    assert not fits_into("3m", "5m")
    assert not fits_into("1w", "1M")


def test_merging_takes_the_first_open_the_extremes_and_the_last_close() -> None:
    first = Candle("B", "1m", at("2025-05-21T13:45"), 10, 12, 9, 11, 1, at("2025-05-21T13:46") - 1, 11, 3)
    second = replace(
        first, open_time=first.open_time + 60_000, open=11, high=15, low=8, close=14, close_time=at("2025-05-21T13:50") - 1
    )  # fmt: skip
    whole = merged(merged(None, first, "5m"), second, "5m")
    assert (whole.open, whole.high, whole.low, whole.close) == (10, 15, 8, 14)
    assert (whole.volume, whole.quote_volume, whole.trade_count) == (2, 22, 6)
    assert whole.is_closed
    assert not merged(None, first, "5m").is_closed
