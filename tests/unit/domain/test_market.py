from datetime import UTC, datetime

import pytest

from bot.domain.market import INTERVAL_MS, next_open


def ms(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc]


def test_there_are_the_fifteen_intervals_and_the_second() -> None:
    assert " ".join(INTERVAL_MS) == "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"


@pytest.mark.parametrize(
    ("opened", "interval", "following"),
    [
        (ms(2025, 1, 1), "1m", ms(2025, 1, 1, 0, 1)),
        (ms(2025, 1, 1), "1M", ms(2025, 2, 1)),
        (ms(2024, 2, 1), "1M", ms(2024, 3, 1)),
        (ms(2025, 12, 1), "1M", ms(2026, 1, 1)),
        (ms(2025, 1, 6), "1w", ms(2025, 1, 13)),
    ],
)
def test_the_next_candle_opens_when_this_one_ends(opened: int, interval: str, following: int) -> None:
    assert next_open(opened, interval) == following
