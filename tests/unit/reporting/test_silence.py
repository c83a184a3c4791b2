"""What is said of a moment at which nothing was decided."""

from decimal import Decimal

import msgspec
import pytest

from bot.reporting.silence import moment, reasons
from bot.reporting.why import DecisionSeen, Standing

MINUTE_MS = 60_000
NOON = 1_750_075_200_000
AT_WORK = Standing(
    before_ms=NOON,
    after_ms=NOON + MINUTE_MS,
    usual_gap_ms=MINUTE_MS,
    held=Decimal(0),
    began_ms=None,
    stopped="",
    stopped_ms=None,
    last=None,
    next=None,
)
NEVER = msgspec.structs.replace(AT_WORK, before_ms=None, after_ms=None, usual_gap_ms=0)
DENIED = DecisionSeen(
    1, NOON - 90 * MINUTE_MS, "BTCUSDT", "BUY", "below mean: too much", "denied", "daily_loss", {}, None
)


def told(standing: Standing, *, at_ms: int = NOON + 1, state: str = "", warm_up: int = 20) -> list[str]:
    return reasons(
        standing, at_ms=at_ms, now_ms=NOON + 10 * MINUTE_MS, interval_ms=MINUTE_MS, warm_up=warm_up, state=state
    )


def test_a_candle_was_seen_and_nothing_was_wanted() -> None:
    assert told(AT_WORK) == [
        (
            "the candle was seen (it was at work at 2025-06-16 12:00:00 UTC and 2025-06-16 12:01:00 UTC, it held nothing), "
            "and it wanted nothing that is on record"
        )
    ]
    assert "it held 0.5)" in told(msgspec.structs.replace(AT_WORK, held=Decimal("0.50"), after_ms=None))[0]


def test_a_stop_comes_first_if_it_was_before() -> None:
    stopped = msgspec.structs.replace(AT_WORK, stopped="drawdown 26 %", stopped_ms=NOON - MINUTE_MS)
    assert told(stopped)[0].startswith("it was stopped since 2025-06-16 11:59:00 UTC (drawdown 26 %)")
    later = msgspec.structs.replace(stopped, stopped_ms=NOON + 2)
    assert told(later)[0].startswith("the candle was seen")


def test_a_denial_that_repeats_is_written_once_and_that_is_said() -> None:
    lines = told(msgspec.structs.replace(AT_WORK, last=DENIED))
    assert "rule daily_loss had denied that at 2025-06-16 10:30:00 UTC" in lines[0]
    assert lines[-1] == (
        "the decision before was at 2025-06-16 10:30:00 UTC: BUY, denied by daily_loss (below mean: too much)"
    )


@pytest.mark.parametrize(("minutes", "is_told"), [(19, True), (20, False)])
def test_soon_after_the_beginning_it_may_have_been_warming_up(minutes: int, is_told: bool) -> None:
    began = msgspec.structs.replace(AT_WORK, began_ms=NOON + 1 - minutes * MINUTE_MS)
    assert any("its indicators need 20 candles, and it had begun" in line for line in told(began)) is is_told
    decided_since = msgspec.structs.replace(began, last=msgspec.structs.replace(DENIED, time_ms=NOON))
    assert not any("warming up" in line for line in told(decided_since))


def test_a_hole_in_its_marks_is_no_sign_of_life() -> None:
    hole = msgspec.structs.replace(AT_WORK, after_ms=NOON + 30 * MINUTE_MS)
    assert told(hole, at_ms=NOON + 9 * MINUTE_MS) == [
        (
            "no sign of life after 2025-06-16 12:00:00 UTC until 2025-06-16 12:30:00 UTC: "
            "the bot was not running, or no candles came"
        )
    ]
    ended = msgspec.structs.replace(AT_WORK, after_ms=None)
    assert "it is disabled, or the bot was not running" in told(ended, at_ms=NOON + 9 * MINUTE_MS, state="disabled")[0]


def test_before_its_first_mark_it_was_not_running_yet() -> None:
    early = msgspec.structs.replace(NEVER, after_ms=NOON + MINUTE_MS)
    assert told(early) == ["it was not running yet: its first sign of life came at 2025-06-16 12:01:00 UTC"]
    assert told(NEVER, state="disabled") == ["it has never run with this money; it is disabled"]
    assert told(NEVER) == ["it has never run with this money"]


def test_nobody_knows_the_future() -> None:
    assert told(AT_WORK, at_ms=NOON + 12 * MINUTE_MS) == ["that moment is still to come"]


@pytest.mark.parametrize(
    ("time_ms", "shown"),
    [(NOON, "12:00:00 UTC"), (NOON - 1, "12:00:00 UTC"), (NOON + 1_234, "12:00:01.234 UTC")],
)
def test_the_last_millisecond_of_a_candle_is_shown_as_the_next_one_s_beginning(time_ms: int, shown: str) -> None:
    assert moment(time_ms) == f"2025-06-16 {shown}"
