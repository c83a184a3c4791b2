"""What a person may write as a time."""

import pytest

from bot.commands.why import span

NOON = 1_750_075_200_000
"""2025-06-16 12:00 UTC."""
MINUTE_MS, DAY_MS = 60_000, 86_400_000


@pytest.mark.parametrize(
    ("text", "begin", "length"),
    [
        ("2025-06-16 12:00", NOON, MINUTE_MS),
        ("2025-06-16T12:00Z", NOON, MINUTE_MS),
        ("2025-06-16 12:00 UTC", NOON, MINUTE_MS),
        ("2025-06-16T14:00+02:00", NOON, MINUTE_MS),
        ("2025-06-16 12:00:00", NOON, 1_000),
        ("2025-06-16", NOON - DAY_MS // 2, DAY_MS),
        (" 12:00 ", NOON, MINUTE_MS),
        ("9:30:05", NOON - 150 * MINUTE_MS + 5_000, 1_000),
        ("1750075200000", NOON, 1),
        ("1750075200", NOON, 1_000),
        ("15m", NOON - 15 * MINUTE_MS, 1),
        ("2 h ago", NOON - 120 * MINUTE_MS, 1),
    ],
)
def test_a_time_is_a_span_as_long_as_it_is_vague(text: str, begin: int, length: int) -> None:
    assert span(text, NOON) == (begin, begin + length)


@pytest.mark.parametrize("text", ["yesterday", "25:00", "2025-13-01", "2025-06-16 12:61", "-5m", "15 y", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        span(text, NOON)
